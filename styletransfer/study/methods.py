"""Methods on the same photographs: their pictures side by side, judged, with intervals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..pictures import datasets
from .comparison import JUDGED
from .distances import StyleReference
from .judge import lpips, style_distance_to
from .metrics import compare
from .sheets import panels

__all__ = ["against", "judged", "means", "sheet", "yardsticks"]

Pictures = Mapping[str, Mapping[str, np.ndarray]]
"""What methods made: by method, then by the name of the photograph, float (H, W, 3) in [0, 1]."""


def judged(pictures: Pictures, paintings: Sequence[np.ndarray]) -> pd.DataFrame:
    """The judge's two numbers of each picture (`judge.py`), a row for (photograph, method).

    Args:
        pictures: by method; the photographs are read again at the pictures' sizes.
        paintings: what the style distance is measured to, float (H, W, 3) at the size at which
            their strokes count; the mean of several counts.

    Raises:
        InputError: an unknown photograph, or the judge's networks are not here.
    """
    rows = {}
    for photo, source, made in _by_photograph(pictures):
        distance = style_distance_to(paintings, source)
        for method, picture in made.items():
            numbers = distance(picture), lpips(picture, source)
            rows[photo, method] = dict(zip(JUDGED, numbers, strict=True))
    return _framed(rows)


def yardsticks(pictures: Pictures, paintings: Sequence[np.ndarray], **options: Any) -> pd.DataFrame:
    """All `metrics.YARDSTICKS` of each picture, a row for (photograph, method).

    Arguments and errors are those of `judged`, and `options` those of `StyleReference`.
    """
    style, rows = StyleReference(list(paintings), **options), {}
    for photo, source, made in _by_photograph(pictures):
        for method, numbers in compare(made, source, style).to_dict(orient="index").items():
            rows[photo, str(method)] = numbers
    return _framed(rows)


def means(table: pd.DataFrame, *, resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Means over photographs with 95 % intervals, in the order of the methods.

    The intervals are percentiles of a bootstrap over photographs (Efron 1979): with eight of them
    they are rough, and somewhat too narrow.

    Args:
        table: as `judged` gives it.
        resamples: how often the photographs are drawn with replacement.
        seed: of the draws, which are the same for all methods.

    Returns:
        A row for each method; columns (yardstick, "mean" | "from" | "to").
    """
    rows = {}
    for method in table.index.unique("method"):
        rows[method] = _interval(_of(table, method), resamples, seed)
    return pd.DataFrame.from_dict(rows, orient="index")


def against(
    table: pd.DataFrame, reference: str, *, resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """By how much each method differs from one of them on the same photographs.

    A difference whose interval contains 0 is none that these photographs show.

    Args:
        table: as `judged` gives it.
        reference: the method from which the others differ.
        resamples: see `means`.
        seed: see `means`.
    """
    other, rows = _of(table, reference), {}
    for method in table.index.unique("method"):
        if method != reference:
            apart = (_of(table, method) - other).dropna()
            rows[method] = _interval(apart, resamples, seed)
    return pd.DataFrame.from_dict(rows, orient="index")


def sheet(
    pictures: Pictures,
    photos: Sequence[str],
    *,
    table: pd.DataFrame | None = None,
    footer: str = "",
    width: float = 12.0,
) -> Figure:
    """A row for each photograph, with the photograph first and a column for each method.

    Args:
        pictures: by method.
        photos: those that are shown.
        table: as `judged` gives it; its two numbers are then written below the pictures.
        footer: what all pictures have in common.
        width: of the sheet in inches.
    """
    rows, notes, titles = [], [], []
    for photo in photos:
        picture = datasets.locate(photo)
        titles.append(picture.title or photo)
        made = [pictures[method].get(photo) for method in pictures]
        shape = next(image.shape for image in made if image is not None)
        rows.append([picture.load(size=max(shape)), *made])
        notes.append(["", *(_note(table, photo, method) for method in pictures)])
    options: Any = {"notes": notes} if table is not None else {}
    columns = ["photograph", *pictures]
    return panels(rows, columns=columns, rows=titles, footer=footer, width=width, **options)


def _by_photograph(
    pictures: Pictures,
) -> Iterator[tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """Each photograph's name, itself at the size of its pictures, and these by method."""
    for photo in dict.fromkeys(photo for made in pictures.values() for photo in made):
        made = {method: pictures[method][photo] for method in pictures if photo in pictures[method]}
        size = max(next(iter(made.values())).shape)
        yield photo, datasets.load_image(photo, size=size), made


def _framed(rows: dict[Any, Any]) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["photograph", "method"])
    return table


def _of(table: pd.DataFrame, method: str) -> pd.DataFrame:
    return table[table.index.get_level_values("method") == method].droplevel("method")


def _interval(values: pd.DataFrame, resamples: int, seed: int) -> dict[tuple[str, str], float]:
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    found: dict[tuple[str, str], float] = {}
    for name, column in values.items():
        drawn = column.to_numpy()[draws].mean(axis=1)
        low, high = np.percentile(drawn, (2.5, 97.5))
        numbers = {"mean": column.mean(), "from": low, "to": high}
        found |= {(str(name), key): float(value) for key, value in numbers.items()}
    return found


def _note(table: pd.DataFrame | None, photo: str, method: str) -> str:
    if table is None or (photo, method) not in table.index:
        return ""
    style, content = (table[name][photo, method] for name in JUDGED)
    return f"style {style:.2f} · LPIPS {content:.2f}"
