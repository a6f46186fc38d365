"""The loop: a canvas goes through sizes and steps, and every step leaves one record."""

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError, NonFiniteError
from .fast.precision import resolve_precision
from .objective import Losses, Objective
from .optimizers import optimizer_from
from .pictures.images import fit, resize
from .pictures.sources import Collection, Pictures, Source
from .runs.callbacks import Progress
from .runs.checkpoint import Saved
from .runs.follow import follow
from .runs.forecast import Forecast, forecast
from .runs.position import Position
from .runs.record import Result, picture_checksum, versions
from .runs.request import Job
from .runs.store import Store, kept_in
from .settings import Settings, settings_from, takes_settings
from .weights.backbones import refuse_retired

__all__ = ["Listener", "Run", "Step"]

log = logging.getLogger("styletransfer")

MEAN_COLOUR = np.array([123.68, 116.779, 103.939], np.float32) / 255
"""RGB, of the pictures that VGG was trained on: what Keras' preprocessing makes zero."""

Listener = Callable[["Run", "Step"], None]


@dataclass(frozen=True)
class Step:
    """One evaluation of the objective.

    Attributes:
        size: long side of the picture in pixels.
        step: evaluations so far, of all sizes together, this one included.
        seconds: time spent in the run so far; pauses between steps do not count.
        losses: of the picture that the run stands at; a trial that the line search rejected is not that picture.
        work: the share of the run's work that is done, in [0, 1]; a step counts as its pixels.
    """

    size: int
    step: int
    seconds: float
    losses: Losses
    work: float

    @property
    def entry(self) -> dict[str, float]:
        """The step as a record's history has it."""
        losses = self.losses
        return {
            "size": self.size,
            "step": self.step,
            "seconds": round(self.seconds, 3),
            "loss": losses.total,
            "content": losses.content,
            "style": losses.style,
        }


class Run:
    """One optimisation: an iterator that makes one step each time it is asked.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
        style: the painting, likewise; or several, as a list or a folder (see `Pictures`), whose mean statistics count.
        settings: every option.
        start: the picture to start from, where it is none that `settings.init` can name; it is resized.

    Attributes:
        settings: the options, every one that was left open decided.
        image: the picture that the run stands at, float32 (H, W, 3) in [0, 1], at any time.

    Raises:
        FileNotFoundError, InputError: a picture or a setting that cannot be used.
    """

    def __init__(
        self,
        content: str | os.PathLike | np.ndarray | Source,
        style: Pictures | Source | Collection,
        settings: Settings | None = None,
        *,
        start: np.ndarray | Source | None = None,
    ) -> None:
        """Open the pictures, decide what was left open and build the first size's objective."""
        self._job = Job.open(content, style, settings or Settings(), start)
        self.settings, self._plan, self._weights, self._asked = self._job.decide()
        self._pixels = [int(np.prod(self._shape(i))) for i in range(len(self._plan))]
        self._optimizer = optimizer_from(self.settings)
        objective = self._objective(0)
        # What was decided goes into the settings, so that the record makes the same run again.
        self.settings = dataclasses.replace(
            self.settings,
            lam=objective.lam,
            omega=objective.omega,
            pooling=objective.pooling,
            tv=objective.tv,
            learning_rate=getattr(self._optimizer, "learning_rate", None),
        )
        state = self._optimizer.start(self._first_canvas())
        self._at = Position(objective=objective, state=state, weighting=objective.weighting)

    @property
    def objective(self) -> Objective:
        """The present size's; its λ, ω and `tv` may be changed between steps."""
        return self._at.objective

    @property
    def history(self) -> tuple[dict[str, float], ...]:
        """One entry for each step."""
        return self._at.history

    @property
    def stalls(self) -> tuple[dict[str, int], ...]:
        """The sizes and steps at which no step lowered the loss any more."""
        return self._at.stalls

    @property
    def changes(self) -> tuple[dict[str, Any], ...]:
        """The weights that were changed during the run: the step from which they count, λ, ω and `tv`."""
        return self._at.changes

    def _objective(self, stage: int) -> Objective:
        settings = self.settings
        side = max(1, round(self._plan[stage].size * settings.style_scale))
        paintings = [member.picture for member in self._job.style.members]
        return Objective(
            resize(self._job.content.picture, self._shape(stage)),
            [resize(painting, fit(painting.shape, side)) for painting in paintings],
            precision=self._plan[stage].precision,
            tile=self._plan[stage].tile,
            **{name: getattr(settings, name) for name in Objective.OPTIONS},
        )

    def _shape(self, stage: int) -> tuple[int, int]:
        return fit(self._job.content.picture.shape, self._plan[stage].size)

    def _first_canvas(self) -> np.ndarray:
        if self._job.start is not None:
            return resize(self._job.start.picture, self._shape(0))
        if self.settings.init == "noise":
            # White noise around the mean colour, as in the authors' texture code (leongatys/DeepTextures@289dfe6),
            # whose deviation is 1/255; the paper says white noise and no more.
            generator = np.random.default_rng(self.settings.seed)
            noise = generator.standard_normal((*self._shape(0), 3), dtype=np.float32)
            return np.clip(MEAN_COLOUR + np.float32(self.settings.noise) * noise, 0, 1)
        source = self._job.style if self.settings.init == "style" else self._job.content
        return resize(source.picture, self._shape(0))

    @property
    def inputs(self) -> list[Source]:
        """The pictures that went in: photograph, paintings, and the one to start from where there is one."""
        sources = (self._job.content, self._job.style, self._job.start)
        return [member for source in sources if source is not None for member in source.members]

    @property
    def image(self) -> np.ndarray:
        """The picture that the run stands at, clipped to [0, 1]; nothing is clipped while it is optimised."""
        return np.clip(self._at.state.kept, 0, 1)

    def forecast(self) -> Forecast:
        """How long the steps that are left will take, and how much memory (see `forecast.py`)."""
        at = self._at
        now = self._plan[at.stage]
        now = dataclasses.replace(now, steps=0 if at.state.stalled else now.steps - at.done)
        plan, traced = [now, *self._plan[at.stage + 1 :]], at.objective.traces > 0
        return forecast(
            self.settings, self._weights, plan, self._job.shapes, traced=traced, encoded=True
        )

    @property
    def step(self) -> int:
        """Evaluations so far."""
        return len(self.history)

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        began, at = time.perf_counter(), self._at
        if at.state.stalled or at.done == self._plan[at.stage].steps:
            if at.stage + 1 == len(self._plan):
                raise StopIteration
            at = self._enlarged(at.stage + 1)
        size, objective, before = self._plan[at.stage].size, at.objective, at.state
        changed = (
            ()
            if objective.weighting == at.weighting
            else ({"step": self.step + 1, **objective.weighting},)
        )
        if afresh := at.fresh or bool(changed):
            # A new size, or a weight that was changed: what the optimiser remembers is of another function.
            before = self._optimizer.start(np.clip(before.kept, 0, 1))
        losses, gradient = objective.value_and_gradient(before.x)
        if afresh:
            objective.weigh_box(self.settings.box, gradient)
        try:
            state = self._optimizer.step(before, losses.total, gradient)
        except NonFiniteError:
            raise self._non_finite(size) from None
        seconds = at.seconds + time.perf_counter() - began
        kept = losses if state.accepted else at.losses
        step = Step(size, self.step + 1, seconds, kept, self._work(at.stage, at.done + 1))
        # In one go: an interrupt anywhere above leaves the run as it was before the step.
        self._at = dataclasses.replace(
            at,
            **{
                "state": state,
                "losses": kept,
                "weighting": objective.weighting,
                "fresh": False,
                "done": at.done + 1,
            },
            **{
                "seconds": seconds,
                "history": (*at.history, step.entry),
                "changes": at.changes + changed,
            },
            stalls=(*at.stalls, {"size": size, "step": step.step}) if state.stalled else at.stalls,
        )
        if state.stalled:
            log.warning("No step lowers the loss any more at %d px, step %d.", size, step.step)
        return step

    def _work(self, stage: int, steps: int) -> float:
        work = [
            stage.steps * pixels for stage, pixels in zip(self._plan, self._pixels, strict=True)
        ]
        return (sum(work[:stage]) + steps * self._pixels[stage]) / sum(work)

    def _enlarged(self, stage: int) -> Position:
        """Where the run begins its next stage: λ and ω stay as they are now."""
        objective, shape = self._objective(stage), self._shape(stage)
        for name, weight in self.objective.weighting.items():
            setattr(objective, name, weight)
        if shape == self._shape(self._at.stage):
            objective.box = self.objective.box
        state = self._optimizer.start(self._canvas(shape))
        return dataclasses.replace(
            self._at, stage=stage, done=0, fresh=True, objective=objective, state=state
        )

    def _canvas(self, shape: tuple[int, int]) -> np.ndarray:
        """The picture so far at another size.

        A run that starts from the photograph gets the detail of it that the smaller size could not hold: on one pair
        (256 to 512 px) 60 steps then led as far as 100 without it, and to a picture without speckles.
        """
        enlarged = resize(self.image, shape)
        if (
            self._job.start is not None
            or self.settings.init != "content"
            or shape == self._shape(self._at.stage)
        ):
            return enlarged
        photograph = self._job.content.picture
        detail = resize(photograph, shape) - resize(
            resize(photograph, self._shape(self._at.stage)), shape
        )
        return np.clip(enlarged + detail, 0, 1)

    def _non_finite(self, size: int) -> NonFiniteError:
        advice = (
            "give a smaller learning_rate"
            if self.settings.optimizer != "lbfgs"
            else "look at λ and the input"
        )
        error = NonFiniteError(
            f"the loss is not finite at step {self.step + 1} ({size} px); the picture before it is kept; {advice}"
        )
        if self.history:
            error.result = Result(self.image, self.record(stopped="not finite"))
        return error

    def finish(self, listeners: Sequence[Listener] = (), *, until: int | None = None) -> Result:
        """Make the steps that are left; an interrupt (Ctrl-C, the stop button) ends it with the picture so far.

        Args:
            listeners: each is called with the run and the step, after every step (see `follow`).
            until: stop after this step of the whole run; the record then says that it was stopped.

        Raises:
            NonFiniteError: with the last good picture and its record.
            KeyboardInterrupt: it was interrupted before the first step.
        """
        stopped = follow(self, listeners, until=until)
        return Result(self.image, self.record(stopped=stopped))

    def record(self, *, stopped: str | None = None) -> dict[str, Any]:
        """How the picture so far was made.

        Args:
            stopped: why the run ended before its time, or None.
        """
        image = self.image
        # The losses in the history are those of the canvas before it was clipped; this is the picture itself.
        final, _ = self.objective.value_and_gradient(image)
        form = self.objective.form
        weighting, changes = self.objective.weighting, self.changes
        if weighting != self._at.weighting:  # for a step that was not made any more
            changes = (*changes, {"step": self.step + 1, **weighting})
        return {
            "settings": dataclasses.asdict(self.settings),
            "content": self._job.content.about,
            "style": self._job.style.about,
            **({"start": self._job.start.about} if self._job.start else {}),
            "weights": {**self.objective.weights.about, **self._asked},
            "network": {"pooling": self.objective.pooling, "scaled": form.scaled},
            "form": dataclasses.asdict(form),
            "optimizer": dataclasses.asdict(self._optimizer),
            "plan": [dataclasses.asdict(stage) for stage in self._plan],
            "versions": versions(),
            "picture": {
                "width": image.shape[1],
                "height": image.shape[0],
                "sha256": picture_checksum(image),
                "losses": dataclasses.asdict(final),
            },
            **({"changes": list(changes)} if changes else {}),
            "stopped": stopped,
            "stalls": list(self.stalls),
            "history": list(self.history),
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write all that is needed to go on from here into one .npz file (pictures included).

        Raises:
            InputError: the place cannot be written.
        """
        arrays, position = self._at.packed()
        Saved(
            job=dataclasses.replace(self._job, settings=self.settings),
            plan=self._plan,
            weights=self.objective.weights.sha256,
            asked=self._asked,
            arrays=arrays,
            position=position,
        ).write(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Run":
        """A run that goes on where `save` left it, step for step as if it had never stopped.

        Raises:
            FileNotFoundError: no such file.
            InputError: it is no saved run, or the weights of its network have changed since.
        """
        try:
            saved = Saved.read(path)
            refuse_retired(saved.weights, path)
            job = saved.job
            run = cls(job.content, job.style, job.settings, start=job.start)
            # Every one is decided, as the machine decided that it began on.
            run.settings, run._asked = job.settings, saved.asked
            if run.objective.weights.sha256 != saved.weights:
                raise InputError(
                    f"{path} was made with other weights than {job.settings.backbone} has now"
                )
            run._plan = tuple(
                dataclasses.replace(
                    stage, precision=resolve_precision(stage.precision, size=stage.size)
                )
                for stage in saved.plan
            )
            run._pixels = [int(np.prod(run._shape(i))) for i in range(len(run._plan))]
            kind, objective = type(run._at.state), run._objective(saved.position["stage"])
            run._at = Position.unpacked(
                saved.arrays, saved.position, objective=objective, kind=kind
            )
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not the saved state of a run ({error!r} is missing or wrong)"
            ) from None
        return run


@takes_settings
def transfer(
    content: str | os.PathLike | np.ndarray,
    style: Pictures,
    *,
    start: np.ndarray | None = None,
    listeners: Sequence[Listener] = (),
    progress: bool = True,
    store: Store | str | os.PathLike | None = None,
    **settings: Any,
) -> Result:
    """Paint the content picture in the manner of the style picture.

    Interrupting it (Ctrl-C, the stop button) returns the picture so far; the record then says so.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
        style: the painting, likewise; or several, as a list or as the path of a folder, whose mean statistics count.
        start: the picture to start from, where `init` cannot name it.
        listeners: called with the run and the step after every step.
        progress: show a progress bar with the time left.
        store: a folder (or a `Store`) where the result is kept; where it is there already, with the same settings,
            pictures and weights, it is returned at once. Results that were interrupted are not kept.
        settings: any of those below.

    Returns:
        The picture (`image`) and its record (`record`).

    Raises:
        FileNotFoundError: a picture that is not there.
        InputError: anything else that cannot be used; the message says what to do.
        NonFiniteError: the loss became infinite or not a number; the error holds the last good picture.
    """
    job = Job.open(content, style, settings_from(settings), start)

    def make() -> Result:
        run = Run(job.content, job.style, job.settings, start=job.start)
        return run.finish([*([Progress()] if progress else []), *listeners])

    return kept_in(store, job.identity, make)
