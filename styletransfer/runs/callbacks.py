"""What follows a run without being part of it: progress bar, saved state, preview."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from tqdm import tqdm

from ..errors import InputError
from ..pictures.images import save_image

if TYPE_CHECKING:
    from ..loop import Run, Step

__all__ = ["Checkpoint", "Preview", "Progress", "Reweighing", "Snapshots"]

log = logging.getLogger("styletransfer")


class Progress:
    """A progress bar with the time left; it counts pixels, so that every size goes at one pace."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def __call__(self, run: "Run", step: "Step") -> None:
        """Move the bar."""
        if self._bar is None:
            begun = 0.0 if step.step == 1 else step.work  # a resumed run begins in the middle
            style = "{desc} {percentage:3.0f}% |{bar:30}| {elapsed} < {remaining} left{postfix}"
            self._bar = tqdm(total=1.0, initial=begun, bar_format=style, mininterval=0.5)
        steps = cast(tuple[int, ...], run.settings.steps)  # it is decided
        said = f"step {step.step} of {sum(steps)}, loss {step.losses.total:.4g}"
        self._bar.set_description_str(f"{step.size} px", refresh=False)
        self._bar.set_postfix_str(said, refresh=False)
        self._bar.update(step.work - self._bar.n)

    def close(self, run: "Run") -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()


class _Writer:
    # A file that cannot be written is reported in the log and tried again.
    EVERY, PAUSE = 0.0, 0.0

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._clock = path, clock
        self._every = self.EVERY if every is None else every
        self._next = -float("inf")

    def __call__(self, run: "Run", step: "Step") -> None:
        """Write the file, if it is time."""
        if self._clock() >= self._next:
            self.close(run)

    def close(self, run: "Run") -> None:
        """Write the file, if there is anything to write."""
        if not run.history:
            return
        began = self._clock()
        try:
            self._write(run)
        except (InputError, OSError) as error:
            log.warning("%s could not be written (%s); it is tried again.", self._path, error)
            log.debug("How it failed:", exc_info=True)
        ended = self._clock()
        self._next = ended + max(self._every, self.PAUSE * (ended - began))

    def _write(self, run: "Run") -> None:
        raise NotImplementedError


class Checkpoint(_Writer):
    """Saves the state of the run to an .npz file, so that `Run.load` can go on from it.

    It does so in the end, and every 30 seconds or what `every` says; less often where saving would
    take more than 5 % of the time.
    """

    EVERY, PAUSE = 30.0, 19.0  # 1 part in 20 is 5 %

    def _write(self, run: "Run") -> None:
        run.save(self._path)


class Preview(_Writer):
    """Writes the picture so far to a file, every 2 seconds or what `every` says, and in the end."""

    EVERY = 2.0

    def _write(self, run: "Run") -> None:
        save_image(run.image, self._path)


class Snapshots:
    """Keeps the picture after some numbers of seconds: that of the first step to end no earlier.

    Attributes:
        pictures: float32 (H, W, 3) in [0, 1], by the number of seconds that was asked for.
        steps: their `Step`s, likewise.
    """

    def __init__(self, seconds: Sequence[float]) -> None:
        self._seconds = tuple(seconds)
        self.pictures: dict[float, np.ndarray] = {}
        self.steps: dict[float, Step] = {}

    def __call__(self, run: "Run", step: "Step") -> None:
        """Keep the picture, if it is time."""
        for wanted in self._seconds:
            if wanted not in self.pictures and step.seconds >= wanted:
                self.pictures[wanted], self.steps[wanted] = run.image, step


class Reweighing:
    """Changes λ, ω and `tv` as a record's `changes` say; call it before the first step, too."""

    def __init__(self, changes: Sequence[Mapping[str, Any]]) -> None:
        self._changes = tuple(changes)

    def __call__(self, run: "Run", step: "Step | None" = None) -> None:
        """Make the changes that count from the next step on."""
        for change in self._changes:
            if change["step"] == run.step + 1:
                for name in ("lam", "omega", "tv"):
                    setattr(run.objective, name, change[name])
