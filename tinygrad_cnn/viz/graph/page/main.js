// Everything put together: toolbar, keyboard, legend, the first look.

// Redrawn after modules open or close: player and search paint what is new.
function refresh() {
  paintPlayer();
  paintMatches();
}

function drawLegend() {
  const present = new Set(picture.boxes.map(lookOf));
  if (groups.size) present.add("module");
  const entries = Object.keys(LOOK.kinds)
    .filter((kind) => present.has(kind))
    .map((kind) => {
      const sign = svg(
        "svg",
        { width: 30, height: 18, viewBox: "-2 -2 30 18", "aria-hidden": "true" },
        svg("g", { class: `node ${kind}${kind === "module" ? " folded" : ""}` }, ...drawOutline(kind, 26, 14)),
      );
      return html("li", {}, sign, LOOK.kinds[kind].means);
    });
  if (picture.boxes.some((b) => b.saved)) {
    const sign = svg(
      "svg",
      { width: 16, height: 18, viewBox: "0 -3 14 16", "aria-hidden": "true" },
      svg("g", { class: "node operation" }, svg("path", { class: "saved", d: "M2 -1h9v11l-4.5 -3.5l-4.5 3.5Z" })),
    );
    entries.push(html("li", {}, sign, "kept for backward"));
  }
  element("legend").replaceChildren(...entries);
  const steps = Array.from({ length: 9 }, (_, i) => `${heatColor(i / 8)} ${i * 12.5}%`);
  element("scale-bar").style.background = `linear-gradient(90deg, ${steps.join(", ")})`;
}

function watchToolbar() {
  const on = (id, does) => element(id).addEventListener("click", does);
  const redraw = (does) => () => {
    does();
    refresh();
  };
  on("fit", () => fit());
  on("zoom-in", () => zoomBy(1.3));
  on("zoom-out", () => zoomBy(1 / 1.3));
  on("turn", redraw(turn));
  on("open-all", redraw(openAll));
  on("close-all", redraw(closeAll));
  on("toggle-panel", () => openPanel(document.body.classList.contains("no-panel")));
  on("close-panel", () => openPanel(false));
  on("home", () => (leaveAll(), openPanel(true)));
  for (const id of ["open-all", "close-all"]) element(id).hidden = !groups.size;
  on("first", () => (pause(), goTo(0)));
  on("previous", () => stepBy(-1));
  on("play", play);
  on("next", () => stepBy(1));
  on("last", () => (pause(), goTo(lastStep)));
  on("leave", leavePlayer);
  const slider = element("slider");
  slider.max = String(lastStep);
  slider.addEventListener("input", () => (pause(), goTo(Number(slider.value))));
  const priced = picture.boxes.some((b) => b.cost);
  element("heat-box").hidden = !priced;
  element("heat").addEventListener("change", (event) => {
    heat = event.target.value;
    paintHeat();
  });
  if (priced) heat = element("heat").value = element("heat").dataset.first;
  for (const id of ["play", "slider"]) element(id).disabled = !lastStep;
}

function watchNodes() {
  const keyOf = (target) => (target.closest("[data-key]") ? target.closest("[data-key]").dataset.key : null);
  canvas.addEventListener("click", (event) => {
    const key = keyOf(event.target);
    if (key === null) {
      if (!player.active && selected !== null) select(null);
    } else {
      pause();
      activate(key);
      refresh();
    }
  });
  canvas.addEventListener("focusin", (event) => {
    const key = keyOf(event.target);
    if (key !== null && event.target.matches(":focus-visible")) reveal(drawn.get(key).rect);
  });
}

function leaveAll() {
  if (player.active) leavePlayer();
  endSearch();
  select(null);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function watchKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    if (key === "Escape" && target.matches("input, select, textarea")) return void target.blur();
    if (isOwnKey(event)) return;
    const node = target.dataset && target.dataset.key;
    const does = () => {
      if (key === "/") return (element("search").focus(), true);
      if (key === "+" || key === "=") return (zoomBy(1.25), true);
      if (key === "-") return (zoomBy(0.8), true);
      if (key === "0" || key === "f") return (fit(), true);
      if (key === "e" || key === "c") return groups.size && ((key === "e" ? openAll : closeAll)(), refresh(), true);
      if (key === "d") return (toPanelAndBack(), true);
      if (key === "Escape") return (leaveAll(), true);
      if (node && drawn.has(node) && key === "Enter") return (activate(node), refresh(), true);
      if (key === " ") return (lastStep && play(), true);
      if (ARROWS[key]) return (arrow(ARROWS[key], node), true);
      return false;
    };
    if (does()) event.preventDefault();
  });
}

// From the graph into the panel, and back to the node that it is about.
function toPanelAndBack() {
  const node = drawn.get(selected);
  if (!panel.contains(document.activeElement)) {
    openPanel(true);
    panel.focus();
  } else if (node) node.element.focus();
  else canvas.focus();
}

function arrow([dx, dy], node) {
  if (player.active && dx) return stepBy(dx);
  if (!node || !drawn.has(node)) return panBy(-80 * dx, -80 * dy);
  const next = neighbour(node, dx, dy);
  if (next === null) return undefined;
  drawn.get(next).element.focus({ preventScroll: true });
  return reveal(drawn.get(next).rect);
}

function firstLook() {
  openAsFits();
  const failed = picture.boxes.find((b) => b.kind === "failed");
  if (failed) {
    openPanel(innerWidth >= 900); // which says what did not fit
    openToSee(failed.id);
  }
  frame(false);
  refresh();
  showDetails(failed ? boxKey(failed.id) : null);
  if (failed) reveal(drawn.get(boxKey(failed.id)).rect);
}

// A frame in a notebook has no size at first.
function watchSize() {
  let { width } = viewport();
  const resized = () => {
    if (!width && viewport().width) firstLook();
    else drawFrame();
    ({ width } = viewport());
  };
  new ResizeObserver(resized).observe(canvas);
}

function start() {
  const theme = themeButton();
  theme.id = "theme";
  element("home").before(theme);
  element("title").textContent = picture.title || "Computation graph";
  element("notice").hidden = !picture.notice;
  element("notice-text").textContent = picture.notice || "";
  element("notice-close").addEventListener("click", () => (element("notice").hidden = true));
  watchToolbar();
  watchPointers();
  watchMap();
  watchNodes();
  watchKeys();
  watchSearch();
  drawLegend();
  firstLook();
  watchSize();
  document.body.dataset.ready = "yes";
}

start();
