"""A grid of settings: the runs that it stands for, and its values as a table shows them."""

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, nearest
from ..pictures.sources import Collection, Source, open_picture, open_pictures
from ..runs.request import Request
from ..settings import Settings, settings_from

__all__ = ["MOST_RUNS", "PICTURES", "Grid", "points_of", "requests_of", "shown"]

MOST_RUNS = 10_000
"""A grid of more is refused: at a minute each they would take a week."""

PICTURES = ("content", "style")

Grid = Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Any]]


def points_of(grid: Grid) -> list[dict[str, Any]]:
    """What each run has of a grid, or of a list of settings (see `Sweep`).

    Raises:
        InputError: an unknown setting, no list of values, no run, or more than `MOST_RUNS`.
    """
    if not isinstance(grid, Mapping):
        points = [dict(point) for point in grid]
        _check({name for point in points for name in point}, len(points))
        return points
    values = {name: _values(name, several) for name, several in grid.items()}
    _check(values, math.prod(map(len, values.values())) if values else 0)
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def _values(name: str, several: Iterable[Any]) -> list[Any]:
    if isinstance(several, str) or not isinstance(several, Iterable):
        raise InputError(f"the grid needs a list of values for {name}, not {several!r}")
    return list(itertools.islice(several, MOST_RUNS + 1))


def _check(names: Iterable[str], count: int) -> None:
    known = [*PICTURES, *Settings.__dataclass_fields__]
    for name in names:
        if name not in known:
            raise InputError(nearest(name, known, what="setting") + " (in the grid)")
    if not count:
        raise InputError("the grid is empty: give at least one setting with at least one value")
    if count > MOST_RUNS:
        raise InputError(f"the grid has more than {MOST_RUNS} runs; give fewer values")


def requests_of(points: Sequence[Mapping[str, Any]], common: Mapping[str, Any]) -> list[Request]:
    """The runs of a grid, with `common` settings, among them "content" and "style" or None.

    Raises:
        FileNotFoundError, InputError: anything that cannot be used.
    """
    for name in {name for point in points for name in point}:
        if common.get(name) is not None:
            raise InputError(f"{name} stands in the grid and beside it; give it once")
    opened: dict[Any, Source | Collection] = {}  # once, however many runs they are in
    requests = []
    sources: dict[str, Any]
    for point in points:
        options, sources = {**common, **point}, {}
        for what, open_it in (("content", open_picture), ("style", open_pictures)):
            if (picture := options.pop(what)) is None:
                raise InputError(f"there is no {what} picture; name one, in the grid or beside it")
            key = what, _key(picture)
            if key not in opened:
                opened[key] = open_it(picture, f"the {what} picture")
            sources[what] = opened[key]
        requests.append(Request.open(**sources, settings=settings_from(options)))
    return requests


def _key(picture: Any) -> Any:
    """The same for what is the same picture, or the same pictures, without opening them."""
    if isinstance(picture, (list, tuple)):
        return tuple(map(_key, picture))
    return os.fspath(picture) if isinstance(picture, (str, os.PathLike)) else id(picture)


def shown(value: Any, *, short: bool = True) -> Any:
    """A setting's value as a table has it: numbers as they are, or with `short` all as words."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    if short:
        return f"{value:g}" if isinstance(value, float) else str(value)
    return value
