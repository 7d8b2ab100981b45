/**
 * From picture to ground by clicked points, for a look while clicking; what is saved is fitted anew by the server.
 * Points of the picture are fractions of its width and height; places are metres east and north of the camera.
 */

const EARTH_M = 6_371_008.8;
const DEGREE_M = (Math.PI / 180) * EARTH_M;

/** @param {[number, number]} origin lon, lat @param {[number, number]} place @returns {[number, number]} metres east, north */
export function metresFrom([lon, lat], [x, y]) {
  return [(x - lon) * DEGREE_M * Math.cos((lat * Math.PI) / 180), (y - lat) * DEGREE_M];
}

/** @param {[number, number]} origin @param {[number, number]} metres @returns {[number, number]} lon, lat */
export function placeAt([lon, lat], [east, north]) {
  return [lon + east / (DEGREE_M * Math.cos((lat * Math.PI) / 180)), lat + north / DEGREE_M];
}

/**
 * The 3 × 3 matrix (row by row) that takes points to metres with least squared error; null where the points give none.
 * @param {[number, number][]} points @param {[number, number][]} metres
 * @returns {number[] | null}
 */
export function fit(points, metres) {
  if (points.length < 4) return null;
  const scale = Math.max(1, ...metres.flat().map(Math.abs)); // so that rows of the system are of one size
  const normal = Array.from({ length: 8 }, () => new Array(9).fill(0));
  const add = (row, right) => {
    for (let i = 0; i < 8; i += 1) {
      for (let j = 0; j < 8; j += 1) normal[i][j] += row[i] * row[j];
      normal[i][8] += row[i] * right;
    }
  };
  for (const [at, [x, y]] of points.entries()) {
    const [u, v] = metres[at].map((value) => value / scale);
    add([x, y, 1, 0, 0, 0, -u * x, -u * y], u);
    add([0, 0, 0, x, y, 1, -v * x, -v * y], v);
  }
  const solved = solve(normal);
  return solved && [...solved.slice(0, 6).map((value) => value * scale), solved[6], solved[7], 1];
}

/** @param {number[]} matrix @param {[number, number]} point @returns {[number, number] | null} null beyond the horizon */
export function apply(matrix, [x, y]) {
  const w = matrix[6] * x + matrix[7] * y + matrix[8];
  if (Math.abs(w) < 1e-9) return null;
  return [(matrix[0] * x + matrix[1] * y + matrix[2]) / w, (matrix[3] * x + matrix[4] * y + matrix[5]) / w];
}

/** @param {number[]} m @returns {number[] | null} */
export function inverse(m) {
  const [a, b, c, d, e, f, g, h, i] = m;
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(determinant) < 1e-12) return null;
  return [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d].map((value) => value / determinant);
}

/** Which side of the horizon a point of the picture lies on. @param {number[]} matrix @param {[number, number]} point @returns {number} */
export function side(matrix, [x, y]) {
  return Math.sign(matrix[6] * x + matrix[7] * y + matrix[8]);
}

/** Gauss with pivots on 8 rows of 9. @param {number[][]} rows @returns {number[] | null} */
function solve(rows) {
  const n = rows.length;
  for (let column = 0; column < n; column += 1) {
    let best = column;
    for (let row = column + 1; row < n; row += 1) if (Math.abs(rows[row][column]) > Math.abs(rows[best][column])) best = row;
    if (Math.abs(rows[best][column]) < 1e-12) return null;
    [rows[column], rows[best]] = [rows[best], rows[column]];
    for (let row = 0; row < n; row += 1) {
      if (row === column) continue;
      const times = rows[row][column] / rows[column][column];
      for (let at = column; at <= n; at += 1) rows[row][at] -= times * rows[column][at];
    }
  }
  return rows.map((row, at) => row[n] / row[at]);
}
