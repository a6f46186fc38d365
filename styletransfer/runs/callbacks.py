"""What follows a run without being part of it: progress bar, saved state, preview."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from ..pictures.images import save_image

if TYPE_CHECKING:
    from ..loop import Run
    from .state import Step

__all__ = ["Checkpoint", "Preview", "Progress", "Reweighing", "Snapshots"]


class Progress:
    """A progress bar on standard error, with the time left; it counts pixels, so that every size goes at one pace."""

    def __init__(self) -> None:
        """The bar appears with the first step."""
        self._bar: tqdm | None = None

    def __call__(self, run: "Run", step: "Step") -> None:
        """Move the bar."""
        if self._bar is None:
            begun = 0.0 if step.step == 1 else step.work  # a resumed run begins in the middle
            style = "{desc} {percentage:3.0f}% |{bar:30}| {elapsed} < {remaining} left{postfix}"
            self._bar = tqdm(total=1.0, initial=begun, bar_format=style, mininterval=0.5)
        self._bar.set_description_str(f"{step.size} px", refresh=False)
        self._bar.set_postfix_str(
            f"step {step.step} of {sum(run.settings.steps)}, loss {step.losses.total:.4g}",
            refresh=False,
        )
        self._bar.update(step.work - self._bar.n)

    def close(self, run: "Run") -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()


class _Throttled:
    """Does something every `every` seconds at most, and once more in the end."""

    def __init__(self, every: float) -> None:
        self._every, self._last = every, -float("inf")

    def __call__(self, run: "Run", step: "Step") -> None:
        """Do it, if it is time."""
        if time.monotonic() - self._last >= self._every:
            self._do(run)
            self._last = time.monotonic()

    def close(self, run: "Run") -> None:
        """Do it a last time."""
        if run.history:
            self._do(run)

    def _do(self, run: "Run") -> None:
        raise NotImplementedError


class Checkpoint(_Throttled):
    """Saves the state of the run, so that `Run.load` can go on from it after whatever ends the process.

    Args:
        path: the .npz file.
        every: seconds between two savings.
    """

    def __init__(self, path: str | os.PathLike, *, every: float = 30.0) -> None:
        """Nothing is written before the first step."""
        super().__init__(every)
        self._path = path

    def _do(self, run: "Run") -> None:
        run.save(self._path)


class Preview(_Throttled):
    """Writes the picture so far to a file; a viewer that watches the file shows it grow.

    Args:
        path: the file; its ending names the format.
        every: seconds between two pictures.
    """

    def __init__(self, path: str | os.PathLike, *, every: float = 2.0) -> None:
        """Nothing is written before the first step."""
        super().__init__(every)
        self._path = path

    def _do(self, run: "Run") -> None:
        save_image(run.image, self._path)


class Snapshots:
    """Keeps the picture as it was after some numbers of seconds of the run.

    Args:
        seconds: when; the first step that ends no earlier counts.

    Attributes:
        pictures: float32 (H, W, 3) in [0, 1], by the number of seconds that was asked for.
        steps: the `Step` of each, likewise.
    """

    def __init__(self, seconds: Sequence[float]) -> None:
        """Nothing is kept yet."""
        self._seconds = tuple(seconds)
        self.pictures: dict[float, np.ndarray] = {}
        self.steps: dict[float, Step] = {}

    def __call__(self, run: "Run", step: "Step") -> None:
        """Keep the picture, if it is time."""
        for wanted in self._seconds:
            if wanted not in self.pictures and step.seconds >= wanted:
                self.pictures[wanted], self.steps[wanted] = run.image, step


class Reweighing:
    """Changes λ, ω and `tv` as they were changed during a recorded run; it is called once more, before the first step.

    Args:
        changes: as a record has them: "step", from which they count, "lam", "omega" and "tv".
    """

    def __init__(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Nothing is changed yet."""
        self._changes = tuple(changes)

    def __call__(self, run: "Run", step: "Step | None" = None) -> None:
        """Make the changes that count from the next step on."""
        for change in self._changes:
            if change["step"] == run.step + 1:
                for name in ("lam", "omega", "tv"):
                    setattr(run.objective, name, change[name])
