"""The figures of the catalogue: curves that the losses themselves compute, and what a method's views pass through."""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speakerssl.losses import build_loss
from speakerssl.losses.classifiers import build_head
from speakerssl.losses.identity import identify
from speakerssl.losses.margins import MarginState

matplotlib.rcParams.update(
    {"svg.fonttype": "none", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
)
RECORDINGS, DIM, CLASSES = 32, 64, 100
COSINES = np.linspace(0.0, 0.98, 25)


def loss_figure(kind: str, name: str, choice: Any, config: Mapping[str, Any]) -> bytes:
    """The SVG of one choice: what a margin makes of a cosine, or what the loss is against plain SNT-Xent."""
    figure = Figure(figsize=(5.2, 3.2))
    axes = figure.add_axes((0.14, 0.16, 0.84, 0.8))
    if kind == "margins":
        draw_margin(axes, name, choice())
    elif kind == "regularizers":
        draw_regularizer(axes, name, choice())
    elif kind == "classifiers":
        draw_classifier(axes, name, config)
    else:
        draw_loss(axes, name, config)
    axes.legend(frameon=False)
    return svg(figure)


def draw_margin(axes: Axes, name: str, margin: Any) -> None:
    """Cosine without to cosine with the margin, for three norms or numbers of negatives where it depends on them."""
    cosine = torch.linspace(-1, 1, 201)
    axes.plot(cosine, cosine, color="0.7", label="no margin")
    cases = {"magface": (10.0, 60.0, 110.0), "adaface": (10.0, 20.0, 30.0), "simo": (255.0, 4095.0, 65535.0)}
    margin.eval()
    if name == "adaface":
        margin.observe(cosine, torch.linspace(10.0, 30.0, 201))
    for case in cases.get(name, (20.0,)):
        of = {"magface": f", norm {case:g}", "adaface": f", norm {case:g}", "simo": f", {case:g} negatives"}
        ones = torch.ones_like(cosine)
        state = MarginState(norms=case * ones, negatives=case * ones, temperature=0.2 * ones, step=10**6)
        axes.plot(cosine, margin(cosine, state).detach(), label=name + of.get(name, ""))
    axes.set(xlabel="cosine of the positive pair", ylabel="cosine with margin")


def draw_loss(axes: Axes, name: str, config: Mapping[str, Any]) -> None:
    """The loss of one batch as its positives close up, beside plain SNT-Xent on the same batch."""
    axes.plot(COSINES, plain_losses(), color="0.7", label="SNT-Xent")
    axes.plot(COSINES, losses(small(config)), label=name)
    axes.set(xlabel="cosine of the positive pairs", ylabel=f"loss ({RECORDINGS} recordings)")


def draw_classifier(axes: Axes, name: str, config: Mapping[str, Any]) -> None:
    """The loss of one embedding as it nears the centre of its own class, beside the softmax without a margin."""
    for label, options in (("normalized_softmax", {"name": "normalized_softmax"}), (name, config)):
        torch.manual_seed(0)
        head = build_head(options, DIM, CLASSES).eval()
        centre, noise = head.weight[0].detach(), torch.randn(DIM)
        centre = centre / centre.norm()
        noise = noise - (noise @ centre) * centre
        noise = noise / noise.norm()
        cosine = torch.tensor(COSINES, dtype=torch.float32)[:, None]
        embeddings = DIM**0.5 * (cosine * centre + (1 - cosine**2).sqrt() * noise)
        losses = head.classify(embeddings, torch.zeros(len(COSINES), dtype=torch.int64)).losses.detach()
        axes.plot(COSINES, losses, label=label, color="0.7" if label != name else None)
    axes.set(xlabel="cosine of an embedding with its own class", ylabel=f"loss ({CLASSES} classes)")


@cache
def plain_losses() -> list[float]:
    return losses({})


def losses(config: Mapping[str, Any]) -> list[float]:
    """The loss of random unit views whose pairs have each of the COSINES."""
    values = []
    for cosine in COSINES:
        torch.manual_seed(0)
        loss = build_loss(config)
        first, noise = torch.randn(2, RECORDINGS, DIM)
        first = torch.nn.functional.normalize(first)
        noise = torch.nn.functional.normalize(noise - (noise * first).sum(1, keepdim=True) * first)
        second = cosine * first + (1 - cosine**2) ** 0.5 * noise
        values.append(loss(first, second, reference=first).loss.item())
    return values


def small(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration for the figure's small batch."""
    negatives = config.get("negatives")
    if isinstance(negatives, Mapping) and negatives["name"] == "filter":
        return {**config, "negatives": {**negatives, "drop": 0.25}}
    if "multi_head" in config:
        return {**config, "multi_head": {**config["multi_head"], "dim": DIM}}
    return dict(config)


def draw_regularizer(axes: Axes, name: str, regularizer: Any) -> None:
    """The term as embeddings move together: views are a common direction with a growing share, plus noise."""
    shares, who = np.linspace(0.0, 0.99, 25), identify(torch.arange(256))
    values = []
    for share in shares:
        torch.manual_seed(0)
        common, own, noise = torch.randn(DIM), torch.randn(256, DIM), torch.randn(2, 256, DIM)
        views = share * common + (1 - share) * (own + 0.3 * noise)
        values.append(float(regularizer(views[0], views[1], who, who).detach()))
    axes.plot(shares, values, label=name)
    axes.set(xlabel="share of a common direction (1: all embeddings equal)", ylabel="value of the term")


def method_figure(one: Sequence[str], two: Sequence[str], loss: str) -> bytes:
    """The SVG of a method: two rows of boxes that end in the loss."""
    columns = max(len(one), len(two))
    figure = Figure(figsize=(1.75 * columns + 2.2, 2.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.55, columns + 0.75), ylim=(-0.55, 1.55))
    axes.axis("off")
    for height, row in ((1.0, one), (0.0, two)):
        for place, label in enumerate(row):
            frozen = label.startswith(("momentum", "queue", "stop", "Sinkhorn", "centre"))
            box(axes, place, height, label, "#e0e0e0" if frozen else "#b2dfdb")
            end = (place + 0.56, height) if place + 1 < len(row) else (columns - 0.05, 0.5 + 0.22 * (height - 0.5))
            axes.annotate("", end, (place + 0.43, height), arrowprops={"arrowstyle": "->", "color": "0.4"})
    box(axes, columns + 0.3, 0.5, loss, "#ffe0b2", width=0.72)
    return svg(figure)


def box(axes: Axes, x: float, y: float, label: str, colour: str, width: float = 0.84) -> None:
    words = label.split(" ")
    half = (len(words) + 1) // 2
    text = label if len(label) < 13 else " ".join(words[:half]) + "\n" + " ".join(words[half:])
    style = {"boxstyle": "round,pad=0.02,rounding_size=0.06", "facecolor": colour, "edgecolor": "0.4"}
    axes.add_patch(matplotlib.patches.FancyBboxPatch((x - width / 2, y - 0.27), width, 0.54, **style))
    axes.text(x, y, text, ha="center", va="center", fontsize=9)


def svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def rooms_figure(lines: Sequence[Sequence[str]]) -> bytes:
    """The rooms, top line first; imports go downwards."""
    figure = Figure(figsize=(7.2, 0.62 * len(lines) + 0.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-2.6, 2.2), ylim=(-len(lines) + 0.45, 0.55))
    axes.axis("off")
    for line, rooms in enumerate(lines):
        for place, room in enumerate(rooms):
            torchless = room in ("trials", "scoring", "metrics", "report")
            x = 1.3 * (place - (len(rooms) - 1) / 2)
            box(axes, x, -line, room, "#ffe0b2" if torchless else "#b2dfdb", width=1.15)
    axes.annotate("", (-2.25, -len(lines) + 0.8), (-2.25, 0.2), arrowprops={"arrowstyle": "->", "color": "0.4"})
    axes.text(-2.4, -(len(lines) - 1) / 2, "may import", rotation=90, ha="center", va="center", fontsize=9)
    axes.text(2.15, -len(lines) + 0.6, "orange: no torch", ha="right", va="bottom", fontsize=9, color="0.3")
    return svg(figure)
