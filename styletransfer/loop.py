"""The loop: a canvas goes through sizes and steps; each step evaluates the objective once."""

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .canvas import enlarged, first_canvas
from .errors import InputError, NonFiniteError, log
from .fast.precision import resolve_precision
from .objective import Objective
from .pictures.colour import chroma_of, luminance, prepared
from .pictures.images import fit, resize
from .pictures.sources import Collection, Pictures, Source
from .regions import resized
from .runs.callbacks import follow, interrupted_once
from .runs.forecast import Forecast, forecast
from .runs.record import Result, picture_checksum, versions
from .runs.request import Plan, Request, resolve
from .runs.schedule import optimizer_of
from .runs.state import RunState, Saved, Step
from .settings import Settings
from .weights.backbones import load_weights, refuse_retired

Callback = Callable[["Run", "Step"], None]


class Run:
    """One optimisation: an iterator that makes one step each time it is asked.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
        style: the painting, likewise; or several, as a list or a folder (see `Pictures`), whose
            mean statistics count.
        settings: every option.
        start: the picture to start from, where it is none that `settings.init` can name; it is
            resized.
        masks: label pictures of the photograph and of each painting, where they are none that
            `settings.regions` can name.

    Attributes:
        settings: the options, every one that was left open decided.

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
        masks: Sequence[np.ndarray] | Collection | None = None,
    ) -> None:
        request = Request.open(content, style, settings or Settings(), start, masks)
        self._prepare(request, resolve(request))
        objective = self._objective(0)
        state = self._optimizer.start(self._grey(first_canvas(request, self._shape(0))))
        self._now = RunState(objective=objective, state=state, weighting=objective.weighting)

    def _prepare(self, request: Request, plan: Plan) -> None:
        self._request, self._plan, self.settings = request, plan, plan.settings
        self._optimizer = optimizer_of(plan.settings)
        self._labels = request.labels(plan.weights)

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        began, now = time.perf_counter(), self._now
        if now.state.stalled or now.done == self._plan.stages[now.stage].steps:
            if now.stage + 1 == len(self._plan.stages):
                raise StopIteration
            now = self._next_stage()
        objective, state, changes = now.objective, now.state, now.changes
        changed = objective.weighting != now.weighting
        if changed:
            changes = (*changes, {"step": self.step + 1, **objective.weighting})
        if now.fresh or changed:
            # What the optimiser remembers is of another function.
            state = self._optimizer.start(np.clip(state.kept, 0, 1))

        losses, gradient = objective.value_and_gradient(state.x)
        if now.fresh or changed:
            objective.weigh_box(self.settings.box, gradient)
        try:
            state = self._optimizer.step(state, losses.total, gradient)
        except NonFiniteError:
            raise self._non_finite() from None
        if not state.accepted and now.losses is not None:
            losses = now.losses
        size = self._plan.stages[now.stage].size
        seconds = now.seconds + time.perf_counter() - began
        step = Step(size, self.step + 1, seconds, losses, self._work(now.stage, now.done + 1))
        stalls = now.stalls
        if state.stalled:
            stalls = (*stalls, {"size": size, "step": step.step})
            log.warning("No step lowers the loss any more at %d px, step %d.", size, step.step)
        # In one go: an interrupt anywhere above leaves the run as it was before the step.
        self._now = dataclasses.replace(
            now,
            state=state,
            losses=losses,
            weighting=objective.weighting,
            fresh=False,
            done=now.done + 1,
            seconds=seconds,
            history=(*now.history, step.entry),
            changes=changes,
            stalls=stalls,
        )
        return step

    def _next_stage(self) -> RunState:
        """Where the run begins its next stage: λ and ω stay as they are now."""
        now = self._now
        stage, shape = now.stage + 1, self._shape(now.stage + 1)
        canvas = self._grey(enlarged(self._request, self._canvas, shape))
        same = shape == self._shape(now.stage)
        matching = {"matches": now.objective.matches} if same else {"start": canvas}
        objective = self._objective(stage, **matching)
        for name, weight in now.objective.weighting.items():
            setattr(objective, name, weight)
        objective.box = now.objective.box if same else 0.0
        now = dataclasses.replace(now, stage=stage, done=0, fresh=True)
        return dataclasses.replace(now, objective=objective, state=self._optimizer.start(canvas))

    def _objective(self, stage: int, **matching: Any) -> Objective:
        settings, planned = self.settings, self._plan.stages[stage]
        side = max(1, round(planned.size * settings.style_scale))
        paintings = [member.picture for member in self._request.style.members]
        options: Any = {n: getattr(settings, n) for n in (*Objective.OPTIONS, "mix", "guide")}
        options |= {"precision": planned.precision, "tile": planned.tile}
        photo = resize(self._request.content.picture, self._shape(stage))
        paintings = [resize(painting, fit(painting.shape, side)) for painting in paintings]
        shapes = [picture.shape[:2] for picture in (photo, *paintings)]
        labels = self._labels and list(map(resized, self._labels, shapes))
        photo, paintings = prepared(photo, paintings, color=settings.color, labels=labels)
        return Objective(photo, paintings, labels=labels, **matching, **options)

    def _grey(self, canvas: np.ndarray) -> np.ndarray:
        """A canvas to go on from, without colours where they do not count."""
        return luminance(canvas) if self.settings.color == "luminance" else canvas

    def _shape(self, stage: int) -> tuple[int, int]:
        return fit(self._request.content.picture.shape, self._plan.stages[stage].size)

    def _work(self, stage: int, steps: int) -> float:
        pixels = [math.prod(self._shape(i)) for i in range(len(self._plan.stages))]
        work = [s.steps * n for s, n in zip(self._plan.stages, pixels, strict=True)]
        return (sum(work[:stage]) + steps * pixels[stage]) / sum(work)

    def _non_finite(self) -> NonFiniteError:
        size = self._plan.stages[self._now.stage].size
        lbfgs = self.settings.optimizer == "lbfgs"
        advice = "look at λ and the pictures" if lbfgs else "give a smaller learning_rate"
        error = NonFiniteError(
            f"the loss is not finite at step {self.step + 1} ({size} px); the picture before it is "
            f"kept; {advice}"
        )
        if self.history:
            error.result = Result(self.image, self.record(stopped="not finite"))
        return error

    @property
    def objective(self) -> Objective:
        """The present size's; its λ, ω and `tv` may be changed between steps."""
        return self._now.objective

    @property
    def image(self) -> np.ndarray:
        """The picture that the run stands at, float32 (H, W, 3), clipped to [0, 1] for the eye."""
        canvas = self._canvas
        if self.settings.color != "luminance":
            return canvas
        return chroma_of(canvas, resize(self._request.content.picture, canvas.shape[:2]))

    @property
    def _canvas(self) -> np.ndarray:
        """What is optimised, clipped: with `color` luminance it has not its colours yet."""
        return np.clip(self._now.state.kept, 0, 1)

    @property
    def step(self) -> int:
        """Evaluations so far."""
        return len(self.history)

    @property
    def history(self) -> tuple[dict[str, Any], ...]:
        """One entry for each step."""
        return self._now.history

    @property
    def changes(self) -> tuple[dict[str, Any], ...]:
        """The weights that were changed: the step from which they count, λ, ω and `tv`."""
        return self._now.changes

    @property
    def inputs(self) -> list[Source]:
        """The pictures that went in: photograph, paintings, one to start from, label pictures."""
        request = self._request
        sources = (request.content, request.style, request.start, request.masks)
        return [member for source in sources if source for member in source.members]

    def forecast(self) -> Forecast:
        """How long the steps that are left will take, and how much memory."""
        now, stages = self._now, self._plan.stages
        left = 0 if now.state.stalled else stages[now.stage].steps - now.done
        rest = [dataclasses.replace(stages[now.stage], steps=left), *stages[now.stage + 1 :]]
        traced = now.objective.traces > 0
        return forecast(self._plan, self._request.shapes, stages=rest, traced=traced, encoded=True)

    def finish(self, callbacks: Sequence[Callback] = (), *, until: int | None = None) -> Result:
        """Make the steps that are left; an interrupt (Ctrl-C, the stop button) ends it early.

        For the arguments see `follow`; the record says whether and why it was stopped.

        Raises:
            NonFiniteError: with the last good picture and its record.
            KeyboardInterrupt: it was interrupted before the first step.
        """
        with interrupted_once():  # a second Ctrl-C must not cost the picture
            stopped = follow(self, callbacks, until=until)
            return Result(self.image, self.record(stopped=stopped))

    def record(self, *, stopped: str | None = None) -> dict[str, Any]:
        """How the picture so far was made; `stopped`: why the run ended before its time."""
        image, request, objective = self.image, self._request, self.objective
        # The history has the losses of the canvas before it was clipped; these are the picture's.
        final, _ = objective.value_and_gradient(self._canvas)
        changes = self.changes
        if objective.weighting != self._now.weighting:  # for a step that was not made any more
            changes = (*changes, {"step": self.step + 1, **objective.weighting})
        return {
            "settings": dataclasses.asdict(self.settings),
            "content": request.content.about,
            "style": request.style.about,
            **({"start": request.start.about} if request.start else {}),
            **({"masks": request.masks.about} if request.masks else {}),
            "weights": {**objective.weights.about, **self._plan.asked},
            "network": {"pooling": objective.pooling, "scaled": objective.form.scaled},
            "form": dataclasses.asdict(objective.form),
            "optimizer": dataclasses.asdict(self._optimizer),
            "plan": [dataclasses.asdict(stage) for stage in self._plan.stages],
            "versions": versions(),
            "picture": {
                "width": image.shape[1],
                "height": image.shape[0],
                "sha256": picture_checksum(image),
                "losses": dataclasses.asdict(final),
            },
            **({"changes": list(changes)} if changes else {}),
            "stopped": stopped,
            "stalls": list(self._now.stalls),
            "history": list(self.history),
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write all that is needed to go on, pictures included, as `Saved.write` does."""
        arrays, position = self._now.packed()
        Saved(
            request=dataclasses.replace(self._request, settings=self.settings),
            plan=self._plan.stages,
            weights=self._plan.weights.sha256,
            asked=self._plan.asked,
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
        saved = Saved.read(path)
        refuse_retired(saved.weights, path)
        settings = saved.request.settings
        weights = load_weights(settings.backbone)
        if weights.sha256 != saved.weights:
            raise InputError(f"{path} was made with other weights than {settings.backbone} has now")
        stages = tuple(
            dataclasses.replace(s, precision=resolve_precision(s.precision, size=s.size))
            for s in saved.plan
        )
        run = cls.__new__(cls)
        run._prepare(saved.request, Plan(settings, stages, weights, saved.asked))
        found = saved.arrays.pop("matches", None)
        objective = run._objective(saved.position["stage"], matches=found)
        kind = type(run._optimizer.start(np.zeros(1, np.float32)))
        run._now = RunState.unpacked(saved.arrays, saved.position, objective=objective, kind=kind)
        return run
