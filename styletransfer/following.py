"""What makes a run's steps and tells those who listen, whatever the run is."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

__all__ = ["Steps", "follow"]

log = logging.getLogger("styletransfer")


class Steps(Protocol):
    """A run as an iterator over its steps.

    Attributes:
        step: how many are made.
    """

    step: int

    def __iter__(self) -> Iterator[Any]: ...

    def __next__(self) -> Any: ...


def follow(run: Steps, listeners: Sequence[Callable[[Any, Any], None]] = (), *, until: int | None = None) -> str | None:
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
