"""Many runs: a grid of settings becomes a table of losses, and no run that was made is lost."""

import functools
import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError, nearest
from ..loop import Run
from ..pictures.sources import Collection, Pictures, Source, open_picture, open_pictures
from ..runs.forecast import forecast_request
from ..runs.record import Result
from ..runs.request import Request
from ..runs.store import Store
from ..settings import Settings, settings_from
from .progress import SweepProgress

__all__ = ["MOST_RUNS", "Sweep", "knee", "sweep"]

log = logging.getLogger("styletransfer")

MOST_RUNS = 10_000
"""A grid of more is refused: at a minute each they would take a week."""

PICTURES = ("content", "style")
MEASURED = ("loss", "content_loss", "style_loss", "steps", "seconds")

Grid = Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Any]]


class Sweep:
    """A grid of runs on the same machine or on many, each kept as soon as it is made.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1]; None where the grid
            names it.
        style: the painting, likewise; or several (see `Pictures`).
        grid: values by setting, of which every combination is made: `{"lam": [1, 10], "seed": range(3)}`; "content"
            and "style" may be among them, several paintings as a list in the list. Or a list of settings, one entry
            for each run.
        store: where results are kept and looked for; a folder, a `Store`, or None for the user's cache.
        settings: those that are the same for all runs.

    Attributes:
        points: what each run has of the grid.
        jobs: the runs, in the same order.
        errors: what went wrong, by the number of the run.

    Raises:
        FileNotFoundError, InputError: anything that cannot be used; no run has been made then.
    """

    def __init__(
        self,
        content: str | os.PathLike | np.ndarray | None,
        style: Pictures | None,
        grid: Grid,
        *,
        store: Store | str | os.PathLike | None = None,
        **settings: Any,
    ) -> None:
        """Check every run, before the first begins."""
        self.points = _points(grid)
        common = {"content": content, "style": style, **settings}
        for name in {name for point in self.points for name in point}:
            if common.get(name) is not None:
                raise InputError(f"{name} stands in the grid and beside it; give it once")
        opened: dict[Any, Source | Collection] = {}
        self.jobs = [self._job({**common, **point}, opened) for point in self.points]
        self.errors: dict[int, str] = {}
        self._store = store if isinstance(store, Store) else Store(store)

    @staticmethod
    def _job(options: dict[str, Any], opened: dict[Any, Source | Collection]) -> Request:
        sources = []
        for what in PICTURES:
            picture = options.pop(what)
            if picture is None:
                raise InputError(f"there is no {what} picture; name one, in the grid or beside it")
            key = what, _key(picture)
            if key not in opened:  # once, however many runs it is in
                open_it = open_pictures if what == "style" else open_picture
                opened[key] = open_it(picture, f"the {what} picture")
            sources.append(opened[key])
        return Request.open(*sources, settings_from(options))

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def missing(self) -> list[int]:
        """The numbers of the runs that are not there yet; of equal runs only the first counts."""
        first = {job.identity: i for i, job in reversed(list(enumerate(self.jobs)))}
        return sorted(i for i in first.values() if self[i] is None)

    def forecast(self) -> dict[int, float]:
        """Seconds that each missing run will take by itself on this machine; one that cannot be made is left out."""
        seconds = {}
        for i in self.missing:
            try:
                seconds[i] = forecast_request(self.jobs[i]).seconds
            except InputError as error:  # it will fail, and the table will say why
                self.errors[i] = str(error)
        return seconds

    def run(self, executor: Executor | None = None, *, progress: bool = True) -> "Sweep":
        """Make the runs that are missing.

        A run that fails is named in the log and in the table, and the others go on. Ctrl-C and the stop button end the
        sweep; what was made is kept, and the next call goes on.

        Args:
            executor: where they are made: any of `concurrent.futures`, or that of a Dask cluster
                (`client.get_executor()`); None makes them here, one after another. The workers need this package and
                the weights, and neither the pictures nor the store.
            progress: say what will be done, and show a progress bar with the time left.

        Returns:
            The sweep itself.
        """
        self.errors = {}
        seconds = self.forecast()
        for i in self.errors:
            self._failed(i, self.errors[i])
        with SweepProgress(
            seconds, kept=sum(self[i] is not None for i in range(len(self))), shown=progress
        ) as bar:
            try:
                for i, make in (
                    self._here(seconds, bar) if executor is None else self._there(seconds, executor)
                ):
                    self._take(i, make)
                    bar.done(i)
            except KeyboardInterrupt:
                log.warning(
                    "Interrupted; what was made is kept, and the sweep can be run again to go on."
                )
        return self

    def _here(
        self, numbers: Iterable[int], bar: SweepProgress
    ) -> Iterator[tuple[int, Callable[[], Result]]]:
        for i in numbers:
            bar.begin(i)
            yield i, functools.partial(_make, self.jobs[i], bar)

    def _there(
        self, numbers: Iterable[int], executor: Executor
    ) -> Iterator[tuple[int, Callable[[], Result]]]:
        futures: dict[Future, int] = {}
        for i in numbers:
            try:
                futures[executor.submit(_make, self.jobs[i])] = i
            except Exception as error:  # it has broken down, or was shut
                self._failed(i, _reason(error))
        try:
            for future in as_completed(futures):
                yield futures[future], future.result
        finally:
            for future in futures:
                future.cancel()

    def _take(self, i: int, make: Callable[[], Result]) -> None:
        try:
            self._store.put(self.jobs[i].identity, make())
        except Exception as error:
            self._failed(i, _reason(error))

    def _failed(self, i: int, why: str) -> None:
        self.errors[i] = why
        log.warning("Run %d of %d failed (%s): %s", i + 1, len(self), self.label(i), why)

    def label(self, i: int) -> str:
        """What is special about a run, in a few words."""
        return ", ".join(f"{name} = {shown(value)}" for name, value in self._point(i).items())

    def _point(self, i: int) -> dict[str, Any]:
        """What a run has of the grid, the pictures by their labels."""
        job = self.jobs[i]
        return {
            name: getattr(job, name).label if name in PICTURES else value
            for name, value in self.points[i].items()
        }

    def __repr__(self) -> str:
        """How many runs, over what, and what the first that is there was made with."""
        made = [result for i in range(len(self)) if (result := self[i]) is not None]
        over = ", ".join(dict.fromkeys(name for point in self.points for name in point))
        first = f"; the first: {made[0].caption}" if made else ""
        return f"<Sweep: {len(made)} of {len(self)} runs over {over}{first}>"

    def __getitem__(self, i: int) -> Result | None:
        """The result of a run, or None where it is not there."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} runs")
        return self._store.get(self.jobs[i].identity)

    @property
    def table(self) -> pd.DataFrame:
        """One row for each run: what it has of the grid, its losses, and how it went.

        The columns after those of the grid: `loss` (the total), `content_loss` and `style_loss` (without λ) of the
        picture itself, `steps`, `seconds`, `identity`, and `error` where it failed. The losses of a run that is
        missing are NaN.
        """
        rows = []
        for i in range(len(self)):
            result = self[i]
            row: dict[str, Any] = {
                name: shown(value, short=False) for name, value in self._point(i).items()
            }
            if result is not None:
                losses, history = result.record["picture"]["losses"], result.record["history"]
                values = (
                    losses["total"],
                    losses["content"],
                    losses["style"],
                    len(history),
                    history[-1]["seconds"],
                )
            else:
                values = (np.nan,) * len(MEASURED)
            row |= dict(zip(MEASURED, values, strict=True))
            rows.append({**row, "identity": self.jobs[i].identity, "error": self.errors.get(i, "")})
        return pd.DataFrame(rows)

    def layers(self, term: str = "style") -> pd.DataFrame:
        """The losses of each run by layer: rows as in `table`, a column for each layer; `term` "content" or "style"."""
        found = [
            result and result.record["picture"]["losses"]["layers"][term]
            for result in map(self.__getitem__, range(len(self)))
        ]
        return pd.DataFrame([row or {} for row in found])


def sweep(
    content: str | os.PathLike | np.ndarray | None,
    style: Pictures | None,
    grid: Grid,
    *,
    executor: Executor | None = None,
    progress: bool = True,
    store: Store | str | os.PathLike | None = None,
    **settings: Any,
) -> Sweep:
    """Make every run of a grid that is not there yet; see `Sweep` and `Sweep.run`.

    Raises:
        FileNotFoundError, InputError: anything that cannot be used; no run has been made then.
    """
    return Sweep(content, style, grid, store=store, **settings).run(executor, progress=progress)


def knee(table: pd.DataFrame, *, along: str = "lam") -> Any:
    """Where the trade-off curve bends most: the value of `along` after which one loss falls little for the other.

    The point farthest from the line between the curve's ends, with both axes logarithmic and scaled to [0, 1], as in
    Satopää et al. 2011 ("Finding a 'Kneedle' in a Haystack"), whose smoothing and threshold are left out: the curve
    has few points, and each is a mean (the geometric one, over whatever else the table varies).

    Raises:
        InputError: fewer than three points, or the same losses at all of them.
    """
    middle = np.log(table[["content_loss", "style_loss"]]).groupby(table[along]).mean().dropna()
    if len(middle) < 3:
        raise InputError(f"a knee needs three values of {along} or more, not {len(middle)}")
    if (middle.max() == middle.min()).any():
        raise InputError(f"there is no knee: a loss is the same for every {along}; make more steps")
    x, y = ((column - column.min()) / (column.max() - column.min()) for _, column in middle.items())
    (x0, y0), (x1, y1) = (x.iloc[0], y.iloc[0]), (x.iloc[-1], y.iloc[-1])
    return ((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)).abs().idxmax()


def _make(job: Request, *listeners: Any) -> Result:
    """What a worker does.

    Raises:
        KeyboardInterrupt: the run was interrupted; a picture that is not finished is no result.
    """
    result = Run(job.content, job.style, job.settings, start=job.start).finish(listeners)
    if result.record["stopped"] == "interrupted":
        raise KeyboardInterrupt
    return result


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _points(grid: Grid) -> list[dict[str, Any]]:
    """The settings of each run, from a grid or from a list."""
    if isinstance(grid, Mapping):
        values = {name: _values(name, several) for name, several in grid.items()}
        count = np.prod([len(several) for several in values.values()], dtype=float)
        _check(values, count if values else 0)
        return [
            dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())
        ]
    points = [dict(point) for point in grid]
    _check({name for point in points for name in point}, len(points))
    return points


def _values(name: str, several: Iterable[Any]) -> list[Any]:
    if isinstance(several, str) or not isinstance(several, Iterable):
        raise InputError(f"the grid needs a list of values for {name}, not {several!r}")
    return list(itertools.islice(several, MOST_RUNS + 1))


def _key(picture: Any) -> Any:
    """The same for what is the same picture, or the same pictures, without opening them."""
    if isinstance(picture, (list, tuple)):
        return tuple(map(_key, picture))
    return os.fspath(picture) if isinstance(picture, (str, os.PathLike)) else id(picture)


def _check(names: Iterable[str], count: float) -> None:
    known = [*PICTURES, *Settings.__dataclass_fields__]
    for name in names:
        if name not in known:
            raise InputError(nearest(name, known, what="setting") + " (in the grid)")
    if not count:
        raise InputError("the grid is empty: give at least one setting with at least one value")
    if count > MOST_RUNS:
        raise InputError(f"the grid has more than {MOST_RUNS} runs; give fewer values")


def shown(value: Any, *, short: bool = True) -> Any:
    """A setting's value as a table has it: numbers as they are, a list as a few words.

    Args:
        value: of a setting.
        short: as text in any case.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    if short and isinstance(value, float):
        return f"{value:g}"
    return str(value) if short else value
