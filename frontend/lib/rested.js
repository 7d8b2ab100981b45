/**
 * Calls `act` once the calls of the returned function have paused: what may wait while a slider is being dragged.
 * @param {() => void} act
 * @param {number} [pause_ms]
 * @returns {() => void}
 */
export function rested(act, pause_ms = 200) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, pause_ms);
  };
}
