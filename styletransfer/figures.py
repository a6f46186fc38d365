"""Figures for notebooks and reports: pictures side by side, and what a run's losses did."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

__all__ = ["losses", "side_by_side"]


def side_by_side(pictures: Mapping[str, np.ndarray], *, height: float = 3.2, columns: int | None = None) -> Figure:
    """Pictures in rows, each above its caption.

    Args:
        pictures: float (H, W, 3) in [0, 1] by caption; a caption may have several lines.
        height: of a row, in inches; the widths follow from the pictures.
        columns: pictures in a row; all of them by default.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("there is no picture to show")
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    aspects = [picture.shape[1] / picture.shape[0] for picture in pictures.values()]
    widths = [max(aspects[i::columns]) for i in range(min(columns, len(pictures)))]
    figure, axes = plt.subplots(
        *(rows, len(widths)),
        figsize=(height * sum(widths), (height + 0.6) * rows),
        width_ratios=widths,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (caption, picture) in zip(axes.flat, pictures.items(), strict=False):
        axis.imshow(np.clip(picture, 0, 1), interpolation="lanczos")
        axis.set_title(
            _wrapped(caption, height * picture.shape[1] / picture.shape[0]), y=0, pad=-4, va="top", fontsize=9
        )
    plt.close(figure)  # a notebook shows what a cell returns; left open it would be shown twice
    return figure


def _wrapped(caption: str, width: float) -> str:
    """The caption broken into lines that fit below a picture of `width` inches; a letter of 9 points takes 0.08."""
    letters = max(12, int(width / 0.08))
    return "\n".join(part for line in caption.splitlines() for part in textwrap.wrap(line, letters) or [""])


def losses(record: Mapping[str, Any], *, keys: Sequence[str] = ("loss", "content", "style")) -> Figure:
    """The losses of a run's record against seconds, on a logarithmic axis, with the sizes told apart.

    Args:
        record: as in `Result.record`.
        keys: which columns of its history; `style` is drawn times λ, so that the curves add up (but for total
            variation and the box term, where they are in use).
    """
    history, lam = record["history"], record["settings"]["lam"]
    seconds = np.array([entry["seconds"] for entry in history])
    sizes = np.array([entry["size"] for entry in history])
    figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
    names = {"loss": "total", "style": "λ · style"}
    for key in keys:
        values = np.array([entry[key] for entry in history]) * (lam if key == "style" else 1)
        # A size begins with a jump: the curve is broken there rather than drawn through it.
        for i, size in enumerate(dict.fromkeys(sizes.tolist())):
            here = sizes == size
            colour = f"C{list(keys).index(key)}"
            axis.plot(seconds[here], values[here], colour, label=names.get(key, key) if i == 0 else None)
    for size in dict.fromkeys(sizes.tolist()):
        axis.axvline(seconds[sizes == size][0], color="0.8", zorder=0)
        axis.annotate(f" {size} px", (seconds[sizes == size][0], 0.98), xycoords=("data", "axes fraction"), va="top")
    axis.set(yscale="log", xlabel="seconds", ylabel="loss")
    axis.legend(frameon=False, loc="upper right")
    plt.close(figure)
    return figure
