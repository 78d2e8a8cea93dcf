// Where one looks: pan, zoom, fit, and the small map in the corner.

const camera = { x: 0, y: 0, zoom: 1, world: { width: 1, height: 1 } };
const canvas = element("canvas");
const stage = element("stage");
const ZOOMS = [0.02, 4];
const READABLE = 11 / 12; // the smallest text of a node has 12 pixels, and is read with 11

let gliding = 0; // the animation frame that moves on

function viewport() {
  const box = canvas.getBoundingClientRect();
  return { width: box.width, height: box.height, left: box.left, top: box.top };
}

function look(x, y, zoom = camera.zoom) {
  cancelAnimationFrame(gliding);
  aim(x, y, zoom);
}

function aim(x, y, zoom) {
  camera.zoom = Math.max(ZOOMS[0], Math.min(ZOOMS[1], zoom));
  camera.x = x;
  camera.y = y;
  stage.setAttribute("transform", `translate(${round(x)} ${round(y)}) scale(${camera.zoom})`);
  canvas.classList.toggle("far", camera.zoom < 0.3);
  element("zoom").textContent = `${Math.round(camera.zoom * 100)} %`;
  drawFrame();
}

// The same, smoothly, unless the reader asked for calm.
function glide(x, y, zoom = camera.zoom) {
  cancelAnimationFrame(gliding);
  if (calm.matches || document.hidden) return look(x, y, zoom);
  const from = { ...camera };
  const begin = performance.now();
  const step = (now) => {
    const t = Math.max(0, Math.min(1, (now - begin) / 220));
    const ease = t * (2 - t);
    aim(from.x + (x - from.x) * ease, from.y + (y - from.y) * ease, from.zoom + (zoom - from.zoom) * ease);
    if (t < 1) gliding = requestAnimationFrame(step);
  };
  gliding = requestAnimationFrame(step);
}

function fit(smooth = true) {
  const view = viewport();
  const { width, height } = camera.world;
  const zoom = Math.min(view.width / width, view.height / height, 1.3);
  (smooth ? glide : look)((view.width - width * zoom) / 2, (view.height - height * zoom) / 2, zoom);
}

// As fit, but what would come out too small to read begins at its beginning instead, with the map to find one's way.
function frame(smooth = true) {
  const view = viewport();
  const { width, height } = camera.world;
  if (Math.min(view.width / width, view.height / height) >= READABLE) return fit(smooth);
  const zoom = Math.max(READABLE, Math.min(1, Math.max(view.width / width, view.height / height)));
  const first = scene.items.reduce((a, b) => (a.order <= b.order ? a : b));
  const place = (room, size, at) =>
    size > room ? Math.min(0, Math.max(room - size, room / 2 - at)) : (room - size) / 2;
  const x = place(view.width, width * zoom, (first.x + first.width / 2) * zoom);
  const y = place(view.height, height * zoom, (first.y + first.height / 2) * zoom);
  return (smooth ? glide : look)(x, y, zoom);
}

function zoomBy(factor, at = null) {
  const view = viewport();
  const point = at || { x: view.width / 2, y: view.height / 2 };
  const zoom = Math.max(ZOOMS[0], Math.min(ZOOMS[1], camera.zoom * factor));
  const ratio = zoom / camera.zoom;
  look(point.x - (point.x - camera.x) * ratio, point.y - (point.y - camera.y) * ratio, zoom);
}

function panBy(dx, dy) {
  look(camera.x + dx, camera.y + dy);
}

// Bring a rectangle of the graph into sight, and move no more than that takes.
function reveal(rect, smooth = true) {
  if (seesAll()) return;
  const view = viewport();
  const margin = Math.min(60, view.width / 8, view.height / 8);
  const shift = (from, to, room) => {
    if (to - from > room - 2 * margin) return (room - from - to) / 2;
    if (from < margin) return margin - from;
    return to > room - margin ? room - margin - to : 0;
  };
  const zoom = Math.max(camera.zoom, Math.min(0.7, view.width / (rect.width + 200), view.height / (rect.height + 200)));
  const near = { x: camera.x, y: camera.y };
  if (zoom !== camera.zoom) {
    // too far away to read: come closer, with the node in the middle
    near.x = view.width / 2 - (rect.x + rect.width / 2) * zoom;
    near.y = view.height / 2 - (rect.y + rect.height / 2) * zoom;
  }
  const left = near.x + rect.x * zoom;
  const top = near.y + rect.y * zoom;
  const dx = shift(left, left + rect.width * zoom, view.width);
  const dy = shift(top, top + rect.height * zoom, view.height);
  if (dx || dy || zoom !== camera.zoom) (smooth ? glide : look)(near.x + dx, near.y + dy, zoom);
}

// Dragging with a mouse, a pen or a finger; two fingers zoom. A press that hardly moves is a click on the node.
function watchPointers() {
  const down = new Map();
  let moved = 0;
  const middle = () => {
    const points = [...down.values()];
    const x = points.reduce((s, p) => s + p.x, 0) / points.length;
    const y = points.reduce((s, p) => s + p.y, 0) / points.length;
    const spread = points.length > 1 ? Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y) : 0;
    return { x, y, spread };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!down.size) moved = 0;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  window.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    const before = middle();
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    moved += Math.abs(after.x - before.x) + Math.abs(after.y - before.y);
    if (moved < 4) return;
    canvas.classList.add("dragging");
    panBy(after.x - before.x, after.y - before.y);
    const view = viewport();
    if (before.spread && after.spread)
      zoomBy(after.spread / before.spread, { x: after.x - view.left, y: after.y - view.top });
  });
  const release = (event) => {
    down.delete(event.pointerId);
    if (!down.size) setTimeout(() => canvas.classList.remove("dragging"));
  };
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);
  canvas.addEventListener(
    "click",
    (event) => {
      if (moved >= 4) event.stopPropagation();
    },
    true,
  );
  canvas.addEventListener(
    "wheel",
    (event) => {
      const zooms = event.ctrlKey || event.metaKey;
      if (window !== window.top && !document.hasFocus() && !zooms) return; // a notebook is being scrolled past it
      event.preventDefault();
      const scale = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
      const view = viewport();
      if (zooms) {
        const factor = Math.exp(-Math.max(-60, Math.min(60, event.deltaY * scale)) * 0.006);
        zoomBy(factor, { x: event.clientX - view.left, y: event.clientY - view.top });
      } else if (event.shiftKey && !event.deltaX) panBy(-event.deltaY * scale, 0);
      else panBy(-event.deltaX * scale, -event.deltaY * scale);
    },
    { passive: false },
  );
}

// ------------------------------------------------------------------------------------------------------ small map
const map = element("map");
let mapScale = 1;

function drawMap(scene) {
  mapScale = Math.min(180 / scene.width, 130 / scene.height);
  const box = (s) => `M${round(s.x)} ${round(s.y)}h${round(s.width)}v${round(s.height)}h${round(-s.width)}Z`;
  map.setAttribute("viewBox", `0 0 ${scene.width} ${scene.height}`);
  map.setAttribute("width", Math.max(24, scene.width * mapScale));
  map.setAttribute("height", Math.max(24, scene.height * mapScale));
  element("map-groups").setAttribute("d", scene.groups.map(box).join(""));
  element("map-items").setAttribute("d", scene.items.map(box).join(""));
  drawFrame();
}

function seesAll() {
  const view = viewport();
  const { x, y, zoom, world } = camera;
  const inside =
    x >= -1 && y >= -1 && x + world.width * zoom <= view.width + 1 && y + world.height * zoom <= view.height + 1;
  return inside && zoom > 0.5;
}

function drawFrame() {
  const view = viewport();
  const { x, y, zoom } = camera;
  const frame = element("map-frame");
  frame.setAttribute("x", -x / zoom);
  frame.setAttribute("y", -y / zoom);
  frame.setAttribute("width", view.width / zoom);
  frame.setAttribute("height", view.height / zoom);
  element("map-box").hidden = seesAll();
}

function watchMap() {
  const go = (event) => {
    if (!(event.buttons & 1)) return;
    const box = map.getBoundingClientRect();
    const view = viewport();
    const x = ((event.clientX - box.left) / box.width) * camera.world.width;
    const y = ((event.clientY - box.top) / box.height) * camera.world.height;
    look(view.width / 2 - x * camera.zoom, view.height / 2 - y * camera.zoom);
  };
  map.addEventListener("pointerdown", go);
  map.addEventListener("pointermove", go);
}
