// Colours for numbers. What is not finite has a colour that no scale has.

const NOT_FINITE = [230, 0, 200];
const STOPS = {
  diverging: [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]], // blue, white, red
  sequential: [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], // violet, green, yellow
  heat: [[255, 250, 225], [254, 217, 142], [254, 153, 41], [204, 76, 2], [102, 37, 6]], // from white to brown
  gray: [[0, 0, 0], [255, 255, 255]],
};

// A function from a number to [r, g, b]. "diverging" is white at 0 and equally strong on both sides, whichever of
// -low and high is greater; the others go from low to high. Numbers beyond the ends have the colours of the ends.
function colorScale(kind, low, high) {
  const stops = STOPS[kind];
  const most = Math.max(Math.abs(low), Math.abs(high));
  const [from, to] = kind === "diverging" ? [-most, most] : [low, high];
  return (value) => {
    const number = toNumber(value);
    if (!Number.isFinite(number)) return NOT_FINITE;
    const middle = kind === "diverging" ? 0.5 : 0; // where all numbers are one
    return mixStops(stops, to > from ? (number - from) / (to - from) : middle);
  };
}

function mixStops(stops, t) {
  const place = Math.max(0, Math.min(1, t)) * (stops.length - 1);
  const i = Math.min(Math.floor(place), stops.length - 2);
  return stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (place - i)));
}

function cssColor(rgb) {
  return `rgb(${rgb.join(",")})`;
}

// A canvas of one pixel a cell: color(i), row by row, is [r, g, b], or null for nothing. Written from memory, never by
// the GPU.
function paintCells(canvas, rows, columns, color) {
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const rgb = color(i);
    if (rgb) image.data.set([...rgb, 255], 4 * i);
  }
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}

// Black or white, whichever is easier to read on a colour: by the relative luminance of WCAG 2 (W3C, 2008).
function inkOn(rgb) {
  const [r, g, b] = rgb.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff"; // 0.179: both are equally far
}

// The smallest and the greatest finite number: [0, 0] where there is none.
function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of values) {
    const value = toNumber(x);
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 0] : [low, high];
}

// A colour of the page as it is just now, [r, g, b], for a canvas: themeColor("--ink").
function themeColor(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return found;
}
