// Small pictures on canvases: bytes in base64, grids of filters, strips of numbers.

function bytesOf(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function signedBytesOf(text) {
  return new Int8Array(bytesOf(text).buffer);
}

// Colours of `count` cells, color(i) as [r, g, b] or null for nothing, on a canvas.
function paintCells(canvas, rows, columns, color) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const rgb = color(i);
    if (rgb) image.data.set([...rgb, 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// A picture that Python's `thumbnail` made: grey or in colours.
function paintThumbnail(canvas, { image, height, width, channels }) {
  const bytes = bytesOf(image);
  paintCells(canvas, height, width, (i) => (channels === 3 ? [...bytes.slice(3 * i, 3 * i + 3)] : [bytes[i], bytes[i], bytes[i]]));
}

// Filters (count, [channels,] height, width) as signed bytes, side by side with a gap of one cell.
function paintFilters(canvas, { data }, about) {
  const { count, height, width, kind } = about;
  const bytes = signedBytesOf(data);
  const scale = colorScale("diverging", -127, 127);
  const across = width === 1 || height === 1 ? 1 : Math.ceil(Math.sqrt(count * 1.6));
  const gap = height === 1 ? 0 : 1;
  const rows = Math.ceil(count / across) * (height + gap) - gap;
  const columns = Math.min(across, count) * (width + gap) - gap;
  const size = height * width;
  paintCells(canvas, rows, columns, (i) => {
    const [y, x] = [Math.floor(i / columns), i % columns];
    const which = Math.floor(y / (height + gap)) * across + Math.floor(x / (width + gap));
    const [r, c] = [y % (height + gap), x % (width + gap)];
    if (r >= height || c >= width || which >= count) return null;
    const at = r * width + c;
    if (kind !== "colour") return scale(bytes[which * size + at] === -128 ? NaN : bytes[which * size + at]);
    return [0, 1, 2].map((k) => 128 + bytes[(3 * which + k) * size + at]);
  });
  const cell = Math.max(1, Math.min(14, Math.floor(420 / columns)));
  canvas.style.width = `${columns * cell}px`;
}

// One line of colours, one for each number; what is null stays clear.
function strip(values, scale, label, describe) {
  const canvas = html("canvas", { class: "strip", role: "img", "aria-label": label });
  paintCells(canvas, 1, Math.max(1, values.length), (i) => (values[i] === null || values[i] === undefined ? null : scale(values[i])));
  canvas.addEventListener("pointermove", (event) => {
    const area = canvas.getBoundingClientRect();
    const i = Math.floor(((event.clientX - area.left) / area.width) * values.length);
    if (i >= 0 && i < values.length) tooltip.show(event.clientX, event.clientY, describe(i));
  });
  canvas.addEventListener("pointerleave", tooltip.hide);
  return canvas;
}
