/** Where selected words stand in the ruling's text. The server counts characters (code points), the browser UTF-16 units. */

/** @typedef {{start: number, end: number, quote: string}} Words */

/**
 * The selected words with the characters they span; blanks at both ends are left out. Null where nothing of the text is selected.
 * @param {HTMLElement} text holds elements with `data-start`, the number of their first character
 * @param {Range} range
 * @returns {Words | null}
 */
export function chosenWords(text, range) {
  let start = null;
  let quote = "";
  for (const piece of text.querySelectorAll("[data-start]")) {
    const node = piece.firstChild;
    if (!node || !range.intersectsNode(node)) continue;
    const from = node === range.startContainer ? range.startOffset : 0;
    const to = node === range.endContainer ? range.endOffset : node.data.length;
    if (from >= to) continue;
    start ??= Number(piece.dataset.start) + characters(node.data.slice(0, from));
    quote += node.data.slice(from, to);
  }
  const kept = quote.trim();
  if (start === null || !kept) return null;
  start += characters(quote.slice(0, quote.indexOf(kept)));
  return { start, end: start + characters(kept), quote: kept };
}

/** How many characters a text has, each letter beyond the basic plane being one. @param {string} text */
export function characters(text) {
  return [...text].length;
}
