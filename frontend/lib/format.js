/** Numbers and times as people read them. Times are always shown in the jurisdiction's own zone. */

const language = document.documentElement.lang || "ko";
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });

/**
 * An expected number of incidents: two significant digits, never an exponent.
 * @param {number} value
 * @param {{least?: number}} [options] least: below it only "< least" is said
 * @returns {string}
 */
export function expected(value, { least = 0.0001 } = {}) {
  if (!(value > 0)) return "0";
  if (value < least) return `< ${least}`;
  if (value >= 100) return whole.format(value);
  const digits = value >= 10 ? 1 : Math.max(0, 1 - Math.floor(Math.log10(value)));
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** @param {number} value @returns {string} */
export function count(value) {
  return whole.format(value);
}

/** @param {number} share 0..1 @param {number} [digits] @returns {string} */
export function percent(share, digits = 0) {
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(share * 100)} %`;
}

/**
 * The probability of at least one incident, in words: "about once in 50" or "23 %".
 * @param {number} rate expected incidents
 * @returns {string}
 */
export function chance(rate) {
  const probability = -Math.expm1(-rate);
  if (probability <= 0) return gettext("practically never");
  if (probability >= 0.2) return interpolate(gettext("%s chance"), [percent(probability)]);
  const times = 1 / probability;
  const size = 10 ** Math.max(0, Math.floor(Math.log10(times)) - 1);
  return interpolate(gettext("about once in %s"), [whole.format(Math.round(times / size) * size)]);
}

/** "12 s ago", "3 min ago", "5 h ago" @param {Date | string} moment @param {number} [now] @returns {string} */
export function ago(moment, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(moment).getTime()) / 1000);
  if (seconds < 90) return interpolate(gettext("%s s ago"), [Math.round(seconds)]);
  if (seconds < 90 * 60) return interpolate(gettext("%s min ago"), [Math.round(seconds / 60)]);
  if (seconds < 36 * 3600) return interpolate(gettext("%s h ago"), [Math.round(seconds / 3600)]);
  return interpolate(gettext("%s days ago"), [Math.round(seconds / 86_400)]);
}

/** Times of one jurisdiction. */
export class Clock {
  /** @param {string} timeZone */
  constructor(timeZone) {
    const make = (options) => new Intl.DateTimeFormat(language, { timeZone, ...options });
    this.day = make({ month: language === "ko" ? "long" : "short", day: "numeric", weekday: "short" });
    this.shortDay = make({ month: "numeric", day: "numeric" });
    this.weekdayFormat = make({ weekday: "short" });
    this.hourFormat = make({ hour: "2-digit", hourCycle: "h23" });
    this.moment = make({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.timeFormat = make({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    this.minuteFormat = make({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.dayKey = make({ year: "numeric", month: "2-digit", day: "2-digit" });
  }

  /** @param {Date} time @returns {string} */
  hour(time) {
    return this.hourFormat.formatToParts(time).find((part) => part.type === "hour").value;
  }

  /** "11월 23일 (월) 14–22시" @param {Date} start @param {Date} end @returns {string} */
  slot(start, end) {
    return `${this.day.format(start)} ${this.hours(start, end)}`;
  }

  /** "14–22시" @param {Date} start @param {Date} end @returns {string} */
  hours(start, end) {
    return interpolate(gettext("%(from)s–%(to)s h"), { from: this.hour(start), to: this.hour(end) }, true);
  }

  /** "14:03:22" @param {Date} time @returns {string} */
  time(time) {
    return this.timeFormat.format(time);
  }

  /** "14:03" @param {Date} time @returns {string} */
  minute(time) {
    return this.minuteFormat.format(time);
  }

  /** @param {Date} time @returns {string} */
  dateTime(time) {
    return this.moment.format(time);
  }
}
