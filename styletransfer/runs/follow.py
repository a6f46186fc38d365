"""What makes a run's steps and tells those who listen, whatever the run is."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

__all__ = ["Steps", "follow", "uninterrupted"]

log = logging.getLogger("styletransfer")


class Steps(Protocol):
    """A run as an iterator over its steps.

    Attributes:
        step: how many are made.
    """

    step: int

    def __iter__(self) -> Iterator[Any]: ...

    def __next__(self) -> Any: ...


def follow(
    run: Steps, listeners: Sequence[Callable[[Any, Any], None]] = (), *, until: int | None = None
) -> str | None:
    """Make the steps that are left; an interrupt (Ctrl-C, the stop button) ends it.

    Args:
        run: whose steps are made.
        listeners: each is called with the run and the step, after every step; one with a method `close` has it called
            with the run in the end, however it ends. One that fails is reported in the log and not called again: what
            follows a run cannot lose it.
        until: stop after this step of the whole run.

    Returns:
        Why the run ended before its time: "ended early", "interrupted", or None.

    Raises:
        KeyboardInterrupt: it was interrupted before the first step.
    """
    active = list(listeners)
    try:
        while until is None or run.step < until:
            step = next(run, None)
            if step is None:
                return None
            for listener in tuple(active):
                _tell(listener, run, step, among=active)
        return "ended early"
    except KeyboardInterrupt:
        if not run.step:
            raise
        return "interrupted"
    finally:
        for listener in active:
            if hasattr(listener, "close"):
                _tell(listener.close, run, among=[listener.close])


def _tell(listener: Callable, *what: Any, among: list[Callable]) -> None:
    try:
        listener(*what)
    except Exception as error:
        log.warning("%s failed and is left out from here on: %s", listener, error)
        among.remove(listener)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Puts an interrupt off to the end of the block, where half of what it does must not be kept.

    Raises:
        KeyboardInterrupt: at the end, if there was one.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can it come
        yield
        return
    asked = []
    before = signal.getsignal(signal.SIGINT)
    if before is None:  # it was not set from Python
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt
