// Everything that the reader can set.

function field(label, control) {
  return html("label", { class: "field" }, html("span", {}, label), control);
}

function chooser(id, options, value, onchange) {
  const select = html("select", { id, onchange: () => onchange(select.value) });
  for (const [key, name] of options) select.append(html("option", { value: key, selected: key === value }, name));
  return select;
}

function dataSettings() {
  const made = Object.entries(DATA_SETS).map(([key, { name }]) => [key, name]);
  const all = [...(given.points.length ? [["given", "As given"]] : []), ...made, ["own", "Paint your own"]];
  const noise = slider({
    label: "Noise", min: 0, max: 0.4, step: 0.01, value: settings.noise, format: (v) => v.toFixed(2),
    onchange: (v) => {
      settings.noise = v;
      loadPoints();
      show();
    },
  });
  const choose = chooser("data", all, settings.data, (key) => {
    settings.data = key;
    if (DATA_SETS[key]) noise.set((settings.noise = DATA_SETS[key].noise));
    loadPoints();
    restart();
    changed();
  });
  const seed = html("input", { id: "seed", type: "number", min: 0, max: 999999, step: 1, value: settings.seed, inputmode: "numeric" });
  const draw = (value) => {
    settings.seed = Math.max(0, Math.min(999999, Math.floor(Number(value)) || 0));
    seed.value = settings.seed;
    loadPoints();
    restart();
    changed();
  };
  seed.addEventListener("change", () => draw(seed.value));
  const next = html("button", { type: "button", id: "next-seed", onclick: () => draw(settings.seed + 1) }, "New seed");
  element("data-settings").append(field("Data", choose), noise.element, html("div", { class: "pair" }, field("Seed", seed), next));
  return () => {
    noise.input.disabled = !DATA_SETS[settings.data];
    noise.element.classList.toggle("off", noise.input.disabled);
  };
}

function brushes() {
  const place = element("brushes");
  const pick = (brush) => {
    plane.brush = brush;
    update();
  };
  const clear = () => {
    run.drawn = [];
    loadPoints();
    changed();
  };
  function update() {
    place.hidden = settings.data !== "own";
    const kinds = Array.from({ length: run.classes }, (_, k) => k);
    place.replaceChildren(
      ...kinds.map((k) =>
        html(
          "button",
          { type: "button", "aria-pressed": plane.brush === k, onclick: () => pick(k) },
          html("i", { class: `swatch class${k}` }),
          given.names[k],
        ),
      ),
      html("button", { type: "button", "aria-pressed": plane.brush < 0, onclick: () => pick(-1) }, "Take away"),
      html("button", { type: "button", id: "clear", onclick: clear }, "Clear"),
    );
  }
  return update;
}

/** One line for each hidden layer. Drawn anew when layers come or go; the focus stays where it was. */
function layerSettings() {
  const place = element("layer-settings");
  return () => {
    const focus = document.activeElement?.dataset?.key;
    const hidden = run.layers.slice(0, -1);
    const rows = hidden.map((layer, l) => {
      const units = layer.weight.rows;
      const set = (n) => {
        setUnits(l, n);
        changed();
      };
      const button = (key, sign, name, off, onclick) =>
        html("button", { type: "button", "data-key": `${key}${l}`, "aria-label": `${name} hidden layer ${l + 1}`, disabled: off, onclick }, sign);
      const kind = chooser(
        null,
        Object.keys(ACTIVATIONS).map((name) => [name, name.replace("_", " ")]),
        layer.activation,
        (name) => {
          setActivation(l, name);
          changed();
        },
      );
      kind.setAttribute("aria-label", `Activation of hidden layer ${l + 1}`);
      kind.dataset.key = `kind${l}`;
      return html(
        "div",
        { class: "layer", role: "group", "aria-label": `Hidden layer ${l + 1}, ${plural(units, "neuron")}` },
        button("less", "−", "One neuron less in", units === 1, () => set(units - 1)),
        html("output", {}, String(units)),
        button("more", "+", "One neuron more in", units >= MOST_UNITS, () => set(units + 1)),
        kind,
        button("drop", "×", "Remove", false, () => {
          removeLayer(l);
          changed();
        }),
      );
    });
    const more = html("button", { type: "button", id: "add-layer", "data-key": "add", disabled: hidden.length >= MOST_LAYERS }, "Add a layer");
    more.addEventListener("click", () => {
      addLayer();
      changed();
    });
    place.replaceChildren(...rows, more);
    const again = focus && place.querySelector(`[data-key="${focus}"]`);
    if (focus && place.dataset.built) (again && !again.disabled ? again : more).focus();
    place.dataset.built = "yes";
  };
}

function trainingSettings() {
  const put = (name) => (value) => (settings[name] = value);
  const rates = slider({ label: "Learning rate", min: 0.0001, max: 3, log: true, value: settings.lr, format: (v) => formatNumber(v, 2), onchange: put("lr") });
  const batch = slider({ label: "Batch size", min: 1, max: Math.max(FEW, given.points.length), step: 1, value: settings.batch, onchange: put("batch") });
  const momentum = slider({ label: "Momentum", min: 0, max: 0.99, step: 0.01, value: settings.momentum, format: (v) => v.toFixed(2), onchange: put("momentum") });
  const decay = slider({ label: "Weight decay", min: 0, max: 0.05, step: 0.0005, value: settings.decay, format: (v) => formatNumber(v, 3), onchange: put("decay") });
  const optimizer = chooser("optimizer", Object.keys(OPTIMIZERS).map((name) => [name, name]), settings.optimizer, (name) => {
    settings.optimizer = name;
    rates.set((settings.lr = { SGD: 0.1, Adam: 0.03 }[name]));
    fromHere();
  });
  const speeds = [["1", "1 step a frame"], ["5", "5 steps a frame"], ["25", "25 steps a frame"], ["0", "as fast as it can"]];
  const speed = chooser("speed", speeds, "5", put("speed"));
  settings.speed = "5";
  element("training-settings").append(
    field("Optimizer", optimizer),
    rates.element, batch.element, momentum.element, decay.element,
    field("Speed", speed),
  );
}
