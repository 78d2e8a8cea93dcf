// A drawing as MNIST's digits are (LeCun et al., 1998): 20 pixels high or wide, in the middle of 28 x 28. The network has
// seen no others. It is center_digit of tinygrad_cnn.data, for a drawing whose paper is 0.

const SIZE = 28;
const BOX = 20;
const MARGIN = 1e-9; // rounding errors decide nothing

/** A matrix, as rows, that shrinks a line: each new pixel averages what it covers of the old ones. */
function averages(length, scale) {
  const size = Math.max(Math.ceil(length * scale - MARGIN), 1);
  const start = (length - size / scale) / 2;
  return Array.from({ length: size }, (_, k) => {
    const [from, to] = [start + k / scale, start + (k + 1) / scale];
    return Array.from({ length }, (_, i) => Math.max(Math.min(to, i + 1) - Math.max(from, i), 0) * scale);
  });
}

/** a @ b, of matrices as lists of rows. */
function product(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => (value ? sum + value * b[k][j] : sum), 0)));
}

function transposed(a) {
  return a[0].map((_, j) => a.map((row) => row[j]));
}

/** Where a line must begin for its centre of mass to lie in the middle, as far as it then stays within the picture. */
function place(line) {
  const mass = line.reduce((a, b) => a + b, 0);
  const center = line.reduce((sum, value, i) => sum + value * i, 0) / mass;
  return Math.min(Math.max(Math.floor(SIZE / 2 - center + 0.5), 0), SIZE - line.length);
}

/** The picture, 784 numbers 0 to 255, of a drawing: rows of numbers, 0 where there is no ink. Null where there is none. */
function centered(drawing) {
  const rows = drawing.map((row) => row.some((value) => value > 0));
  const [top, bottom] = [rows.indexOf(true), rows.lastIndexOf(true)];
  if (top < 0) return null;
  const columns = drawing[0].map((_, j) => drawing.some((row) => row[j] > 0));
  const [left, right] = [columns.indexOf(true), columns.lastIndexOf(true)];
  const digit = drawing.slice(top, bottom + 1).map((row) => row.slice(left, right + 1));
  const peak = Math.max(...digit.map((row) => Math.max(...row)));

  const scale = BOX / Math.max(digit.length, digit[0].length);
  const down = averages(digit.length, scale);
  const across = transposed(averages(digit[0].length, scale));
  const small = product(product(down, digit), across).map((row) => row.map((value) => value / peak));

  // Thin pens leave grey: what nine tenths of the inked pixels lie below becomes full ink.
  const most = Math.max(...small.flat());
  const inked = small.flat().filter((value) => value > ((1 + MARGIN) * most) / 255).sort((a, b) => a - b);
  const at = 0.9 * (inked.length - 1);
  const [below, above] = [inked[Math.floor(at)], inked[Math.ceil(at)]];
  const full = below + (above - below) * (at - Math.floor(at));
  const pixels = small.map((row) => row.map((value) => Math.floor(255 * Math.min(value / full, 1) + 0.5 + MARGIN)));

  const y = place(pixels.map((row) => row.reduce((a, b) => a + b, 0)));
  const x = place(transposed(pixels).map((column) => column.reduce((a, b) => a + b, 0)));
  const picture = new Array(SIZE * SIZE).fill(0);
  pixels.forEach((row, i) => row.forEach((value, j) => (picture[(y + i) * SIZE + x + j] = value)));
  return picture;
}
