// The page: what is shown, and when it trains.

const FRAME = 30; // milliseconds of training between two pictures, at the most
const CALM = 500; // milliseconds between two pictures for readers who asked for no motion

element("title").textContent = given.title;
element("engine-source").textContent = dataOf("engine-text");
element("theme-place").replaceWith(themeButton());
const curves = linePlot({ label: "Loss", width: 420, height: 170, x: [0], series: [], logY: true, xLabel: "step" });
element("curves").append(curves.element);
const updates = [dataSettings(), layerSettings(), brushes()];
trainingSettings();

/** Draw everything that depends on weights and points. */
function show() {
  plane.steps = forward(run.layers, grid);
  showNet();
  showPlane();
  showNeuron();
  showSlopes();
  showNumbers();
}

/** Other layers or points: the controls and the tiles are others too. */
function changed() {
  for (const update of updates) update();
  buildNet();
  show();
}

function showNumbers() {
  const { train, test } = run.now;
  const share = (set, name) => (set ? [html("span", {}, `${name} `, html("b", {}, formatPercent(set.right)))] : []);
  element("counts").replaceChildren(html("span", {}, "step ", html("b", {}, formatCount(run.steps))), ...share(train, "training"), ...share(test, "test"));
  Object.assign(document.body.dataset, { steps: run.steps, train: train?.right ?? "", test: test?.right ?? "", loss: train?.loss ?? "" });
  const answer = chosen.unit === null;
  element("plane-name").textContent = answer ? "What the network says" : nameOf(chosen.layer, chosen.unit);
  plane.canvas.setAttribute("aria-label", `${element("plane-name").textContent}, ${plural(run.train.length, "training point")}; arrow keys ask at a place, Enter ${settings.data === "own" ? "paints" : "explains the nearest point"}`);
  showLegend(answer);
  const series = [{ name: "training loss", color: "var(--accent)", values: run.history.train }];
  if (run.test.length) series.push({ name: "test loss", color: "var(--gradient)", values: run.history.test });
  curves.update({ x: run.history.steps, series });
  say(lost() ? "The loss is no number any more. Lower the learning rate, and restart." : !run.train.length ? "Click into the plane to put points there, then play." : "");
  for (const id of ["play", "step"]) element(id).disabled = !run.train.length || lost();
}

function showLegend(answer) {
  const place = element("legend");
  const key = answer ? `classes ${run.classes}` : "signed";
  if (place.dataset.key !== key) {
    place.dataset.key = key;
    const kinds = Array.from({ length: run.classes }, (_, k) => html("span", {}, html("i", { class: `swatch class${k}` }), given.names[k]));
    const scale = [html("span", {}, html("i", { class: "ramp" }))];
    place.replaceChildren(...(answer ? kinds : scale), html("span", { id: "legend-words" }));
  }
  if (answer) element("legend-words").textContent = run.test.length ? "hollow: kept aside for the test" : "";
  else {
    const most = formatNumber(mostOf(mapOf(chosen.layer, chosen.unit)), 3);
    element("legend-words").textContent = `−${most} to ${most}`;
  }
}

function say(text) {
  const notice = element("notice");
  if (notice.textContent !== text) notice.textContent = text;
  notice.hidden = !text;
}

// --------------------------------------------------------------------------------------------------------- training
const last = { shown: 0, cost: 0 }; // when the last picture was done, and how many milliseconds it took

function frame() {
  if (!run.playing) return;
  const began = performance.now();
  const most = Number(settings.speed) || Infinity;
  let loss = 0;
  for (let n = 0; n < most && Number.isFinite(loss) && performance.now() - began < FRAME; n++) loss = advance();
  const rest = performance.now() - last.shown;
  if (!Number.isFinite(loss)) {
    measure();
    pause();
  } else if (rest > Math.max(last.cost, calm.matches ? CALM : 0)) {
    const drawing = performance.now(); // a large net trains for half of the time at least
    measure();
    show();
    last.shown = performance.now();
    last.cost = last.shown - drawing;
  }
  requestAnimationFrame(frame);
}

function play() {
  if (element("play").disabled) return;
  run.playing = !run.playing;
  element("play").textContent = run.playing ? "Pause" : "Play";
  sample.before = null;
  if (run.playing) requestAnimationFrame(frame);
  else {
    measure();
    pause();
  }
}

function pause() {
  run.playing = false;
  element("play").textContent = "Play";
  show();
  const { train } = run.now;
  if (train) announce(`Step ${run.steps}: ${formatPercent(train.right)} of the training points right, loss ${formatNumber(train.loss)}`);
}

/** One step, with the numbers of one point before and after it. */
function step() {
  if (element("step").disabled) return;
  if (!sampleNow()) sample.at = 0;
  sample.before = explained().loss;
  advance();
  measure();
  element("slopes").open = true;
  pause();
}

function again() {
  sample.before = null;
  restart();
  pause();
}

element("play").addEventListener("click", play);
element("step").addEventListener("click", step);
element("restart").addEventListener("click", again);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isOwnKey(event)) return;
  if (event.key === "s") step();
  else if (event.key === "r") again();
  else if (event.key === "Escape" && chosen.unit !== null) {
    choose(-1, null);
    show();
  } else if (event.key === " ") {
    event.preventDefault();
    play();
  }
});

run.classes = given.classes;
loadPoints();
restart();
onTheme(() => {
  readColors();
  if (net.tiles.length) show();
});
changed();
new ResizeObserver(() => {
  placeNet();
  show();
}).observe(element("net"));
document.body.dataset.ready = "yes";
