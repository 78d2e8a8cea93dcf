// The net as Python told it: steps with their numbers, each array read when it is first asked for.

const told = dataOf("follow");
const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array };
const arraysRead = new Map();

function numbersAt(place) {
  if (!arraysRead.has(place)) {
    const { type, data } = told.arrays[place];
    arraysRead.set(place, bytesOf(data, TYPES[type]));
  }
  return arraysRead.get(place);
}

// How far apart neighbours along each dimension lie.
function stridesOf(shape) {
  const strides = new Array(shape.length);
  let apart = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = apart;
    apart *= shape[d];
  }
  return strides;
}

// The place of a number along each dimension: [0, 3, 10, 12].
function placeIn(shape, o) {
  const strides = stridesOf(shape);
  return shape.map((size, d) => Math.floor(o / strides[d]) % size);
}

// For each number of a shape, the place of what it meets in an operand that is repeated to that shape.
function broadcasting(shape, small) {
  if (countOf(small) === countOf(shape)) return (o) => o;
  if (countOf(small) === 1) return () => 0;
  const [strides, own] = [stridesOf(shape), stridesOf(small)];
  const ahead = shape.length - small.length;
  return (o) => {
    let i = 0;
    for (let d = 0; d < small.length; d++)
      if (small[d] > 1) i += (Math.floor(o / strides[d + ahead]) % shape[d + ahead]) * own[d];
    return i;
  };
}

const steps = told.steps.map((step, index) => ({
  ...step,
  index,
  size: countOf(step.shape),
  consumers: [], // {step, slot}
  get values() {
    return numbersAt(step.value);
  },
  operands: step.operands.map((operand) => ({
    ...operand,
    size: countOf(operand.shape),
    get values() {
      return numbersAt(operand.step === null ? operand.array : told.steps[operand.step].value);
    },
    get slopes() {
      return operand.slope === undefined ? null : numbersAt(operand.slope);
    },
  })),
  // A setting that is an array.
  array(name) {
    const found = step.settings[name];
    return found === undefined ? null : numbersAt(found.array);
  },
}));
for (const step of steps)
  step.operands.forEach((operand, slot) => operand.step !== null && steps[operand.step].consumers.push({ step, slot }));

// The first operand that is another step's: where one goes on when one goes back.
function mainOperand(step) {
  return step.operands.findIndex((operand) => operand.step !== null);
}
