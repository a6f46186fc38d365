"""Figures for notebooks and reports: pictures side by side, and what a run's losses did."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..errors import InputError, nearest

if TYPE_CHECKING:
    from .sweeps import Sweep

__all__ = ["contact_sheet", "curves", "losses", "progress", "side_by_side", "trade_off"]


def side_by_side(
    pictures: Mapping[str, np.ndarray] | Sequence[tuple[str, np.ndarray]],
    *,
    height: float = 3.2,
    columns: int | None = None,
) -> Figure:
    """Pictures in rows, each above its caption.

    Args:
        pictures: float (H, W, 3) in [0, 1] by caption, or pairs of caption and picture where captions recur; a caption
            may have several lines.
        height: of a row, in inches; the widths follow from the pictures.
        columns: pictures in a row; all of them by default.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("there is no picture to show")
    pairs = list(pictures.items()) if isinstance(pictures, Mapping) else list(pictures)
    columns = columns or len(pairs)
    rows = -(-len(pairs) // columns)
    aspects = [picture.shape[1] / picture.shape[0] for _, picture in pairs]
    widths = [max(aspects[i::columns]) for i in range(min(columns, len(pairs)))]
    figure, axes = plt.subplots(
        *(rows, len(widths)),
        figsize=(height * sum(widths), (height + 0.6) * rows),
        width_ratios=widths,
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, (caption, picture) in zip(axes.flat, pairs, strict=False):
        axis.imshow(np.clip(picture, 0, 1), interpolation="lanczos")
        axis.set_title(
            _wrapped(caption, height * picture.shape[1] / picture.shape[0]),
            y=0,
            pad=-4,
            va="top",
            fontsize=9,
        )
    plt.close(figure)  # a notebook shows what a cell returns; left open it would be shown twice
    return figure


def _wrapped(caption: str, width: float) -> str:
    """The caption broken into lines that fit below a picture of `width` inches; a letter of 9 points takes 0.08."""
    letters = max(12, int(width / 0.08))
    return "\n".join(
        part for line in caption.splitlines() for part in textwrap.wrap(line, letters) or [""]
    )


def losses(
    record: Mapping[str, Any], *, keys: Sequence[str] = ("loss", "content", "style")
) -> Figure:
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
            axis.plot(
                seconds[here], values[here], colour, label=names.get(key, key) if i == 0 else None
            )
    for size in dict.fromkeys(sizes.tolist()):
        axis.axvline(seconds[sizes == size][0], color="0.8", zorder=0)
        axis.annotate(
            f" {size} px",
            (seconds[sizes == size][0], 0.98),
            xycoords=("data", "axes fraction"),
            va="top",
        )
    axis.set(yscale="log", xlabel="seconds", ylabel="loss")
    axis.legend(frameon=False, loc="upper right")
    plt.close(figure)
    return figure


def progress(records: Mapping[str, Mapping[str, Any]], *, key: str = "loss") -> Figure:
    """One loss of several runs against seconds, both axes logarithmic.

    Args:
        records: by name, as in `Result.record`.
        key: which column of their histories.
    """
    figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for name, record in records.items():
        history = record["history"]
        axis.plot(
            [entry["seconds"] for entry in history], [entry[key] for entry in history], label=name
        )
    axis.set(xscale="log", yscale="log", xlabel="seconds", ylabel=key)
    axis.legend(frameon=False)
    plt.close(figure)
    return figure


def curves(
    tables: Mapping[str, pd.DataFrame],
    *,
    logarithmic: bool = False,
    columns: int | None = None,
    height: float = 2.6,
) -> Figure:
    """Columns of tables against their index, a panel for each table.

    Args:
        tables: by the label of the vertical axis; the index's name is that of the horizontal one.
        logarithmic: both axes.
        columns: panels in a row; all of them by default.
        height: of a row, in inches.
    """
    columns = columns or len(tables)
    rows = -(-len(tables) // columns)
    size = (1.45 * height * columns, height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(tables) :]:
        axis.axis("off")
    for axis, (label, table) in zip(axes.flat, tables.items(), strict=False):
        for name, column in table.items():
            axis.plot(table.index, column, label=name, marker="." if len(table) < 20 else None)
        axis.set(xlabel=table.index.name or "", ylabel=label)
        if logarithmic:
            axis.set(xscale="log", yscale="log")
        axis.legend(frameon=False, fontsize=8)
    plt.close(figure)
    return figure


def contact_sheet(
    sweep: "Sweep", *, rows: str | None = None, columns: str | None = None, height: float = 1.6
) -> Figure:
    """The pictures of a sweep in a grid, with the values of two settings along its sides.

    Args:
        sweep: what was made; a run that is missing or failed leaves an empty place.
        rows: the setting that changes from row to row; by default the grid's first.
        columns: likewise from column to column; by default the grid's second.
        height: of a row, in inches.

    Raises:
        InputError: a setting that the grid does not have, or one that is needed to tell the pictures apart.
    """
    table = sweep.table
    varied = list(dict.fromkeys(name for point in sweep.points for name in point))
    for name in (rows, columns):
        if name is not None and name not in varied:
            raise InputError(nearest(name, varied, what="setting of the grid"))
    free = [name for name in varied if name not in (rows, columns)]
    if rows is None and len(free) > (columns is None):
        rows = free.pop(0)
    if columns is None and free:
        columns = free.pop(0)
    marks = [
        [_mark(table[name][i]) if name else "" for name in (rows, columns)]
        for i in range(len(sweep))
    ]
    if len({tuple(mark) for mark in marks}) < len(marks):
        more = ", ".join(name for name in varied if name not in (rows, columns))
        raise InputError(
            f"a sheet has two directions, and the grid varies more than {rows} and {columns}: {more}"
        )
    down, across = (list(dict.fromkeys(mark[k] for mark in marks)) for k in (0, 1))
    pictures = {
        tuple(mark): result.image
        for i, mark in enumerate(marks)
        if (result := sweep[i]) is not None
    }
    aspect = max((p.shape[1] / p.shape[0] for p in pictures.values()), default=1.0)
    figure, axes = plt.subplots(
        *(len(down), len(across)),
        figsize=(height * aspect * len(across) + 0.4, (height + 0.1) * len(down) + 0.4),
        squeeze=False,
        layout="constrained",
    )
    for i, row in enumerate(down):
        for j, column in enumerate(across):
            axis = axes[i, j]
            axis.set(xticks=[], yticks=[], frame_on=False)
            if (row, column) in pictures:
                axis.imshow(np.clip(pictures[row, column], 0, 1), interpolation="lanczos")
            else:
                axis.text(
                    0.5,
                    0.5,
                    "not made",
                    ha="center",
                    va="center",
                    color="0.5",
                    transform=axis.transAxes,
                )
            if i == 0 and columns:
                axis.set_title(
                    _wrapped(f"{_name(columns)} = {column}", height * aspect), fontsize=9
                )
            if j == 0 and rows:
                axis.set_ylabel(_wrapped(f"{_name(rows)} = {row}", height), fontsize=9)
    plt.close(figure)
    return figure


def _mark(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _name(setting: str) -> str:
    """As the field writes it."""
    return {"lam": "λ", "omega": "ω", "content_layers": "content", "style_layers": "style"}.get(
        setting, setting
    )


def trade_off(table: pd.DataFrame, *, along: str = "lam", colour: str | None = None) -> Figure:
    """Content against style loss: the geometric mean as a curve, and behind it each picture and seed by itself.

    Args:
        table: as `Sweep.table` has it; its losses may have been made relative to something.
        along: the setting that goes along the curve; its values are written beside the points.
        colour: a setting with a curve for each of its values.

    Raises:
        InputError: the table has no such column.
    """
    varied = list(table)[: list(table).index("loss")]
    for name in (along, *([colour] if colour else [])):
        if name not in varied:
            raise InputError(nearest(name, varied, what="setting of the grid"))
    others = [name for name in varied if name not in (along, colour)]
    axes = ["content_loss", "style_loss"]
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for i, (value, part) in enumerate(
        table.groupby(colour, sort=False) if colour else [(None, table)]
    ):
        made = part.dropna(subset=axes).sort_values(along)
        for _, one in made.groupby(others) if others else ():
            axis.plot(*(one[name] for name in axes), color=f"C{i}", alpha=0.25, linewidth=0.8)
        middle = np.exp(np.log(made[axes]).groupby(made[along]).mean())
        label = None if value is None else f"{_name(colour)} = {_mark(value)}"
        axis.plot(*(middle[name] for name in axes), f"C{i}o-", label=label)
        for place, point in middle.iterrows():
            axis.annotate(f" {_mark(place)}", tuple(point), fontsize=8)
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="content loss",
        ylabel="style loss",
        title=f"numbers: {_name(along)}",
    )
    if colour:
        axis.legend(frameon=False)
    plt.close(figure)
    return figure
