"""A run in a thread of its own: it can be paused, changed, gone on with and stopped while somebody watches."""

import threading
from typing import Any, Literal

import numpy as np

from ..errors import InputError, NonFiniteError
from ..loop import Run
from ..runs.record import Result
from ..runs.request import Request
from ..runs.state import Step

__all__ = ["Session", "State"]

State = Literal["waiting", "preparing", "running", "paused", "finished", "stopped", "failed"]

ENDED = ("finished", "stopped", "failed")


class Session:
    """One run, made in the background.

    Every attribute may be read at any time, from any thread; each is replaced as a whole.

    Args:
        job: what is to be made.

    Attributes:
        state: "waiting" until `start`, "preparing" while targets are encoded, then "running" or "paused", and in
            the end "finished", "stopped" or "failed".
        image: the picture so far, float32 (H, W, 3) in [0, 1]; None before the first step.
        steps: all that were made.
        left: seconds of work that are left, at the pace so far; None while nothing is known.
        result: the picture and its record, once the run has ended with a picture.
        message: why it ended, where it was not because it was done.
    """

    def __init__(self, job: Request) -> None:
        """Nothing is made yet."""
        self.job = job
        self.state: State = "waiting"
        self.image: np.ndarray | None = None
        self.steps: tuple[Step, ...] = ()
        self.left: float | None = None
        self.result: Result | None = None
        self.message = ""
        self._weights: dict[str, Any] = {}
        self._paused = self._stopped = self._asked = False
        self._snapshot: Result | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._work, name="styletransfer session", daemon=True
        )

    def start(self) -> None:
        """Begin.

        Raises:
            InputError: it was begun before.
        """
        if self.state != "waiting":
            raise InputError("this run was begun before; make a new one")
        self.state = "preparing"
        self._thread.start()

    @property
    def active(self) -> bool:
        """Whether the run is under way, or paused."""
        return self.state not in ("waiting", *ENDED)

    def pause(self) -> None:
        """Make no further step; the one that is being made is finished first."""
        self._set(paused=True)

    def go_on(self) -> None:
        """Go on after a pause."""
        self._set(paused=False)

    def stop(self) -> None:
        """End the run with the picture so far."""
        self._set(stopped=True)

    def _set(self, **wishes: bool) -> None:
        with self._changed:
            for name, value in wishes.items():
                setattr(self, f"_{name}", value)
            self._changed.notify_all()

    def reweigh(self, **weights: Any) -> None:
        """Change λ (`lam`), ω (`omega`) or `tv` from the next step on; the run goes on from the present picture.

        Raises:
            InputError: another name.
        """
        for name in weights:
            if name not in ("lam", "omega", "tv"):
                raise InputError(f"{name} cannot be changed during a run")
        with self._changed:
            self._weights |= weights
            self._changed.notify_all()

    def snapshot(self) -> Result | None:
        """The picture so far with its record, which says that the run ended early; it waits for the step that is made.

        Returns:
            None where there is no picture yet; what the run has left, where it has ended.
        """
        with self._changed:
            if not self.active:
                return self.result
            self._asked = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._asked)
            return self._snapshot or self.result

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; whether it came within so many seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        state: State = "failed"
        try:
            run = Run(self.job.content, self.job.style, self.job.settings, start=self.job.start)
            self._between(run)
            self.state = "running"
            result = run.finish([self._follow])
            state = "stopped" if result.record["stopped"] else "finished"
            self.result, self.image = result, result.image
        except KeyboardInterrupt:
            state, self.message = (
                "stopped",
                "It was stopped before the first step; there is no picture.",
            )
        except NonFiniteError as error:
            self.result, self.message = error.result, str(error)
        except Exception as error:  # whatever it is, somebody is watching
            self.message = str(error) or type(error).__name__
        with self._changed:
            self.state, self._asked = state, False
            self._changed.notify_all()

    def _follow(self, run: Run, step: Step) -> None:
        """After every step: show it, and do what was asked for meanwhile."""
        self.image, self.steps = run.image, (*self.steps, step)
        self.left = step.seconds * (1 - step.work) / step.work
        self._between(run)

    def _between(self, run: Run) -> None:
        with self._changed:
            while True:
                weights, self._weights = self._weights, {}
                for name, weight in weights.items():
                    setattr(run.objective, name, weight)
                if self._asked:
                    self._snapshot = (
                        Result(run.image, run.record(stopped="ended early"))
                        if run.history
                        else None
                    )
                    self._asked = False
                    self._changed.notify_all()
                if self._stopped:
                    raise KeyboardInterrupt
                if not self._paused:
                    break
                self.state = "paused"
                self._changed.wait()
            self.state = "running"
