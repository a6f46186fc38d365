"""Sheets of pictures: rows and columns of panels with headings, large enough to be judged."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["Sources", "panels", "show", "wrapped"]

Sources = Sequence[tuple[str, np.ndarray]]
"""Photograph, painting or both, each with the name that people know it by."""

# Inches: gaps between panels, a line of text, and the highest that a panel gets.
GAP, LINE, MOST_HEIGHT = 0.08, 0.19, 4.2
FONT = 10
"""Points. A sheet of 12 inches is about as wide as a page, on which this is the text's own size."""

SMALL = 0.75
"""Of that: the titles of photograph and painting."""

NAMES = 1.45
"""Inches: the least width of the column of photographs and paintings, so that titles fit."""

INSET = 0.32
"""Of a panel's sides: the room for an inset."""


def show(axis: Axes, picture: np.ndarray) -> None:
    """Draw a picture (H, W, 3) without ticks and frame; values are clipped to [0, 1]."""
    axis.imshow(np.clip(picture, 0, 1), interpolation="lanczos")
    axis.set(xticks=[], yticks=[], frame_on=False)


def wrapped(text: str, width: float) -> str:
    """A text broken into lines of `width` inches; a letter of 10 points takes 0.085."""
    letters = max(10, int(width / 0.085))
    lines = [textwrap.wrap(line, letters) or [""] for line in text.splitlines()]
    return "\n".join(part for line in lines for part in line)


def panels(
    pictures: Sequence[Sequence[np.ndarray | None]],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
    sources: Sequence[Sources] = (),
    insets: Sequence[Sequence[np.ndarray]] = (),
    footer: str = "",
    width: float = 12.0,
) -> Figure:
    """Pictures in rows and columns.

    Args:
        pictures: float (H, W, 3) in [0, 1], by row; None leaves a place empty.
        columns: headings above the first row.
        rows: labels at the left.
        notes: a line below each picture.
        sources: of each row up to two pictures that it was made of, one above the other at the
            left.
        insets: of each picture a small one in its lower left corner, as in the papers' figures.
        footer: a line below all.
        width: of the sheet in inches. Panels get no higher than 4.2 inches, so that a sheet of few
            is narrower.

    Raises:
        ValueError: there is no picture.
    """
    made = [picture for row in pictures for picture in row if picture is not None]
    if not made:
        raise ValueError("there is no picture to show")
    several = [[p for p in column if p is not None] for column in zip(*pictures, strict=True)]
    aspects = [max(map(_aspect, column), default=_aspect(made[0])) for column in several]
    beside = [_aspect(picture) / 2 for both in sources for _, picture in both]
    left = 0.35 if rows else 0.0
    shares = [max(beside), *aspects] if beside else aspects
    height = min((width - left - GAP * len(shares)) / sum(shares), MOST_HEIGHT)
    widths = [height * share for share in shares]
    if beside and widths[0] < NAMES:
        room = width - left - GAP * len(shares) - NAMES
        height = min(room / sum(aspects), MOST_HEIGHT)
        widths = [NAMES, *(height * share for share in aspects)]
    titles = [
        wrapped(name, one) for name, one in zip(columns, widths[-len(aspects) :], strict=False)
    ]
    top = LINE * (_lines(titles) + 0.3)
    lines = _lines([note for row in notes for note in row])
    below = LINE * (max(lines, 1) + 0.3) if notes or sources else GAP
    under = 1.2 * LINE if footer else 0.0
    named = [[wrapped(name, widths[0] / SMALL) for name, _ in both] for both in sources]
    size = left + sum(widths) + GAP * len(widths), top + len(pictures) * (height + below) + under
    figure = plt.figure(figsize=size)
    figure.text(1, 0, footer, ha="right", va="bottom", fontsize=FONT * SMALL, color="0.3")
    plt.close(figure)  # a notebook shows what a cell returns; left open it would be shown twice

    def place(x: float, y: float, wide: float, high: float) -> Axes:
        """Axes at inches from the left and the top."""
        at = (x / size[0], 1 - (y + high) / size[1], wide / size[0], high / size[1])
        return figure.add_axes(at, xticks=[], yticks=[], frame_on=False)

    for i, row in enumerate(pictures):
        x, y = left, top + i * (height + below)
        if sources:
            half = (height + below) / 2
            for j, (_, source) in enumerate(sources[i]):
                under_it = SMALL * LINE * (_lines([named[i][j]]) + 0.7)
                axis = place(x, y + j * half, widths[0], half - under_it)
                show(axis, source)
                axis.set_xlabel(named[i][j], fontsize=FONT * SMALL, labelpad=2)
            x += widths[0] + GAP
        for j, picture in enumerate(row):
            wide = widths[j - len(row)]
            axis = place(x, y, wide, height)
            if picture is None:
                axis.text(0.5, 0.5, "not made", color="0.5", ha="center", transform=axis.transAxes)
            else:
                show(axis, picture)
                if insets:
                    corner = axis.inset_axes((0, 0, INSET, INSET), anchor="SW")
                    show(corner, insets[i][j])
            if titles and i == 0:
                axis.set_title(titles[j], fontsize=FONT, pad=3)
            if notes:
                axis.set_xlabel(notes[i][j], fontsize=FONT - 1, color="0.3", labelpad=2)
            if rows and j == 0:
                axis.set_ylabel(wrapped(rows[i], height), fontsize=FONT)
            x += wide + GAP
    return figure


def _lines(texts: Sequence[str]) -> int:
    return max((text.count("\n") + 1 for text in texts), default=0)


def _aspect(picture: np.ndarray) -> float:
    return picture.shape[1] / picture.shape[0]
