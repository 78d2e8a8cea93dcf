// A slider with its label and its value in words. `log` spaces it by ratios (min > 0). `onchange` hears of what the
// reader does, while they do it; set(v) moves the slider and says nothing.

function slider({ label, min, max, step = null, value = min, log = false, format = formatNumber, onchange = null }) {
  const PLACES = 400; // on a logarithmic slider
  const toPlace = (v) => (log ? (Math.log(v / min) / Math.log(max / min)) * PLACES : v);
  const fromPlace = (p) => {
    if (!log) return Number(p);
    if (p <= 0 || p >= PLACES) return p <= 0 ? min : max;
    return Number((min * (max / min) ** (p / PLACES)).toPrecision(3));
  };
  let current = Math.max(min, Math.min(max, value));
  const input = html("input", {
    type: "range",
    min: log ? 0 : min,
    max: log ? PLACES : max,
    step: log ? 4 : step === null ? "any" : step,
    "aria-label": label,
  });
  const output = html("output", { "aria-hidden": "true" });
  const show = () => {
    output.textContent = format(current);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const set = (v) => {
    current = Math.max(min, Math.min(max, v));
    input.value = String(toPlace(current));
    show();
  };
  input.addEventListener("input", () => {
    current = fromPlace(Number(input.value));
    show();
    if (onchange) onchange(current);
  });
  set(current);
  const box = html("label", { class: "slider" }, html("span", { "aria-hidden": "true" }, label), input, output);
  return {
    element: box,
    input,
    set,
    get value() {
      return current;
    },
  };
}
