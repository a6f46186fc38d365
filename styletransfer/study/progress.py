"""The progress of a sweep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from ..loop import Run
    from ..runs.state import Step


class SweepProgress:
    """A progress bar in seconds of work as they were forecast; a callback of the runs made here.

    Args:
        seconds: what each run that will be made is expected to take, by its number.
        there: how many runs are there already.
        shown: whether anything is shown.
    """

    def __init__(self, seconds: Mapping[int, float], *, there: int, shown: bool) -> None:
        self._seconds, self._done, self._now = seconds, 0, 0
        self._reached = dict.fromkeys(seconds, 0.0)
        left, shown = sum(seconds.values()), bool(shown and seconds)
        style = "{desc} {percentage:3.0f}% |{bar:30}| {elapsed} < {remaining} left"
        # A microsecond more than there is, or the rounding of sums would lead beyond the end.
        total = left + 1e-6
        self._bar = tqdm(total=total, bar_format=style, disable=not shown, mininterval=0.5)
        if shown:
            minutes, rest = divmod(round(left), 60)
            tqdm.write(
                f"{there + len(seconds)} runs, {there} kept already; {len(seconds)} to make, "
                f"about {minutes} min {rest} s"
            )
        self._say()

    def __enter__(self) -> "SweepProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

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

    def _say(self) -> None:
        self._bar.set_description_str(f"{self._done} of {len(self._seconds)}", refresh=False)

    def _move(self, i: int, share: float) -> None:
        self._bar.update(self._seconds[i] * (share - self._reached[i]))
        self._reached[i] = share
