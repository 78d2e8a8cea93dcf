// What steps and numbers are called, and how a number that follows another is spelled.

function signed(x) {
  return x < 0 ? `− ${formatNumber(-x)}` : `+ ${formatNumber(x)}`;
}

// A number in a table: three decimals do.
function compact(x) {
  const size = Math.abs(x);
  return size >= 0.0005 && size < 100 ? formatNumber(Number(x.toFixed(3))) : formatNumber(x, size < 1 ? 1 : 3);
}

// A number that may stand after a sign.
function enclosed(x) {
  return x < 0 ? `(${formatNumber(x)})` : formatNumber(x);
}

function titleOf(step) {
  return `${step.index} · ${step.name}`;
}

// conv1[3, 10, 12]: the place without the batch dimension.
function cellName(step, o) {
  const place = placeIn(step.shape, o);
  const shown = step.shape[0] === 1 ? place.slice(1) : place;
  return `${nameOf(step)}[${shown.join(", ")}]`;
}

// A name that no other step has: where several relus are, relu·5.
function nameOf(step) {
  if (!step.ownName)
    step.ownName = steps.some((other) => other !== step && other.name === step.name)
      ? `${step.name}·${step.index}`
      : step.name;
  return step.ownName;
}

function classNamed(k) {
  return told.classes[k];
}

// A step's output as pictures: {count, rows, columns, placeOf(o) = [picture, row, column], numberAt(picture, row, column)
// = o, or -1}. A vector is laid out in rows.
function picturesOf(step) {
  if (step.pictures) return step.pictures;
  const shape = step.shape[0] === 1 && step.shape.length > 1 ? step.shape.slice(1) : step.shape;
  const ends = shape.slice(-2);
  const flat = shape.length < 2 || countOf(ends) === 1;
  let [rows, columns, per] = [...ends, countOf(ends)];
  if (flat) {
    per = step.size;
    columns = per <= 16 ? 1 : widthOf(per);
    rows = Math.ceil(per / columns);
  }
  step.pictures = {
    count: step.size / per,
    per,
    rows,
    columns,
    flat,
    placeOf: (o) => [Math.floor(o / per), Math.floor((o % per) / columns), (o % per) % columns],
    numberAt: (picture, row, column) => (row * columns + column < per ? picture * per + row * columns + column : -1),
    // The numbers of one picture, from numbers of the whole step; null where a vector leaves the last row short.
    cut(numbers, picture) {
      const part = Array.from(numbers.subarray(picture * per, (picture + 1) * per));
      while (part.length < rows * columns) part.push(null);
      return part;
    },
  };
  return step.pictures;
}

// A length for the rows of a vector of n: a divisor if there is one that makes no needle, else one that leaves a rest.
function widthOf(n) {
  for (let k = Math.floor(Math.sqrt(n)); k * k * 4 >= n; k--) if (n % k === 0) return n / k;
  return Math.ceil(Math.sqrt(n));
}

function scaleOf(step) {
  if (!step.scale) {
    const [low, high] = extent(step.values);
    step.scale = withGaps(colorScale(step.kind === "input" && low >= 0 ? "gray" : "diverging", low, high));
  }
  return step.scale;
}

// A scale that leaves white what is no number of the picture's.
function withGaps(scale) {
  return (value) => (value === null ? [255, 255, 255] : scale(value));
}

// A button that goes to a number.
function cellLink(step, o, text = cellName(step, o)) {
  return html("button", { type: "button", class: "link", onclick: () => select(step, o) }, text);
}

// The head of a table whose last column holds bars.
function headOf(names) {
  const bars = html("th", { scope: "col" }, html("span", { class: "visually-hidden" }, "drawn"));
  return [...names, bars];
}

// Colours for a table's cell: the scale's, and black or white on it.
function painted(rgb) {
  return `background:${cssColor(rgb)};color:${inkOn(rgb)}`;
}
