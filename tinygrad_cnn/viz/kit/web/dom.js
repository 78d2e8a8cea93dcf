// Elements of HTML and SVG. Texts of users go through textContent and setAttribute alone.

const SVG = new DOMParser().parseFromString("<svg>", "text/html").querySelector("svg").namespaceURI;
const calm = matchMedia("(prefers-reduced-motion: reduce)"); // calm.matches: the reader asked for no motion

function element(id) {
  return document.getElementById(id);
}

// html("button", { class: "main", onclick: go }, "Go"): attributes that begin with "on" are listeners, true is an empty
// attribute, false, null and undefined are none; so are children that are false, null or undefined.
function html(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "style") made.style.cssText = value; // as an attribute, a page that is served may not have it
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return made;
}

// A table: texts over its columns, or cells of one's own; rows are tr. Without a head, [], it has a body alone.
function tableOf(attributes, head, rows) {
  const cells = head.map((name) => (name instanceof Element ? name : html("th", { scope: "col" }, name)));
  return html("table", attributes, cells.length > 0 && html("thead", {}, html("tr", {}, cells)), html("tbody", {}, rows));
}

// Something with a text over it.
function figureOf(text, shown) {
  return html("figure", {}, html("figcaption", {}, text), shown);
}

// Is a key that somebody presses meant for the control that has the focus, or for the page? A slider knows its arrows,
// a button the space, a field everything.
function isOwnKey({ target, key }) {
  const control = target.closest("input, select, textarea, button, summary, a");
  if (!control) return false;
  if (control.matches("input[type=range]")) return /^(Arrow|Home|End|Page)/.test(key);
  if (control.matches("button, summary, a, input[type=checkbox]")) return key === " " || key === "Enter";
  return true;
}

// The data that Python's document(data={id: ...}) has put into the page.
function dataOf(id) {
  return JSON.parse(element(id).textContent);
}

// Say something to people who listen to the page instead of looking at it.
function announce(text) {
  announcer.textContent = text;
}

const announcer = html("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
document.body.append(announcer);
