"""What makes a run's steps and tells its callbacks, whatever the run is."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Protocol

__all__ = ["Steps", "follow", "interrupted_once", "uninterrupted"]

log = logging.getLogger("styletransfer")

PATIENCE = 10.0
"""Seconds after an interrupt in which further ones do not count: the picture is being written."""


class Steps(Iterator[Any], Protocol):
    """A run as an iterator over its steps."""

    @property
    def step(self) -> int:
        """How many are made."""


def follow(
    run: Steps, callbacks: Sequence[Callable[[Any, Any], None]] = (), *, until: int | None = None
) -> str | None:
    """Make the steps that are left; an interrupt (Ctrl-C, the stop button) ends it.

    Args:
        run: whose steps are made.
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
