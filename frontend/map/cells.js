/** Decodes the block of cells (format HXG1, see webapp/maps/selectors/cells.py) and finds the cell under a point. */

const CORNERS = 6;

/** Web Mercator of MapLibre: the world is the unit square. @param {number} longitude */
const mercatorX = (longitude) => (180 + longitude) / 360;
/** @param {number} latitude */
const mercatorY = (latitude) => (180 - (180 / Math.PI) * Math.log(Math.tan(Math.PI / 4 + (latitude * Math.PI) / 360))) / 360;

export class Cells {
  /** @param {ArrayBuffer} block */
  constructor(block) {
    const head = new DataView(block);
    if (head.getUint32(0, false) !== 0x48584731) throw new Error("not a block of cells of format HXG1");
    const n = head.getUint32(4, true);
    this.count = n;
    this.west = head.getFloat64(8, true);
    this.south = head.getFloat64(16, true);
    this.step = head.getFloat64(24, true);
    this.ids = new BigUint64Array(block, 32, n);
    this.centres = new Int32Array(block, 32 + 8 * n, 2 * n);
    this.corners = new Int16Array(block, 32 + 16 * n, 2 * CORNERS * n);
    this.index = new Map();
    for (let cell = 0; cell < n; cell += 1) this.index.set(this.ids[cell].toString(16), cell);
  }

  /** @param {number} cell @returns {string} the H3 index in hexadecimal */
  id(cell) {
    return this.ids[cell].toString(16);
  }

  /** @param {string} id @returns {number} -1 where unknown */
  indexOf(id) {
    return this.index.get(id) ?? -1;
  }

  /** @param {number} cell @returns {[number, number]} longitude, latitude */
  centre(cell) {
    return [this.west + this.centres[cell] * this.step, this.south + this.centres[this.count + cell] * this.step];
  }

  /** @param {number} cell @returns {[number, number][]} the closed ring of corners */
  ring(cell) {
    const [longitude, latitude] = this.centre(cell);
    const ring = [];
    for (let corner = 0; corner <= CORNERS; corner += 1) {
      const plane = (corner % CORNERS) * 2 * this.count + cell;
      ring.push([longitude + this.corners[plane] * this.step, latitude + this.corners[plane + this.count] * this.step]);
    }
    return /** @type {[number, number][]} */ (ring);
  }

  /**
   * Corners for the graphics card, relative to an origin so that 32-bit floats keep their precision.
   * @returns {{origin: [number, number], unit: number, positions: Float32Array, offsets: Float32Array}}
   *   Mercator = origin + unit × (position + offset): `positions` the centres, `offsets` the corners, six vertices a cell
   */
  vertices() {
    const { count: n, step } = this;
    const origin = /** @type {[number, number]} */ ([mercatorX(this.west), mercatorY(this.south)]);
    const unit = 1e-6;
    const positions = new Float32Array(n * CORNERS * 2);
    const offsets = new Float32Array(n * CORNERS * 2);
    for (let cell = 0; cell < n; cell += 1) {
      const [longitude, latitude] = this.centre(cell);
      const x = mercatorX(longitude);
      const y = mercatorY(latitude);
      const perLatitude = 1 / Math.cos((latitude * Math.PI) / 180); // dy = −dlat / (360 cos lat): exact enough over one cell
      for (let corner = 0; corner < CORNERS; corner += 1) {
        const plane = corner * 2 * n + cell;
        const at = (cell * CORNERS + corner) * 2;
        positions[at] = (x - origin[0]) / unit;
        positions[at + 1] = (y - origin[1]) / unit;
        offsets[at] = (this.corners[plane] * step) / 360 / unit;
        offsets[at + 1] = (-this.corners[plane + n] * step * perLatitude) / 360 / unit;
      }
    }
    return { origin, unit, positions, offsets };
  }

  /**
   * The cell that contains a point.
   * @param {number} longitude
   * @param {number} latitude
   * @returns {number} -1 where none
   */
  at(longitude, latitude) {
    this.buckets ??= new Buckets(this);
    const x = (longitude - this.west) / this.step;
    const y = (latitude - this.south) / this.step;
    for (const cell of this.buckets.near(x, y)) if (this.#contains(cell, x, y)) return cell;
    return -1;
  }

  /** Even-odd rule over the six edges. */
  #contains(cell, x, y) {
    const n = this.count;
    const dx = x - this.centres[cell];
    const dy = y - this.centres[n + cell];
    let inside = false;
    for (let a = 0, b = CORNERS - 1; a < CORNERS; b = a, a += 1) {
      const ax = this.corners[a * 2 * n + cell];
      const ay = this.corners[(a * 2 + 1) * n + cell];
      const bx = this.corners[b * 2 * n + cell];
      const by = this.corners[(b * 2 + 1) * n + cell];
      if (ay > dy !== by > dy && dx < ((bx - ax) * (dy - ay)) / (by - ay) + ax) inside = !inside;
    }
    return inside;
  }
}

/** Squares about as wide as a cell, each with the cells whose centre it holds. */
class Buckets {
  /** @param {Cells} cells */
  constructor(cells) {
    let widest = 1;
    for (let corner = 0; corner < CORNERS * 2; corner += 1) widest = Math.max(widest, Math.abs(cells.corners[corner * cells.count]));
    this.size = widest * 2;
    /** @type {Map<string, number[]>} */
    this.lists = new Map();
    for (let cell = 0; cell < cells.count; cell += 1) {
      const key = `${Math.floor(cells.centres[cell] / this.size)},${Math.floor(cells.centres[cells.count + cell] / this.size)}`;
      const list = this.lists.get(key);
      if (list) list.push(cell);
      else this.lists.set(key, [cell]);
    }
  }

  /** @param {number} x @param {number} y */
  *near(x, y) {
    const column = Math.floor(x / this.size);
    const row = Math.floor(y / this.size);
    for (let dx = -1; dx <= 1; dx += 1) {
      for (let dy = -1; dy <= 1; dy += 1) yield* this.lists.get(`${column + dx},${row + dy}`) ?? [];
    }
  }
}
