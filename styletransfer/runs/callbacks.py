"""What makes a run's steps, and what follows it without being part of it."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from tqdm import tqdm

from ..errors import InputError, log
from ..pictures.images import save_image

if TYPE_CHECKING:
    from ..loop import Run, Step

PATIENCE = 10.0
"""Seconds after an interrupt in which further ones do not count: the picture is being written."""


def follow(
    run: Any, callbacks: Sequence[Callable[[Any, Any], None]] = (), *, until: int | None = None
) -> str | None:
    """Make the steps that are left; an interrupt (Ctrl-C, the stop button) ends it.

    Args:
        run: an iterator over its steps, whose `step` says how many are made.
        callbacks: each is called with the run and the step, after every step; a method `close` is
            called with the run in the end, however it ends. One that fails is reported in the log
            and not called again: what follows a run cannot lose it.
        until: stop after this step of the whole run.

    Returns:
        Why the run ended before its time: "ended early", "interrupted", or None.

    Raises:
        KeyboardInterrupt: it was interrupted before the first step.
    """
    active = list(callbacks)
    with interrupted_once():
        try:
            while until is None or run.step < until:
                step = next(run, None)
                if step is None:
                    return None
                active = [callback for callback in active if _told(callback, run, step)]
            return "ended early"
        except KeyboardInterrupt:
            if not run.step:
                raise
            return "interrupted"
        finally:
            for callback in active:
                if hasattr(callback, "close"):
                    _told(callback.close, run)


def _told(callback: Callable, *what: Any) -> bool:
    """Whether a callback took it."""
    try:
        callback(*what)
    except Exception as error:
        name = getattr(callback, "__qualname__", type(callback).__qualname__)
        log.warning("%s failed and is left out from here on: %s", name, error, exc_info=True)
        return False
    return True


@contextlib.contextmanager
def _on_interrupt(handle: Callable[[Callable, int, FrameType | None], None]) -> Iterator[None]:
    # The function is given the handler before it, too.
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()  # only there can it come
    if not main or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda *what: handle(before, *what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def interrupted_once(*, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Lets an interrupt through, and for ten seconds no other: what follows it is not lost."""
    free = -float("inf")

    def handle(before: Callable, number: int, frame: FrameType | None) -> None:
        nonlocal free
        if clock() >= free:
            free = clock() + PATIENCE
            before(number, frame)

    with _on_interrupt(handle):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Puts an interrupt off to the end of the block, half of whose work must not be kept."""
    asked = []
    with _on_interrupt(lambda *_: asked.append(True)):
        yield
    if asked:
        raise KeyboardInterrupt


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
