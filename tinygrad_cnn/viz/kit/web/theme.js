// Light or dark: as the system has it, until the reader chooses.

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const themeListeners = [];
let themeChosen = false;

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  for (const listener of themeListeners) listener(dark);
}

// Call the function now and whenever the theme changes: for what is painted with colours of its own, such as a canvas.
function onTheme(listener) {
  themeListeners.push(listener);
  listener(isDark());
}

function themeButton() {
  const half = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
  half.append(svg("circle", { cx: 8, cy: 8, r: 6 }), svg("path", { d: "M8 2a6 6 0 0 1 0 12Z", fill: "currentColor" }));
  const press = () => {
    themeChosen = true;
    setTheme(!isDark());
  };
  const button = html("button", { type: "button", class: "theme", onclick: press }, half);
  onTheme((dark) => {
    button.title = dark ? "Light colours" : "Dark colours";
    button.setAttribute("aria-label", button.title);
  });
  return button;
}

setTheme(darkSystem.matches);
darkSystem.addEventListener("change", () => themeChosen || setTheme(darkSystem.matches));
