// The network. An array is { shape, values }: all its numbers in a row, the last index running first. One function for
// each kind of layer; each takes an array and the layer's settings and weights, and returns a new array.

/** Weights stand in the page as base64: the bytes of their float32 numbers, written as letters. */
function decode({ shape, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return { shape, values: new Float32Array(bytes.buffer) };
}

/** Each filter slides over the image, and says at every place how much it finds there of what it looks for. */
function conv2d({ shape: [channels, height, width], values }, { weight, bias, stride, padding }) {
  const [filters, , rows, columns] = weight.shape;
  const outHeight = Math.floor((height + 2 * padding[0] - rows) / stride[0]) + 1;
  const outWidth = Math.floor((width + 2 * padding[1] - columns) / stride[1]) + 1;
  const out = [];
  for (let f = 0; f < filters; f++) {
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        let sum = bias ? bias.values[f] : 0;
        for (let c = 0; c < channels; c++) {
          for (let i = 0; i < rows; i++) {
            const row = y * stride[0] + i - padding[0];
            if (row < 0 || row >= height) continue; // padding: zeros around the image
            for (let j = 0; j < columns; j++) {
              const column = x * stride[1] + j - padding[1];
              if (column < 0 || column >= width) continue;
              sum += weight.values[((f * channels + c) * rows + i) * columns + j] * values[(c * height + row) * width + column];
            }
          }
        }
        out.push(sum);
      }
    }
  }
  return { shape: [filters, outHeight, outWidth], values: out };
}

/** What speaks for something stays, what speaks against it becomes 0. */
function relu({ shape, values }) {
  return { shape, values: values.map((value) => Math.max(value, 0)) };
}

/** Of each window only the largest number goes on: it matters that something was found, not where exactly. */
function maxPool2d({ shape: [channels, height, width], values }, { kernel, stride }) {
  const outHeight = Math.floor((height - kernel[0]) / stride[0]) + 1;
  const outWidth = Math.floor((width - kernel[1]) / stride[1]) + 1;
  const out = [];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        let most = -Infinity;
        for (let i = 0; i < kernel[0]; i++) {
          for (let j = 0; j < kernel[1]; j++) {
            most = Math.max(most, values[(c * height + y * stride[0] + i) * width + x * stride[1] + j]);
          }
        }
        out.push(most);
      }
    }
  }
  return { shape: [channels, outHeight, outWidth], values: out };
}

/** All maps, one after another, as one long row. */
function flatten({ values }) {
  return { shape: [values.length], values };
}

/** Each output is a sum of all inputs, each times a weight of its own. */
function linear({ shape: [inputs], values }, { weight, bias }) {
  const out = Array.from({ length: weight.shape[0] }, (_, o) =>
    values.reduce((sum, value, i) => sum + weight.values[o * inputs + i] * value, bias ? bias.values[o] : 0),
  );
  return { shape: [out.length], values: out };
}

/** Scores become probabilities: all above 0, together 1. The largest is taken off first, so that exp stays in range. */
function softmax(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

const kinds = { conv2d, relu, maxPool2d, flatten, linear };
const layers = JSON.parse(document.getElementById("layers").textContent).map((layer) => ({
  ...layer,
  weight: layer.weight && decode(layer.weight),
  bias: layer.bias && decode(layer.bias),
}));

/** The ten probabilities of a picture: 784 numbers, 0 to 255. */
function read(picture) {
  let array = { shape: [1, 28, 28], values: Array.from(picture, (pixel) => pixel / 255) };
  for (const layer of layers) array = kinds[layer.kind](array, layer);
  return softmax(array.values);
}
