// The points themselves, drawn with WebGL: places are sent to the graphics card once; a change of
// colour, size, selection or filter sends one byte a row, so no point ever moves or reloads.

const VERTEX = `#version 300 es
in vec3 place;
in float group, size, flags;
uniform mat4 matrix;
uniform sampler2D palette;
uniform float ratio, turn, dimmed;
out vec4 colour;
flat out int symbol;
flat out float rim;
void main() {
  int bits = int(flags);
  bool hidden = (bits & 1) != 0;
  bool front = dimmed > 0.5 ? (bits & 2) != 0 : (bits & 4) == 0;
  vec4 look = texelFetch(palette, ivec2(int(group), 0), 0);
  symbol = int(look.a * 255.0 + 0.5);
  float alpha = dimmed > 0.5 && !front ? 0.16 : 0.88;
  colour = vec4(look.rgb * alpha, alpha);
  float pixels = size * 0.5 * ratio + 1.0;
  gl_PointSize = pixels;
  rim = pixels < 5.0 * ratio ? 1.0 : 1.0 - 1.4 * ratio / pixels;
  // What is not drawn in this turn goes where nothing is seen.
  gl_Position = hidden || front != (turn > 0.5) ? vec4(2.0, 2.0, 2.0, 1.0) : matrix * vec4(place, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour;
flat in int symbol;
flat in float rim;
uniform vec3 ground;
out vec4 seen;
void main() {
  vec2 at = abs(gl_PointCoord - 0.5) * 2.0;
  float from = symbol == 1 ? at.x + at.y : symbol == 2 ? max(at.x, at.y) / 0.85 : length(at);
  if (from > 1.0) discard;
  // A rim in the colour of the ground tells points apart that lie over each other.
  seen = from > rim ? vec4(ground * colour.a, colour.a) : colour;
}`;

export const HIDDEN = 1;
export const SELECTED = 2;
export const BEHIND = 4;

export class Points {
  count = 0;

  constructor(canvas) {
    this.canvas = canvas;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.restore());
    this.data = {};
    this.open();
  }

  open() {
    const gl = this.canvas.getContext("webgl2", { antialias: false, depth: true });
    if (!gl) throw new Error("This browser draws no WebGL 2, which the map needs; allow it or use another one.");
    this.gl = gl;
    this.program = linked(gl);
    gl.useProgram(this.program);
    this.uniforms = Object.fromEntries(
      ["matrix", "palette", "ratio", "turn", "dimmed", "ground"].map((name) => [name, gl.getUniformLocation(this.program, name)]),
    );
    this.buffers = {};
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  restore() {
    this.open();
    for (const [name, [values, width]] of Object.entries(this.data)) this.send(name, values, width);
    if (this.colours) this.paint(this.colours, this.symbols);
    this.canvas.dispatchEvent(new Event("restored"));
  }

  /** @param {Float32Array} coordinates (count * dims) */
  place(coordinates, dims) {
    this.count = coordinates.length / dims;
    this.dims = dims;
    this.send("place", coordinates, dims);
  }

  /** Give every row its group (a place in the palette), its size in half pixels, or its flags. */
  groups(groups) {
    this.send("group", groups, 1);
  }

  sizes(sizes) {
    this.send("size", sizes, 1);
  }

  flags(flags) {
    this.send("flags", flags, 1);
  }

  send(name, values, width) {
    const { gl } = this;
    this.data[name] = [values, width];
    const known = this.buffers[name];
    this.buffers[name] ??= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    if (known && known.bytes === values.byteLength) gl.bufferSubData(gl.ARRAY_BUFFER, 0, values);
    else gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    this.buffers[name].bytes = values.byteLength;
    const location = gl.getAttribLocation(this.program, name);
    gl.enableVertexAttribArray(location);
    const kind = values instanceof Float32Array ? gl.FLOAT : gl.UNSIGNED_BYTE;
    gl.vertexAttribPointer(location, width, kind, false, 0, 0);
  }

  /**
   * Set the colours of the groups.
   * @param {number[][]} colours [red, green, blue] of each of up to 256 groups, 0 to 255
   * @param {number[]} symbols of each: 0 circle, 1 diamond, 2 square
   */
  paint(colours, symbols) {
    const { gl } = this;
    this.colours = colours;
    this.symbols = symbols;
    const texels = new Uint8Array(256 * 4);
    colours.forEach((colour, i) => texels.set([...colour, symbols[i] ?? 0], 4 * i));
    this.texture ??= gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  /** Draw only these rows, or all of them. */
  only(rows) {
    const { gl } = this;
    this.drawnRows = rows;
    if (!rows) return;
    this.indices ??= gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, rows, gl.DYNAMIC_DRAW);
  }

  /**
   * @param {Float32Array} matrix from the data to the area
   * @param {{left: number, top: number, width: number, height: number}} area of the canvas, CSS pixels
   * @param {object} how
   * @param {boolean} how.dimmed whether rows that are not selected step back
   * @param {boolean} how.layered whether some groups lie behind the others
   * @param {number[]} how.ground [red, green, blue] of what is behind the points, 0 to 255
   */
  draw(matrix, area, { dimmed, layered, ground }) {
    const { gl, canvas, uniforms } = this;
    const ratio = window.devicePixelRatio || 1;
    fit(canvas, ratio);
    gl.viewport(area.left * ratio, canvas.height - (area.top + area.height) * ratio, area.width * ratio, area.height * ratio);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.count) return;
    gl[this.dims === 3 && !dimmed ? "enable" : "disable"](gl.DEPTH_TEST);
    gl.uniformMatrix4fv(uniforms.matrix, false, matrix);
    gl.uniform1f(uniforms.ratio, ratio);
    gl.uniform1f(uniforms.dimmed, dimmed ? 1 : 0);
    gl.uniform3fv(uniforms.ground, ground.map((part) => part / 255));
    for (const turn of dimmed || layered ? [0, 1] : [1]) {
      gl.uniform1f(uniforms.turn, turn);
      if (this.drawnRows) gl.drawElements(gl.POINTS, this.drawnRows.length, gl.UNSIGNED_INT, 0);
      else gl.drawArrays(gl.POINTS, 0, this.count);
    }
  }

  clear() {
    fit(this.canvas, window.devicePixelRatio || 1);
    this.gl.clearColor(0, 0, 0, 0);
    this.gl.clear(this.gl.COLOR_BUFFER_BIT);
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/** Give a canvas as many pixels as it covers on the screen. */
export function fit(canvas, ratio) {
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
      throw new Error(`The map cannot be drawn: ${gl.getShaderInfoLog(shader)}`);
    }
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, "place");
  gl.linkProgram(program);
  return program;
}
