// The colours of classes and of neurons, as numbers ready for the pixels of a canvas.

const SHAPES = ["circle", "square", "triangle", "diamond", "pentagon", "hexagon"]; // of the classes, told apart without colours
const paint = { classes: [], paper: [255, 255, 255], ink: [0, 0, 0], signed: null, positive: "", negative: "" };

const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; // as little-endian machines store it

/** Where a color changes gradually, 256 of it are enough. */
function readColors() {
  const scale = colorScale("diverging", -1, 1);
  paint.signed = Uint32Array.from({ length: 257 }, (_, i) => pixel(scale(i / 128 - 1)));
  paint.classes = SHAPES.map((_, k) => themeColor(`--class${k}`));
  paint.paper = themeColor("--paper");
  paint.ink = themeColor("--ink");
  paint.positive = cssColor(themeColor("--gradient"));
  paint.negative = cssColor(themeColor("--accent"));
}

/** A number between -most and most. */
const signedPixel = (value, most) =>
  Number.isFinite(value) ? paint.signed[Math.round(128 + (128 * Math.max(-most, Math.min(most, value))) / most)] : pixel(NOT_FINITE);

/** The color of the likeliest class, paler the less sure. */
function classPixel(p) {
  const best = likeliest(p);
  if (best < 0) return pixel(NOT_FINITE);
  const sure = (p[best] - 1 / p.length) / (1 - 1 / p.length);
  return pixel(paint.classes[best].map((c, i) => Math.round(paint.paper[i] + (c - paint.paper[i]) * (0.12 + 0.58 * sure))));
}

const formatPercent = (x) => `${(100 * x).toFixed(x > 0.9995 || x < 0.0005 ? 0 : 1)} %`;
