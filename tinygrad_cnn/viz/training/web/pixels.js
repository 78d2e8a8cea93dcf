// Small pictures on canvases: thumbnails, grids of filters, strips of numbers.

// A picture that Python's `thumbnail` made: grey or in colours.
function paintThumbnail(canvas, { image, height, width, channels }) {
  const bytes = bytesOf(image);
  paintCells(canvas, height, width, (i) => (channels === 3 ? [...bytes.slice(3 * i, 3 * i + 3)] : [bytes[i], bytes[i], bytes[i]]));
}

// `count` pictures of height x width side by side, with a gap of one cell between them: color(i) of the i-th number.
function paintGrid(canvas, { count, height, width }, color, room = 420) {
  const across = height === 1 ? 1 : Math.ceil(Math.sqrt(count * 1.6));
  const gap = height === 1 || count === 1 ? 0 : 1;
  const rows = Math.ceil(count / across) * (height + gap) - gap;
  const columns = Math.min(across, count) * (width + gap) - gap;
  paintCells(canvas, rows, columns, (i) => {
    const [y, x] = [Math.floor(i / columns), i % columns];
    const which = Math.floor(y / (height + gap)) * across + Math.floor(x / (width + gap));
    const [r, c] = [y % (height + gap), x % (width + gap)];
    return r >= height || c >= width || which >= count ? null : color((which * height + r) * width + c);
  });
  const cell = Math.max(1, Math.min(14, Math.floor(room / Math.max(rows, columns))));
  canvas.style.width = `${columns * cell}px`;
  if (count === 1) canvas.style.height = `${rows * Math.max(cell, Math.min(10, Math.floor(room / rows)), 1)}px`; // of a wide matrix
}

// Filters (count, [channels,] height, width) as signed bytes.
function paintFilters(canvas, { data }, about) {
  const bytes = bytesOf(data, Int8Array);
  const scale = colorScale("diverging", -127, 127);
  const size = about.height * about.width;
  const rgb = (i) => [0, 1, 2].map((k) => 128 + bytes[(3 * Math.floor(i / size) + k) * size + (i % size)]);
  paintGrid(canvas, about, about.kind === "colour" ? rgb : (i) => scale(bytes[i] === -128 ? NaN : bytes[i]));
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
