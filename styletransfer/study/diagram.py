"""The method as one drawing, with the features and Gram matrices of three real pictures."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError
from ..network import loss_network
from ..objective import Objective
from .sheets import show

__all__ = ["method"]

STYLE, CONTENT, GRADIENT = "#b5651d", "#1f6f8b", "#7a3b8f"

# Inches: the drawing, a row of it, the thumbnails, and the middles of the columns.
WIDTH, ROW, SIDE, BOTTOM = 12.0, 0.88, 0.76, 2.55
PAINTING, PAINTING_GRAM, LAYER_LOSS, PICTURE_GRAM, PICTURE, CONTENT_LOSS, PHOTO = (
    1.3,
    2.6,
    3.95,
    5.3,
    6.6,
    8.6,
    10.7,
)


def method(
    objective: Objective, *, photo: np.ndarray, painting: np.ndarray, picture: np.ndarray
) -> Figure:
    """Fig. 2 of Gatys et al. 2016, drawn for three pictures: what is computed and what is compared.

    The network's layers go from bottom to top. At the left are the painting's Gram matrices, in
    the middle those of the picture, at the right the photograph's features at the content layer.
    Feature maps are shown as means over their filters, Gram matrices as logarithms. The losses are
    those of `objective`, and those of style have their weights: what is written adds up to L.

    Args:
        objective: the objective of photograph and painting, with one content layer.
        photo: float (H, W, 3) in [0, 1].
        painting: likewise, of any size.
        picture: of the photograph's shape.

    Raises:
        InputError: the objective has several content layers or none.
    """
    if len(objective.content_layers) != 1:
        raise InputError("the drawing needs an objective with one content layer")
    (content_layer,) = objective.content_layers
    layers = tuple(sorted({*objective.style_layers, content_layer}))
    losses = objective(picture).layers
    network = loss_network(objective.weights, layers, pooling=objective.pooling)
    features = [network(image[None].astype(np.float32)) for image in (painting, picture, photo)]
    maps = [{layer: np.asarray(f[layer])[0] for layer in layers} for f in features]
    height = BOTTOM + ROW * len(layers) + 0.3
    figure = plt.figure(figsize=(WIDTH, height))
    plt.close(figure)
    canvas = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    canvas.axis("off")

    def thumbnail(x: float, y: float, image: np.ndarray, side: float, **options: Any) -> None:
        at = ((x - side / 2) / WIDTH, (y - side / 2) / height, side / WIDTH, side / height)
        axis = figure.add_axes(at)
        if image.ndim == 3:
            show(axis, image)
        else:
            axis.imshow(image, **options)
            axis.set(xticks=[], yticks=[])

    columns = ((PAINTING, maps[0], painting), (PICTURE, maps[1], picture), (PHOTO, maps[2], photo))
    titles = ("the painting", "the picture x′", "the photograph")
    for (x, _, image), title in zip(columns, titles, strict=True):
        thumbnail(x, 1.2, image, 1.7)
        canvas.text(x, 0.12, title, ha="center", weight="bold")
        _arrow(canvas, (x, 1.85), (x, BOTTOM - SIDE / 2), "0.6")
    for i, layer in enumerate(layers):
        y = BOTTOM + ROW * i
        canvas.text(0.05, y, layer.replace("block", "conv").replace("_conv", "_"), va="center")
        for x, known, _ in columns:
            thumbnail(x, y, known[layer].mean(axis=-1), SIDE, cmap="gray")
            if i:
                _arrow(canvas, (x, y - ROW + SIDE / 2), (x, y - SIDE / 2), "0.6")
        if layer in objective.style_layers:
            grams = _grams(maps[0][layer], maps[1][layer])
            least, most = np.min(grams), np.max(grams)
            for x, gram, way in zip((PAINTING_GRAM, PICTURE_GRAM), grams, (1, -1), strict=True):
                thumbnail(x, y, gram, SIDE, cmap="magma", vmin=least, vmax=most)
                _arrow(canvas, (x - way * 0.93, y), (x - way * 0.4, y), STYLE)
            _compared(canvas, (PAINTING_GRAM, LAYER_LOSS, PICTURE_GRAM), y, STYLE)
            weight = objective.lam * objective.omega[objective.style_layers.index(layer)]
            _said(canvas, LAYER_LOSS, y, f"λωE = {weight * losses['style'][layer]:,.0f}", STYLE)
        if layer == content_layer:
            _compared(canvas, (PICTURE, CONTENT_LOSS, PHOTO), y, CONTENT)
            value = losses["content"][layer]
            _said(canvas, CONTENT_LOSS, y, f"content = {value:,.0f}", CONTENT)
    top = height - 0.3
    heads = ((PAINTING_GRAM, "Gram matrix A"), (PICTURE_GRAM, "Gram matrix G"))
    for x, text in (*heads, (PAINTING, "features"), (PICTURE, "F"), (PHOTO, "P")):
        canvas.text(x, top - 0.28, text, ha="center", va="center", fontsize=9, color="0.3")
    total = f"L = content + λ Σ ω E = {objective(picture).total:,.0f}"
    canvas.text((LAYER_LOSS + CONTENT_LOSS) / 2, top, total, ha="center", va="center", fontsize=13)
    canvas.plot([CONTENT_LOSS - 0.7, CONTENT_LOSS + 0.9], [top, top], color=GRADIENT, linewidth=1)
    _arrow(canvas, (CONTENT_LOSS + 0.9, top), (PICTURE + 0.95, 1.05), GRADIENT, curve=-0.3)
    step = "the gradient ∂L/∂x′\nchanges the pixels,\nagain and again"
    canvas.text(CONTENT_LOSS + 0.15, 0.75, step, ha="center", va="center", color=GRADIENT)
    return figure


def _grams(painting: np.ndarray, picture: np.ndarray) -> list[np.ndarray]:
    """Both FᵀF/M as pictures: logarithms, of the painting's 48 strongest filters alone."""
    strongest = np.sort(np.argsort(-painting.mean(axis=(0, 1)))[:48])
    columns = [f[..., strongest].reshape(-1, len(strongest)) for f in (painting, picture)]
    return [np.log1p(column.T @ column / len(column)) for column in columns]


def _arrow(
    canvas: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    *,
    curve: float = 0.0,
) -> None:
    style = {"arrowstyle": "-|>", "color": color, "connectionstyle": f"arc3,rad={curve}"}
    canvas.annotate("", end, start, arrowprops=style)


def _compared(canvas: Axes, places: tuple[float, float, float], y: float, color: str) -> None:
    """Arrows from two thumbnails to the loss between them."""
    left, middle, right = places
    for x, way in ((left, 1), (right, -1)):
        _arrow(canvas, (x + way * 0.4, y), (middle - way * 0.03, y), color)


def _said(canvas: Axes, x: float, y: float, text: str, color: str) -> None:
    canvas.text(x, y + 0.06, text, ha="center", va="bottom", color=color, fontsize=10)
