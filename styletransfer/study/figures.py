"""Figures for notebooks and reports: pictures side by side, and what a run's losses did."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..errors import InputError, nearest
from .sheets import panels, show, wrapped

if TYPE_CHECKING:
    from .comparison import Comparison
    from .sweeps import Sweep

__all__ = [
    "contact_sheet",
    "curves",
    "losses",
    "plane",
    "progress",
    "side_by_side",
]

_SYMBOLS = {"lam": "λ", "omega": "ω", "content_layers": "content", "style_layers": "style"}


def _panels(rows: int, columns: int, width: float, height: float, **options: Any) -> Figure:
    """A figure with a grid of axes, its size in inches."""
    figure, _ = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options
    )
    plt.close(figure)  # a notebook shows what a cell returns; left open it would be shown twice
    return figure


def side_by_side(
    pictures: Mapping[str, np.ndarray] | Sequence[tuple[str, np.ndarray]],
    *,
    height: float = 3.2,
    columns: int | None = None,
) -> Figure:
    """Pictures in rows, with their captions below.

    Args:
        pictures: float (H, W, 3) in [0, 1] by caption, or pairs of caption and picture where
            captions recur; a caption may have several lines.
        height: of a row, in inches; the widths follow from the pictures.
        columns: pictures in a row; all of them by default.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("there is no picture to show")
    pairs = list(pictures.items()) if isinstance(pictures, Mapping) else list(pictures)
    columns = min(columns or len(pairs), len(pairs))
    rows = -(-len(pairs) // columns)
    aspects = [picture.shape[1] / picture.shape[0] for _, picture in pairs]
    widths = [max(aspects[i::columns]) for i in range(columns)]
    size = height * sum(widths), (height + 0.6) * rows
    figure = _panels(rows, columns, *size, width_ratios=widths)
    for axis in figure.axes[len(pairs) :]:
        axis.axis("off")
    for axis, (caption, picture), aspect in zip(figure.axes, pairs, aspects, strict=False):
        show(axis, picture)
        axis.set_title(wrapped(caption, height * aspect), y=0, pad=-4, va="top", fontsize=9)
    return figure


def losses(
    record: Mapping[str, Any], *, keys: Sequence[str] = ("loss", "content", "style")
) -> Figure:
    """The losses of a run's record against seconds, on a logarithmic axis, the sizes told apart.

    Args:
        record: as in `Result.record`.
        keys: which columns of its history; `style` is drawn times λ, so that the curves add up (but
            for total variation and the box term, where they are in use).
    """
    history = pd.DataFrame(record["history"])
    factors, names = {"style": record["settings"]["lam"]}, {"loss": "total", "style": "λ · style"}
    figure = _panels(1, 1, 7, 3)
    (axis,) = figure.axes
    # A size begins with a jump: the curve is broken there rather than drawn through it.
    for size, part in history.groupby("size", sort=False):
        for i, key in enumerate(keys):
            axis.plot(part["seconds"], part[key] * factors.get(key, 1), f"C{i}")
        begin = part["seconds"].iloc[0]
        axis.axvline(begin, color="0.8", zorder=0)
        axis.text(begin, 0.98, f" {size} px", va="top", transform=axis.get_xaxis_transform())
    for line, key in zip(axis.lines, keys, strict=False):
        line.set_label(names.get(key, key))
    axis.set(yscale="log", xlabel="seconds", ylabel="loss")
    axis.legend(frameon=False, loc="upper right")
    return figure


def progress(
    records: Mapping[str, Mapping[str, Any]],
    *,
    key: str = "loss",
    along: Literal["seconds", "evaluations"] = "seconds",
) -> Figure:
    """One loss of several runs against seconds or evaluations, both axes logarithmic.

    Args:
        records: by name, as in `Result.record`.
        key: which column of their histories.
        along: the horizontal axis.
    """
    figure = _panels(1, 1, 8, 3.6)
    (axis,) = figure.axes
    for name, record in records.items():
        history = pd.DataFrame(record["history"])
        places = history["seconds"] if along == "seconds" else np.arange(1, len(history) + 1)
        axis.plot(places, history[key], label=name)
    axis.set(xscale="log", yscale="log", xlabel=along, ylabel=key.replace("_", " "))
    axis.legend(frameon=False)
    return figure


def plane(
    comparisons: Mapping[str, "Comparison"],
    *,
    of: Literal["judge", "losses"] = "judge",
    joined: bool = False,
    labels: bool = True,
) -> Figure:
    """Content against style: candidates as large dots, the means of their pairs (small dots).

    Nearer to the lower left is better; every method trades one for the other. The means of losses
    are geometric, for a loss's scale depends on the pair.

    Args:
        comparisons: by name; each has a colour of its own.
        of: LPIPS to the photograph and the style distance to the painting, by the judge; or the
            losses that were minimised, on logarithmic axes.
        joined: join the candidates of a comparison by a line, in their order.
        labels: write a candidate's name beside its mean.

    Raises:
        InputError: the judge's networks are not here.
    """
    logarithmic = of == "losses"
    x, y = ("content_loss", "style_loss") if logarithmic else ("lpips-vgg", "style distance")
    figure = _panels(1, 1, 9, 5)
    (axis,) = figure.axes
    for i, (name, comparison) in enumerate(comparisons.items()):
        table = comparison.table[["candidate", "pair", x, y]]
        for _, pair in table.groupby("pair"):
            axis.plot(
                pair[x], pair[y], f"C{i}.-" if joined else f"C{i}.", alpha=0.25, linewidth=0.8
            )
        values = table.set_index("candidate")[[x, y]]
        groups = (values.apply(np.log) if logarithmic else values).groupby(level=0).mean()
        means = (groups.apply(np.exp) if logarithmic else groups).reindex(comparison.names)
        axis.plot(means[x], means[y], f"C{i}o-" if joined else f"C{i}o", label=name)
        side = ("bottom", "top")[i % 2]  # so that labels of two curves that meet stay readable
        for candidate, (content, style) in means.iterrows() if labels else ():
            axis.annotate(f" {candidate}", (content, style), fontsize=9, va=side)
    if logarithmic:
        axis.set(xscale="log", yscale="log", xlabel="content loss", ylabel="style loss")
    else:
        axis.set(xlabel="LPIPS to the photograph (0: the photograph)")
        axis.set(ylabel="style distance (0: the painting, 1: the photograph)")
    if len(comparisons) > 1:
        axis.legend(frameon=False)
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
    figure = _panels(rows, columns, 1.45 * height * columns, height * rows)
    for axis in figure.axes[len(tables) :]:
        axis.axis("off")
    for axis, (label, table) in zip(figure.axes, tables.items(), strict=False):
        for name, column in table.items():
            axis.plot(table.index, column, label=name, marker="." if len(table) < 20 else None)
        axis.set(xlabel=table.index.name or "", ylabel=label)
        if logarithmic:
            axis.set(xscale="log", yscale="log")
        axis.legend(frameon=False, fontsize=8)
    return figure


def contact_sheet(
    sweep: "Sweep", *, rows: str | None = None, columns: str | None = None, width: float = 12.0
) -> Figure:
    """The pictures of a sweep in a grid, with the values of two settings along its sides.

    Args:
        sweep: what was made; a run that is missing or failed leaves an empty place.
        rows: the setting that changes from row to row; by default the grid's first.
        columns: likewise from column to column; by default the grid's second.
        width: of the sheet in inches.

    Raises:
        InputError: a setting that the grid does not have, or one that is needed to tell the
            pictures apart; or no run is made yet.
    """
    varied = list(dict.fromkeys(name for point in sweep.points for name in point))
    _check_settings([name for name in (rows, columns) if name], varied)
    free = [name for name in varied if name not in (rows, columns)]
    if rows is None and len(free) > (columns is None):
        rows = free.pop(0)
    if columns is None and free:
        columns = free.pop(0)
    points = [sweep.point(i) for i in range(len(sweep))]
    places = [tuple(_mark(p[n]) if n in p else "" for n in (rows, columns)) for p in points]
    if len(set(places)) < len(places):
        raise InputError(
            f"a sheet has two directions, and the grid varies more than {rows} and {columns}: "
            + ", ".join(free)
        )
    down, across = (list(dict.fromkeys(values)) for values in zip(*places, strict=True))
    results = {place: result for i, place in enumerate(places) if (result := sweep[i]) is not None}
    if not results:
        raise InputError("no run of this sweep is made yet; call its run() first")
    pictures = [
        [results[row, column].image if (row, column) in results else None for column in across]
        for row in down
    ]
    return panels(
        pictures,
        columns=[f"{_symbol(columns)} = {column}" for column in across] if columns else (),
        rows=[f"{_symbol(rows)} = {row}" for row in down] if rows else (),
        width=width,
    )


def _check_settings(names: Sequence[str], varied: Sequence[str]) -> None:
    for name in names:
        if name not in varied:
            raise InputError(nearest(name, varied, what="setting of the grid"))


def _mark(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _symbol(setting: str) -> str:
    """As the field writes it."""
    return _SYMBOLS.get(setting, setting)
