"""Many runs: a grid of settings becomes a table of losses, and no run that was made is lost."""

import functools
import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError, NonFiniteError
from ..loop import Run
from ..pictures.sources import Pictures
from ..runs.forecast import forecast_request
from ..runs.record import Result
from ..runs.request import Request
from ..runs.schedule import settled
from ..runs.store import Store
from ..statistics import STATISTICS
from .grid import MOST_RUNS, PICTURES, Grid, points_of, requests_of, shown
from .page import Kept, bake
from .progress import SweepProgress

__all__ = ["MOST_RUNS", "Sweep", "knee", "sweep"]

log = logging.getLogger("styletransfer")

MEASURED = ("loss", "content_loss", "style_loss", "steps", "seconds")

NETWORK = ("backbone", "form", "pooling", "padding", "activation", "floor", "precision", "tile")
TERMS = ("content_layers", "style_layers", "statistic", "regions")
"""With those of NETWORK, the settings that decide what TensorFlow compiles."""

Made = Iterator[tuple[int, Callable[[], Result]]]


class Sweep:
    """A grid of runs on the same machine or on many, stored one by one as soon as they are made.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1];
            None where the grid names it.
        style: the painting, likewise; or several (see `Pictures`).
        grid: values by setting, of which every combination is made: `{"lam": [1, 10], "seed":
            range(3)}`; "content" and "style" may be among them, several paintings as a list in the
            list. Or a list of settings, one entry for each run.
        store: where results are kept and looked for; a folder, a `Store`, or None for the user's
            cache.
        settings: those that are the same for all runs.

    Attributes:
        points: what each run has of the grid.
        requests: the runs, in the same order.
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
        self.points = points_of(grid)
        self.requests = requests_of(self.points, {"content": content, "style": style, **settings})
        self.errors: dict[int, str] = {}
        self._store = store if isinstance(store, Store) else Store(store)

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def missing(self) -> list[int]:
        """The numbers of the runs that are not there yet; of equal runs only the first counts."""
        first: dict[str, int] = {}
        for i, request in enumerate(self.requests):
            first.setdefault(request.identity, i)
        return [i for i in first.values() if self[i] is None]

    def forecast(self, numbers: Iterable[int] | None = None) -> dict[int, float]:
        """Seconds that each missing run (or that of `numbers`) will take by itself on this machine.

        One that cannot be made is left out; the log and `errors` say why.
        """
        seconds = {}
        for i in self.missing if numbers is None else numbers:
            try:
                seconds[i] = forecast_request(self.requests[i]).seconds
            except InputError as error:
                self._failed(i, error)
        return seconds

    def run(self, executor: Executor | None = None, *, progress: bool = True) -> "Sweep":
        """Make the runs that are missing, those with the same network one after another.

        A run that fails is named in the log and in the table, and the others go on. Ctrl-C and the
        stop button end the sweep; what was made is kept, and the next call goes on.

        Args:
            executor: where they are made: any of `concurrent.futures`, or that of a Dask cluster
                (`client.get_executor()`); None makes them here, one after another. The workers need
                this package and the weights, and neither the pictures nor the store.
            progress: say what will be done, and show a progress bar with the time left.

        Returns:
            The sweep itself.

        Raises:
            InputError: a statistic that was registered here, for workers that do not have it.
        """
        missing = self.missing
        if executor is not None and not isinstance(executor, ThreadPoolExecutor):
            self._check_statistics(missing)
        self.errors = {}
        seconds = self.forecast(missing)
        numbers = self._by_network(seconds)
        there = len({request.identity for request in self.requests}) - len(missing)
        with SweepProgress(seconds, there=there, shown=progress) as bar:
            made = self._here(numbers, bar) if executor is None else self._on(executor, numbers)
            try:
                for i, make in made:
                    try:
                        self._store.put(self.requests[i].identity, make())
                    except Exception as error:
                        self._failed(i, error)
                    bar.done(i)
            except KeyboardInterrupt:
                log.warning(
                    "Interrupted; what was made is kept, and the sweep can be run again to go on."
                )
        return self

    def _check_statistics(self, numbers: Iterable[int]) -> None:
        for name in sorted({self.requests[i].settings.statistic for i in numbers}):
            if not STATISTICS[name].own:
                raise InputError(
                    f"the statistic {name!r} was registered in this process, and workers do not "
                    "have it; make the sweep without an executor, or with a ThreadPoolExecutor"
                )

    def _by_network(self, numbers: Iterable[int]) -> list[int]:
        """Those with one network together, so that it is traced once; else in the same order."""
        groups: dict[tuple, list[int]] = {}
        for i in numbers:
            settings = settled(self.requests[i].settings, self.requests[i].shapes)
            key = tuple(getattr(settings, name) for name in (*NETWORK, *TERMS))
            groups.setdefault(key, []).append(i)
        return list(itertools.chain(*groups.values()))

    def _here(self, numbers: Iterable[int], bar: SweepProgress) -> Made:
        for i in numbers:
            bar.begin(i)
            yield i, functools.partial(_make, self.requests[i], bar)

    def _on(self, executor: Executor, numbers: Iterable[int]) -> Made:
        futures: dict[Future, int] = {}
        for i in numbers:
            try:
                futures[executor.submit(_make, self.requests[i])] = i
            except Exception as error:  # it has broken down, or was shut
                self._failed(i, error)
        try:
            for future in as_completed(futures):
                yield futures[future], future.result
        finally:
            for future in futures:
                future.cancel()

    def _failed(self, i: int, error: Exception) -> None:
        """Name a run that failed; the traceback is for what no sentence was written for."""
        self.errors[i] = str(error) or type(error).__name__
        expected = isinstance(error, (InputError, NonFiniteError))
        said = f"Run {i + 1} of {len(self)} failed ({self.label(i)}): {self.errors[i]}"
        log.warning("%s", said, exc_info=None if expected else error)
        if expected:
            log.debug("Where run %d failed:", i + 1, exc_info=error)

    def label(self, i: int) -> str:
        """What is special about a run, in a few words."""
        return ", ".join(f"{name} = {shown(value)}" for name, value in self.point(i).items())

    def point(self, i: int) -> dict[str, Any]:
        """What a run has of the grid: numbers, and pictures and lists as words."""
        pictures = {name: getattr(self.requests[i], name).label for name in PICTURES}
        point = {**self.points[i], **pictures}
        return {name: shown(point[name], short=False) for name in self.points[i]}

    def __repr__(self) -> str:
        records = [record for i in range(len(self)) if (record := self.record(i))]
        over = ", ".join(dict.fromkeys(name for point in self.points for name in point))
        first = f"; the first: {Result(np.empty(0), records[0]).caption}" if records else ""
        return f"<Sweep: {len(records)} of {len(self)} runs over {over}{first}>"

    def __getitem__(self, i: int) -> Result | None:
        """The result of a run, or None where it is not there."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} runs")
        return self._store.get(self.requests[i].identity)

    def record(self, i: int) -> dict[str, Any] | None:
        """The record of a run without its picture, or None where it is not there."""
        return self._store.record(self.requests[i].identity)

    def to_html(self, path: str | os.PathLike, **options: Any) -> None:
        """Write the runs that are there as one page for a browser; its options are those of `bake`.

        Raises:
            InputError: no run is there, or the page cannot be written.
        """
        there = [i for i in range(len(self)) if self.record(i)]
        runs = (Kept(self.point(i), r, self.requests[i]) for i in there if (r := self[i]))
        others = [i for i in range(len(self)) if i not in there]
        missing = [": ".join(filter(None, (self.label(i), self.errors.get(i)))) for i in others]
        bake(runs, path, count=len(there), missing=missing, **options)

    @property
    def table(self) -> pd.DataFrame:
        """One row for each run: what it has of the grid, its losses, and how it went.

        The columns after those of the grid: `loss` (the total), `content_loss` and `style_loss`
        (without λ) of the picture itself, `steps`, `seconds`, `identity`, and `error` where it
        failed. The losses of a run that is missing are NaN.
        """
        rows = []
        for i, request in enumerate(self.requests):
            values: tuple[float, ...] = (np.nan,) * len(MEASURED)
            if (record := self.record(i)) is not None:
                losses, history = record["picture"]["losses"], record["history"]
                measured = (losses["total"], losses["content"], losses["style"])
                values = (*measured, len(history), history[-1]["seconds"])
            about = {"identity": request.identity, "error": self.errors.get(i, "")}
            rows.append({**self.point(i), **dict(zip(MEASURED, values, strict=True)), **about})
        return pd.DataFrame(rows)

    def layers(self, term: str = "style") -> pd.DataFrame:
        """The losses of each run by layer, as rows and columns; `term` is "content" or "style"."""
        records = map(self.record, range(len(self)))
        return pd.DataFrame([r["picture"]["losses"]["layers"][term] if r else {} for r in records])


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
    """Where the trade-off curve bends most: behind this value of `along` one loss costs the other.

    The point farthest from the line between the curve's ends, with both axes logarithmic and scaled
    to [0, 1], as in Satopää et al. 2011 ("Finding a 'Kneedle' in a Haystack"), whose smoothing and
    threshold are left out: the curve has few points, and each is a mean (the geometric one, over
    whatever else the table varies).

    Raises:
        InputError: fewer than three points, or the same losses at all of them.
    """
    losses = table[["content_loss", "style_loss"]]
    middle = losses.apply(np.log).groupby(table[along]).mean().dropna()
    if len(middle) < 3:
        raise InputError(f"a knee needs three values of {along} or more, not {len(middle)}")
    if (middle.max() == middle.min()).any():
        raise InputError(f"there is no knee: a loss is the same for every {along}; make more steps")
    scaled = (middle - middle.min()) / (middle.max() - middle.min())
    x, y = scaled["content_loss"], scaled["style_loss"]
    (x0, y0), (x1, y1) = scaled.iloc[0], scaled.iloc[-1]
    return ((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)).abs().idxmax()


def _make(request: Request, *callbacks: Any) -> Result:
    """What a worker does; raises KeyboardInterrupt where it was interrupted before the end."""
    run = Run(
        request.content, request.style, request.settings, start=request.start, masks=request.masks
    )
    result = run.finish(callbacks)
    if result.record["stopped"] == "interrupted":
        raise KeyboardInterrupt
    return result
