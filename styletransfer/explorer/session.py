"""A run in a thread of its own: while somebody watches it can be paused, changed and stopped."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import InputError, NonFiniteError
from ..runs.record import Result
from ..runs.request import Request, resolve
from ..runs.state import Step
from ..runs.store import Store, kept_in

if TYPE_CHECKING:
    from ..loop import Run

log = logging.getLogger("styletransfer")

State = Literal["waiting", "preparing", "running", "paused", "finished", "stopped", "failed"]

ENDED = ("finished", "stopped", "failed")

LIVE = ("lam", "omega", "tv")
"""The settings that count at once when they are changed during a run."""

NO_PICTURE = "It was stopped before the first step; there is no picture."

NETWORKS = {"auto": "VGG-19", "vgg19": "VGG-19", "vgg16": "VGG-16", "embedded": "VGG-16"}


def network_of(request: Request) -> str:
    """What to call the network that is looked for, and may have to be downloaded."""
    return NETWORKS.get(request.settings.backbone, request.settings.backbone)


def opened(request: Request) -> Request:
    """The request with the picture that `settings.init` may name, which can cost a download."""
    return Request.open(
        request.content, request.style, request.settings, request.start, request.masks
    )


class Session:
    """One run, made in the background.

    A run that came to its end unchanged is kept in the `store`. Sessions that share a `turn`, which
    is held while they work, follow one another. `resolve` decides what was left open in the
    request, and fetches the network where it is not here; `begin` makes the run, as `Run` does.

    Every attribute may be read at any time, from any thread; it is replaced as a whole. The state
    is "waiting" until `start`; "preparing" until the network is here and the targets are encoded;
    then "running" or "paused"; in the end "finished", "stopped" or "failed".
    """

    def __init__(
        self,
        request: Request,
        *,
        begin: "Callable[..., Run]",
        store: Store | None = None,
        turn: "threading.Lock | None" = None,
        resolve: Callable[[Request], object] = resolve,
    ) -> None:
        self.request = request
        self.state: State = "waiting"
        self.doing = ""  # what is being prepared
        self.message = ""  # why it ended, where it was not because it was done
        self.image: np.ndarray | None = None  # as it is so far, float32 (H, W, 3) in [0, 1]
        self.steps: tuple[Step, ...] = ()
        self.left: float | None = None  # seconds, at the pace so far
        self.result: Result | None = None
        self._store, self._turn, self._resolve = store, turn or threading.Lock(), resolve
        self._begin = begin
        self._weights: dict[str, Any] = {}
        self._paused = self._stopped = self._asked = False
        self._snapshot: Result | None = None
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="session", daemon=True)

    def start(self) -> None:
        """Begin; InputError where it was begun before."""
        if self.state != "waiting":
            raise InputError("this run was begun before; make a new one")
        self.doing = f"Looking for {network_of(self.request)} …"
        self.state = "preparing"
        if self._stopped:
            self.stop()
        self._thread.start()

    @property
    def active(self) -> bool:
        """Whether the run is being prepared or under way, or paused."""
        return self.state not in ("waiting", *ENDED)

    def pause(self, *, paused: bool = True) -> None:
        """Make no further step, once the present one is finished; or go on after a pause."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def stop(self) -> None:
        """End the run with the picture so far; a second call changes nothing.

        While it is being prepared it ends at once: a download that is under way is left alone.
        """
        with self._changed:
            self._stopped = True
            if self.state == "preparing":
                self._end("stopped", NO_PICTURE)
            self._changed.notify_all()

    def reweigh(self, **weights: Any) -> None:
        """Change λ (`lam`), ω (`omega`) or `tv` from the next step on; the picture stays."""
        for name in weights:
            if name not in LIVE:
                raise InputError(f"{name} cannot be changed during a run")
        with self._changed:
            self._weights |= weights
            self._changed.notify_all()

    def snapshot(self) -> Result | None:
        """The picture so far, with a record that says "ended early"; waits for the present step.

        It is None where there is no picture yet, and what the run has left, where it has ended.
        """
        with self._changed:
            if self.state not in ("running", "paused"):
                return self.result
            self._asked = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._asked)
            return self._snapshot or self.result

    def join(self, timeout: float | None = None) -> bool:
        """Wait until nothing is done any more; whether that came within so many seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            with self._turn:
                self._make()
        except KeyboardInterrupt:
            self._end("stopped", NO_PICTURE)
        except Exception as error:  # whatever it is, somebody is watching
            if isinstance(error, NonFiniteError):
                self.result = error.result
            level = logging.DEBUG if isinstance(error, InputError) else logging.WARNING
            log.log(level, "A run of the page failed: %s", error, exc_info=True)
            self._end("failed", str(error) or type(error).__name__)

    def _make(self) -> None:
        if not self.active:  # stopped while another one had its turn
            return
        request = self.request = opened(self.request)
        self._resolve(request)
        if not self.active:
            return
        self.doing = "Reading the pictures into the network …"
        run = self._begin(
            request.content,
            request.style,
            request.settings,
            start=request.start,
            masks=request.masks,
        )
        self._between(run)
        result = run.finish([self._follow])
        self.result, self.image = result, result.image
        if self._error is not None:
            raise self._error
        if "changes" not in result.record:
            kept_in(self._store, request.identity, lambda: result)
        self._end("stopped" if result.record["stopped"] else "finished")

    def _end(self, state: State, message: str = "") -> None:
        with self._changed:
            if self.active:  # else it was stopped while it was being prepared
                self.message, self._asked = message, False
                self.state = state
                self._changed.notify_all()

    def _follow(self, run: "Run", step: Step) -> None:
        """After every step: show it, and do what was asked for meanwhile."""
        self.image, self.steps = run.image, (*self.steps, step)
        self.left = step.seconds * (1 - step.work) / step.work
        try:
            self._between(run)
        except Exception as error:  # a callback that fails is left out: nobody could stop the run
            self._error = error
            raise KeyboardInterrupt from None

    def _between(self, run: "Run") -> None:
        with self._changed:
            while True:
                weights, self._weights = self._weights, {}
                for name, weight in weights.items():
                    setattr(run.objective, name, weight)
                if self._asked:
                    early = run.history and Result(run.image, run.record(stopped="ended early"))
                    self._snapshot, self._asked = early or None, False
                    self._changed.notify_all()
                if self._stopped:
                    raise KeyboardInterrupt
                if not self._paused:
                    break
                self.state = "paused"
                self._changed.wait()
            self.state = "running"
