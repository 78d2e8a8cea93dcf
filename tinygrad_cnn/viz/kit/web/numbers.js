// How numbers, shapes and sizes are spelled.

// JSON has no NaN and no infinity: they come as strings.
function toNumber(x) {
  if (x === "inf" || x === "Infinity") return Infinity;
  if (x === "-inf" || x === "-Infinity") return -Infinity;
  return x === null || x === undefined ? NaN : Number(x);
}

function formatNumber(x, digits = 4) {
  if (x === null || x === undefined) return "–";
  if (typeof x === "boolean") return x ? "True" : "False";
  const value = toNumber(x);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (Number.isInteger(value) && size < 1e6) text = String(value);
  else if (size >= 1e-3 && size < 10 ** Math.max(digits, 5)) text = String(Number(value.toPrecision(digits)));
  else
    text = value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  if (text === "-0") text = "0";
  return text.replace(/-/g, "−");
}

function formatShape(shape) {
  if (!shape) return "";
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

function formatBytes(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1048576) return `${formatNumber(bytes / 1024, 3)} KiB`;
  return `${formatNumber(bytes / 1048576, 3)} MiB`;
}

function formatCount(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

function formatSeconds(s) {
  if (s < 1e-3) return `${formatNumber(s * 1e6, 3)} µs`;
  return s < 1 ? `${formatNumber(s * 1e3, 3)} ms` : `${formatNumber(s, 3)} s`;
}

function plural(n, word) {
  return `${formatCount(n)} ${word}${n === 1 ? "" : "s"}`;
}

// Nested lists of any depth as one flat list; a number is a list of one.
function flatten(values) {
  if (ArrayBuffer.isView(values)) return values;
  return Array.isArray(values) ? values.flat(Infinity) : [values];
}

// How many numbers an array of a shape has.
function countOf(shape) {
  return shape.reduce((n, size) => n * size, 1);
}

// The place of the number that is worth most, the first of them.
function placeOfMost(values, worth = (x) => x) {
  let [best, place] = [-Infinity, 0];
  for (let i = 0; i < values.length; i++) if (worth(values[i]) > best) [best, place] = [worth(values[i]), i];
  return place;
}

// The numbers in a text of base64, as an array of a type.
function bytesOf(text, Type = Uint8Array) {
  return new Type(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}
