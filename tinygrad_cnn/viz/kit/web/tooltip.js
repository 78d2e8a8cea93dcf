// One small text beside the pointer. tooltip.show(x, y, text) takes places in the window, as events have them.

const tooltip = {
  box: html("div", { class: "tooltip", role: "tooltip", hidden: true }),
  show(x, y, text) {
    const { box } = tooltip;
    box.textContent = text;
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    const left = Math.max(8, Math.min(x + 14, innerWidth - width - 8));
    const top = y + 18 + height > innerHeight ? y - height - 10 : y + 18;
    box.style.transform = `translate(${Math.round(left)}px, ${Math.round(Math.max(4, top))}px)`;
  },
  hide() {
    tooltip.box.hidden = true;
  },
};
document.body.append(tooltip.box);
addEventListener("keydown", (event) => event.key === "Escape" && tooltip.hide());
addEventListener("scroll", tooltip.hide, { capture: true, passive: true });
