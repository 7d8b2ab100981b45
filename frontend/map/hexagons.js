/**
 * All cells as one MapLibre layer: corners go to the graphics card once, then one byte a cell and step.
 * A step writes one small texture and draws again; nothing else moves. Cells that rise in the live picture glow for a
 * second (`glow`), unless the person asked for less motion.
 */
import { ramp } from "./ramp.js";

const VERTEX = `#version 300 es
precision highp float;
precision highp usampler2D;
in vec2 a_position;
in vec2 a_offset;
uniform mat4 u_matrix;
uniform float u_fill;
uniform float u_opacity;
uniform vec3 u_glow;
uniform usampler2D u_values;
uniform usampler2D u_glows;
uniform sampler2D u_ramp;
out vec4 v_colour;
void main() {
  int cell = gl_VertexID / 6;
  int width = textureSize(u_values, 0).x;
  uint value = texelFetch(u_values, ivec2(cell % width, cell / width), 0).r;
  if (value == 0u) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); v_colour = vec4(0.0); return; }
  vec4 colour = texelFetch(u_ramp, ivec2(int(value), 0), 0);
  float glow = float(texelFetch(u_glows, ivec2(cell % width, cell / width), 0).r) / 255.0;
  float alpha = max(colour.a, glow * 0.85) * u_opacity;
  v_colour = vec4(mix(colour.rgb, u_glow, glow * 0.5) * alpha, alpha);
  gl_Position = u_matrix * vec4(a_position + a_offset * u_fill * (1.0 + 0.22 * glow), 0.0, 1.0);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 v_colour;
out vec4 colour;
void main() { colour = v_colour; }`;
const TEXTURE_WIDTH = 512;
const GLOW_MS = 1_400;
const GLOWS = 400; // more at once would be a flicker and no sign
const GLOW_COLOUR = { light: [1, 0.98, 0.82], dark: [1, 1, 0.94] };
const TRIANGLES = [0, 1, 2, 0, 2, 3, 0, 3, 4, 0, 4, 5];

export class HexagonLayer {
  id = "hexagons";
  type = "custom";
  renderingMode = "2d";

  /**
   * @param {import("./cells.js").Cells} cells
   * @param {boolean} dark
   */
  constructor(cells, dark) {
    this.cells = cells;
    this.dark = dark;
    this.rows = Math.ceil(cells.count / TEXTURE_WIDTH);
    this.values = new Uint8Array(TEXTURE_WIDTH * this.rows);
    this.hasValues = false;
    this.opacity = 1;
    this.glows = new Uint8Array(this.values.length);
    /** @type {Map<number, number>} cell → when it began to glow */
    this.glowing = new Map();
    /** @type {() => void} called after each drawn frame that showed new values */
    this.onDrawn = () => {};
  }

  /** @param {Uint8Array} values one byte a cell, in the grid's order */
  setValues(values) {
    this.values.set(values.subarray(0, this.cells.count));
    this.hasValues = true;
    this.valuesChanged = true;
    this.map?.triggerRepaint();
  }

  /** @param {number[]} cells that rose just now */
  glow(cells) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const now = performance.now();
    for (const cell of cells) if (this.glowing.size < GLOWS) this.glowing.set(cell, now);
    if (cells.length) this.map?.triggerRepaint();
  }

  /** @param {number} opacity 0..1 of the whole layer */
  setOpacity(opacity) {
    if (opacity === this.opacity) return;
    this.opacity = opacity;
    this.map?.triggerRepaint();
  }

  /** @param {boolean} dark */
  setDark(dark) {
    this.dark = dark;
    this.rampChanged = true;
    this.map?.triggerRepaint();
  }

  onAdd(map, gl) {
    this.map = map;
    this.program = link(gl);
    this.uniforms = Object.fromEntries(["matrix", "fill", "opacity", "glow", "values", "glows", "ramp"].map((name) => [name, gl.getUniformLocation(this.program, `u_${name}`)]));
    const { origin, unit, positions, offsets } = this.cells.vertices();
    Object.assign(this, { origin, unit });
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    attribute(gl, this.program, "a_position", positions);
    attribute(gl, this.program, "a_offset", offsets);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles(this.cells.count), gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    this.valueTexture = texture(gl, gl.R8UI, TEXTURE_WIDTH, this.rows);
    this.glowTexture = texture(gl, gl.R8UI, TEXTURE_WIDTH, this.rows);
    this.rampTexture = texture(gl, gl.RGBA8, 256, 1);
    this.valuesChanged = this.rampChanged = this.glowsChanged = true;
  }

  onRemove(map, gl) {
    gl.deleteProgram(this.program);
    gl.deleteVertexArray(this.array);
    gl.deleteTexture(this.valueTexture);
    gl.deleteTexture(this.glowTexture);
    gl.deleteTexture(this.rampTexture);
    this.map = null;
  }

  render(gl, { defaultProjectionData }) {
    if (!this.hasValues) return;
    const isNew = this.valuesChanged;
    this.#fadeGlows();
    gl.useProgram(this.program);
    this.#bindTextures(gl);
    gl.uniformMatrix4fv(this.uniforms.matrix, false, this.#matrix(defaultProjectionData.mainMatrix));
    gl.uniform1f(this.uniforms.fill, this.map.getZoom() > 14 ? 0.965 : 1);
    gl.uniform1f(this.uniforms.opacity, this.opacity);
    gl.uniform3fv(this.uniforms.glow, GLOW_COLOUR[this.dark ? "dark" : "light"]);
    gl.bindVertexArray(this.array);
    gl.drawElements(gl.TRIANGLES, this.cells.count * TRIANGLES.length, gl.UNSIGNED_INT, 0);
    gl.bindVertexArray(null);
    if (isNew) this.onDrawn();
    if (this.glowing.size) this.map.triggerRepaint();
  }

  #fadeGlows() {
    if (!this.glowing.size) return;
    const now = performance.now();
    for (const [cell, begun] of this.glowing) {
      const left = 1 - (now - begun) / GLOW_MS;
      this.glows[cell] = left > 0 ? Math.round(255 * left * left) : 0;
      if (left <= 0) this.glowing.delete(cell);
    }
    this.glowsChanged = true;
  }

  #bindTextures(gl) {
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.valueTexture);
    if (this.valuesChanged) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, TEXTURE_WIDTH, this.rows, gl.RED_INTEGER, gl.UNSIGNED_BYTE, this.values);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.rampTexture);
    if (this.rampChanged) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 1, gl.RGBA, gl.UNSIGNED_BYTE, ramp(this.dark));
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, this.glowTexture);
    if (this.glowsChanged) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, TEXTURE_WIDTH, this.rows, gl.RED_INTEGER, gl.UNSIGNED_BYTE, this.glows);
    gl.uniform1i(this.uniforms.glows, 2);
    gl.uniform1i(this.uniforms.values, 0);
    gl.uniform1i(this.uniforms.ramp, 1);
    this.valuesChanged = this.rampChanged = this.glowsChanged = false;
  }

  /** mainMatrix × translate(origin) × scale(unit), computed in 64 bits before it is narrowed to 32. */
  #matrix(main) {
    const [x, y] = this.origin;
    const matrix = new Float32Array(16);
    for (let row = 0; row < 4; row += 1) {
      matrix[row] = main[row] * this.unit;
      matrix[4 + row] = main[4 + row] * this.unit;
      matrix[8 + row] = main[8 + row];
      matrix[12 + row] = main[row] * x + main[4 + row] * y + main[12 + row];
    }
    return matrix;
  }
}

function triangles(count) {
  const indices = new Uint32Array(count * TRIANGLES.length);
  for (let cell = 0; cell < count; cell += 1) {
    for (let corner = 0; corner < TRIANGLES.length; corner += 1) indices[cell * TRIANGLES.length + corner] = cell * 6 + TRIANGLES[corner];
  }
  return indices;
}

function attribute(gl, program, name, data) {
  const location = gl.getAttribLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(location);
  gl.vertexAttribPointer(location, 2, gl.FLOAT, false, 0, 0);
}

function texture(gl, format, width, height) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
  for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
  for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, axis, gl.CLAMP_TO_EDGE);
  return made;
}

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "the hexagons' program does not link");
  return program;
}
