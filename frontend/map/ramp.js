/**
 * The colours of the rates: one byte a cell → colour. Lightness changes steadily and the hue runs yellow–red–violet
 * (violet–orange–yellow on dark ground), which stays in order with every common colour blindness and in grey.
 * The lowest values are transparent, so that the map beneath stays readable where little is expected.
 */

// Lightness, a, b in OKLab; chosen on screen, evenly spaced in lightness.
const LIGHT = ["#fff3bf", "#fdd98a", "#f9b25e", "#ee8245", "#d9533b", "#b3294a", "#7d1350", "#43103f"];
const DARK = ["#3a2266", "#5c2672", "#86297a", "#b73779", "#de5160", "#f57d49", "#fbb03f", "#fdf0a0"];

/** @param {boolean} dark @returns {Uint8Array} 256 × RGBA, not premultiplied; entry 0 is transparent */
export function ramp(dark) {
  const stops = (dark ? DARK : LIGHT).map(toLab);
  const table = new Uint8Array(256 * 4);
  for (let value = 1; value < 256; value += 1) {
    const place = ((value - 1) / 254) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    const share = place - low;
    const lab = stops[low].map((from, channel) => from + (stops[low + 1][channel] - from) * share);
    const opacity = 0.3 + 0.55 * Math.min(1, (value - 1) / 110);
    table.set([...toRgb(lab), Math.round(opacity * 255)], value * 4);
  }
  return table;
}

/** @param {number} share 0..1 @param {boolean} dark @returns {string} a CSS colour */
export function rampColour(share, dark) {
  const table = ramp(dark);
  const at = (1 + Math.round(Math.min(1, Math.max(0, share)) * 254)) * 4;
  return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]} / ${(table[at + 3] / 255).toFixed(2)})`;
}

function toLab(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toRgb([lightness, a, b]) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((c) => Math.round(255 * Math.min(1, Math.max(0, c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055))));
}
