// How the number was made, spelled out.

function layMade() {
  const { step, o } = current;
  const written = writtenOf(step, o);
  element("made-title").replaceChildren(`${cellName(step, o)} = ${formatNumber(step.values[o], 6)}`);
  const box = element("made").querySelector(".inside");
  const words = SPELLED[written.how](step, o, written);
  const where = [
    step.path && `in ${step.path} (${step.module})`,
    step.line && `${step.line.file}:${step.line.line}  ${step.line.code}`,
  ];
  box.replaceChildren(
    ...[words].flat().filter(Boolean),
    ...where.filter(Boolean).map((text) => html("p", { class: "where" }, text)),
  );
  box.dataset.written = written.result === null ? "" : String(written.result);
  box.dataset.value = String(step.values[o]);
  return written;
}

const SPELLED = {
  products: spellProducts,
  sum: spellWindow,
  mean: spellWindow,
  scaled: spellWindow,
  largest: spellWindow,
  normalized(step, o, { x, i, mean, variance, eps, weight, bias, of, result }) {
    const from = of ? `of the ${formatCount(of)} numbers of its group` : "the running ones, kept from training";
    return [
      html("p", {}, `${step.op}: (x − mean) / √(variance + eps) × weight + bias. Mean and variance are ${from}.`),
      equation(
        `(${formatNumber(x)} − ${enclosed(mean)}) / √(${formatNumber(variance)} + ${formatNumber(eps)}) ` +
          `× ${enclosed(weight)} ${signed(bias)}`,
        result,
      ),
      html("p", {}, "x is ", cellLink(steps[step.operands[0].step], i), "."),
    ];
  },
  affine: (step, o, { x, i, scale, shift, result }) => [
    html("p", {}, "x × scale + shift, with a scale and a shift for each channel."),
    equation(`${formatNumber(x)} × ${enclosed(scale)} ${signed(shift)}`, result),
    html("p", {}, "x is ", cellLink(steps[step.operands[0].step], i), "."),
  ],
  share(step, o, { x, i, top, total, of, result }) {
    const log = step.kind === "log_softmax";
    return [
      html(
        "p",
        {},
        `${log ? "log(softmax)" : "softmax"} over ${formatCount(of)} numbers; `,
        `the largest, ${formatNumber(top)}, is taken off all first.`,
      ),
      log
        ? equation(`${formatNumber(x)} − ${enclosed(top)} − log(${formatNumber(total)})`, result)
        : equation(`exp(${formatNumber(x)} − ${enclosed(top)}) / ${formatNumber(total)}`, result),
      html("p", {}, "x is ", cellLink(steps[step.operands[0].step], i), "."),
    ];
  },
  function(step, o, { operands, result }) {
    const infix = { add: "+", sub: "−", mul: "×", true_divide: "/" }[step.op];
    const numbers = operands.map(({ x }) => x);
    const text = infix
      ? `${formatNumber(numbers[0])} ${infix} ${enclosed(numbers[1])}`
      : step.op === "relu"
        ? `max(${formatNumber(numbers[0])}, 0)`
        : `${step.op}(${numbers.map((x) => formatNumber(x)).join(", ")})`;
    return [
      equation(text, result === null ? step.values[o] : result),
      result === null
        ? html("p", { class: "note" }, `This page does not compute ${step.op}: the result is the net's own.`)
        : null,
      ...operands.map(({ x, slot, i }) => {
        const from = step.operands[slot].step;
        return html(
          "p",
          {},
          `${formatNumber(x)} is `,
          from === null ? "a number of the net's own" : cellLink(steps[from], i),
          ".",
        );
      }),
    ];
  },
  moved(step, o, { slot, i, result }) {
    if (slot < 0)
      return [html("p", {}, `${step.op} puts the constant ${formatNumber(result)} here: it hangs on nothing before.`)];
    const from = step.operands[slot].step;
    return [
      html("p", {}, `${step.op} computes nothing: it moves numbers to other places.`),
      equation(from === null ? "a number of the net's own" : cellLink(steps[from], i), result),
    ];
  },
  row: (step, o, { row, i }) => [
    html(
      "p",
      {},
      `Row ${row} of the table of ${formatCount(step.operands[0].shape[0])}: the index at `,
      cellLink(steps[step.operands[1].step], i),
      " chose it. An index has no gradient.",
    ),
  ],
  unknown(step) {
    if (step.kind === "input") return [html("p", {}, "A number of the input.")];
    if (step.settings.overwritten)
      return [
        html(
          "p",
          {},
          `${step.op}: its numbers, or those it read, were overwritten later in the same pass. `,
          "What stands here is what is left, so no sum is written out.",
        ),
      ];
    const from = step.operands
      .filter((operand) => operand.step !== null)
      .map((operand) => titleOf(steps[operand.step]));
    return [
      html(
        "p",
        {},
        `An operation, ${step.op}, of ${from.join(" and ")}. `,
        "This page does not know how its numbers hang together: no sum is written out, and walks end here.",
      ),
    ];
  },
};

function equation(left, result) {
  return html("p", { class: "math" }, left, " = ", html("b", {}, formatNumber(result, 6)));
}

// The four greatest parts of a sum, and all others as one: 1.2 − 0.8 + 0.4 − 0.3 + 0.02.
function spellParts(parts) {
  const sorted = [...parts].sort((a, b) => Math.abs(b) - Math.abs(a));
  const words = sorted.slice(0, 4).map((part, k) => (k ? signed(part) : formatNumber(part)));
  if (sorted.length > 4) words.push(signed(sorted.slice(4).reduce((total, part) => total + part, 0)));
  return words.join(" ");
}

function spellProducts(step, o, written) {
  const { terms, bias, result } = written;
  if (step.kind !== "conv" && step.kind !== "transposed") {
    const parts = spellParts(terms.map(({ product }) => product));
    return [
      html("p", {}, `The sum of ${plural(terms.length, "product")} x × w${bias === null ? "" : ", plus the bias"}.`),
      equation(`${parts}${bias === null ? "" : ` ${signed(bias)} (bias)`}`, result),
      longSum(step, terms),
    ];
  }
  const channels = new Map();
  for (const term of terms) {
    if (!channels.has(term.c)) channels.set(term.c, []);
    channels.get(term.c).push(term);
  }
  const shares = [...channels].map(([c, part]) => [c, part.reduce((total, { product }) => total + product, 0)]);
  shares.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  if (!shares.length)
    return [
      html("p", {}, "No window reaches this pixel: it is the bias alone."),
      equation(formatNumber(bias || 0), result),
    ];
  if (!channels.has(current.channel)) current.channel = shares[0][0];
  const parts = spellParts(shares.map(([, share]) => share));
  const what =
    step.kind === "conv"
      ? "the window of the layer before × the kernel"
      : "all pixels whose kernel reaches this one × the weight they reach it with";
  return [
    html(
      "p",
      {},
      `The sum of ${plural(terms.length, "product")}: ${what}`,
      channels.size > 1 ? `, in ${plural(channels.size, "channel")}` : null,
      bias === null ? "." : ", plus the bias.",
    ),
    ...grids(step, channels.get(current.channel)),
    channels.size > 1 ? channelList(step, shares) : null,
    equation(`${parts}${bias === null ? "" : ` ${signed(bias)} (bias)`}`, result),
  ];
}

// Pools, means, sums and maxima over windows or dimensions.
function spellWindow(step, o, written) {
  const { how, terms, sum, factor, result, winner, least } = written;
  const x = steps[step.operands[0].step];
  const won = terms.find(({ i }) => i === winner);
  const place = terms.indexOf(won) + 1;
  const all = terms.map((term) => (term.i < 0 ? "padding" : formatNumber(term.x)));
  const words = {
    sum: () => [html("p", {}, `The sum of ${plural(terms.length, "number")}.`), equation("sum", result)],
    mean: () => [
      html("p", {}, `The mean of ${plural(terms.length, "number")}.`),
      equation(`${formatNumber(sum)} / ${terms.length}`, result),
    ],
    scaled: () => [
      html(
        "p",
        {},
        `The mean of a window: the sum of its ${plural(terms.length, "number")}, `,
        `divided by ${formatNumber(1 / factor)}.`,
      ),
      equation(`${formatNumber(sum)} / ${formatNumber(1 / factor)}`, result),
    ],
    largest: () => [
      html(
        "p",
        {},
        `The ${least ? "least" : "largest"} of ${plural(terms.length, "number")}: the ${ordinal(place)} won, `,
        cellLink(x, winner),
        ".",
      ),
      equation(`${least ? "min" : "max"}(${terms.length <= 9 ? all.join(", ") : "…"})`, result),
    ],
  };
  const grid = terms[0].ky === undefined || terms.length > 81 ? null : windowTable(x, terms, winner);
  return [...words[how](), grid];
}

function ordinal(n) {
  const last = n % 10;
  const ending = Math.floor((n % 100) / 10) === 1 || last === 0 || last > 3 ? "th" : ["st", "nd", "rd"][last - 1];
  return `${n}${ending}`;
}
