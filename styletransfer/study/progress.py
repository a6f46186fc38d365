"""The progress of a sweep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from ..loop import Run
    from ..runs.state import Step


class SweepProgress:
    """The progress of a sweep, in seconds of work as they were forecast; a listener of the runs that are made here.

    Args:
        seconds: what each run that will be made is expected to take, by its number.
        kept: how many runs are there already.
        shown: whether anything is shown.
    """

    def __init__(self, seconds: Mapping[int, float], *, kept: int, shown: bool) -> None:
        """Say what will be done, and show the bar."""
        self._seconds, self._count, self._done = seconds, len(seconds), 0
        self._now, self._reached = None, {}
        style = "{desc} {percentage:3.0f}% |{bar:30}| {elapsed} < {remaining} left"
        self._bar = tqdm(
            total=sum(seconds.values()),
            bar_format=style,
            disable=not (shown and seconds),
            mininterval=0.5,
        )
        if shown and seconds:
            minutes, rest = divmod(round(sum(seconds.values())), 60)
            tqdm.write(
                f"{kept + len(seconds)} runs, {kept} kept already; {len(seconds)} to make, about {minutes} min {rest} s"
            )
        self._say()

    def __enter__(self) -> "SweepProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def _say(self) -> None:
        self._bar.set_description_str(f"{self._done} of {self._count}", refresh=False)

    def begin(self, i: int) -> None:
        """The run that is followed from here on."""
        self._now = i

    def __call__(self, run: "Run", step: "Step") -> None:
        """A step of it."""
        self._move(self._now, step.work)

    def done(self, i: int) -> None:
        """A run has ended."""
        self._done += 1
        self._say()
        self._move(i, 1.0)

    def _move(self, i: int, share: float) -> None:
        forward = self._seconds[i] * (share - self._reached.get(i, 0.0))
        self._bar.update(
            min(forward, self._bar.total - self._bar.n)
        )  # rounding must not lead beyond the end
        self._reached[i] = share
