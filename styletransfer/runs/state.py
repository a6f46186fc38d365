"""Where a run stands: all that changes from step to step, in one piece, and in a file."""

import itertools
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..forms import FORMS
from ..losses import Losses
from ..optimizers import State
from ..pictures.images import MAX_PIXELS, as_picture, fit
from ..pictures.sources import Source, described
from . import schema
from .checkpoint import Headers, is_saved_run, read_state, write_state
from .request import Request
from .schedule import Stage

if TYPE_CHECKING:
    from ..objective import Objective


# What JSON holds as it is.
_PLAIN = ("weighting", "stage", "done", "fresh", "seconds", "history", "stalls", "changes")


@dataclass(frozen=True)
class Step:
    """One evaluation of the objective."""

    size: int  # long side of the picture in pixels
    step: int  # evaluations so far, of all sizes together, this one included
    seconds: float  # spent in the run so far; pauses between steps do not count
    losses: Losses  # of the picture that the run stands at, which a rejected trial is not
    work: float  # the share of the run's work that is done, in [0, 1]; a step counts as its pixels

    @property
    def entry(self) -> dict[str, float]:
        """The step as a record's history has it."""
        return {
            "size": self.size,
            "step": self.step,
            "seconds": round(self.seconds, 3),
            "loss": self.losses.total,
            "content": self.losses.content,
            "style": self.losses.style,
        }


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a run stands, replaced as a whole, so that an interrupt leaves it between steps."""

    objective: "Objective"  # the present size's
    state: State  # the optimiser's
    weighting: dict[str, Any]  # λ, ω and `tv` of the last step
    stage: int = 0  # which stage of the plan
    done: int = 0  # steps of the stage that are made
    fresh: bool = True  # whether the optimiser has evaluated nothing at this size yet
    losses: Losses | None = None  # of the picture that the run stands at
    seconds: float = 0.0  # spent so far
    history: tuple[dict[str, Any], ...] = ()  # an entry for each step
    stalls: tuple[dict[str, int], ...] = ()  # where no step lowered the loss any more
    changes: tuple[dict[str, Any], ...] = ()  # the weights that were changed, and from which step

    def packed(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """As arrays, and facts that JSON holds."""
        arrays: dict[str, np.ndarray] = {}
        scalars: dict[str, Any] = {}
        for name, value in vars(self.state).items():
            if name == "pairs":
                for i, (s, y, _) in enumerate(value):
                    arrays |= {f"state.s{i}": s, f"state.y{i}": y}
                scalars["pairs"] = [rho for _, _, rho in value]
            elif isinstance(value, np.ndarray):
                arrays[f"state.{name}"] = value
            else:
                scalars[name] = value
        if self.objective.matches is not None:
            arrays["matches"] = self.objective.matches
        facts = {name: getattr(self, name) for name in _PLAIN}
        losses = asdict(self.losses) if self.losses else None
        weights = {**self.objective.weighting, "box": self.objective.box}
        return arrays, {**facts, "state": scalars, "losses": losses, "weights": weights}

    @classmethod
    def unpacked(
        cls,
        arrays: dict[str, np.ndarray],
        facts: dict[str, Any],
        *,
        objective: "Objective",
        kind: type[State],
    ) -> "RunState":
        """What `packed` gave, the facts from JSON; the objective gets the weights that it had."""
        for name, weight in facts["weights"].items():
            setattr(objective, name, weight)
        values: dict[str, Any] = {n: _tuple(value) for n, value in facts["state"].items()}
        values |= {name.removeprefix("state."): array for name, array in arrays.items()}
        if "pairs" in values:
            rhos = enumerate(values["pairs"])
            pairs = [(values.pop(f"s{i}"), values.pop(f"y{i}"), rho) for i, rho in rhos]
            values["pairs"] = tuple(pairs)
        plain = {name: _tuple(facts[name]) for name in _PLAIN}
        plain["weighting"] = _weighting(plain["weighting"])
        plain["changes"] = tuple(map(_weighting, plain["changes"]))
        losses = Losses(**facts["losses"]) if facts["losses"] else None
        return cls(objective=objective, state=kind(**values), losses=losses, **plain)


def _tuple(value: Any) -> Any:
    # JSON has made it a list.
    return tuple(value) if isinstance(value, list) else value


def _weighting(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in facts.items()}


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A run on disk: all that is needed to go on with it."""

    request: Request  # with every setting decided
    plan: tuple[Stage, ...]  # as the machine decided that the run began on
    weights: str  # SHA-256
    asked: dict[str, str]  # what a record says of the weights that were asked for
    arrays: dict[str, np.ndarray]  # these and the position: see `RunState.packed`
    position: dict[str, Any]

    def write(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all; InputError where what is there is no saved run."""
        if Path(path).exists() and not is_saved_run(path):
            raise InputError(f"{path} is there and is not a saved run; choose another name")
        request = self.request
        names = ("content", "style", "start", "masks")
        sources = {name: getattr(request, name) for name in names}
        pictures = {
            _picture(name, number): member.compact
            for name, source in sources.items()
            for number, member in enumerate(source.members if source else ())
        }
        facts = {
            "settings": asdict(request.settings),
            "about": {"content": request.content.about, "style": request.style.about},
            "start": request.start.about if request.start else None,
            "masks": request.masks.about if request.masks else None,
            "weights": self.weights,
            "asked": self.asked,
            "plan": [asdict(stage) for stage in self.plan],
            "position": self.position,
        }
        write_state(path, {**self.arrays, **pictures}, facts)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Saved":
        """What `write` wrote, checked as a whole.

        Raises:
            FileNotFoundError: no such file.
            InputError: the file is damaged, something else, or from a version that cannot go on.
        """
        arrays, facts = read_state(path, check=_check)

        def source(name: str, about: dict[str, Any]) -> Any:
            number = itertools.count()

            def member(about: dict[str, Any]) -> Source:
                return Source(as_picture(arrays.pop(_picture(name, next(number)))), about)

            return described(about, member)

        try:
            content, style = (source(name, facts["about"][name]) for name in ("content", "style"))
            start, masks = (
                source(name, facts[name]) if facts.get(name) else None
                for name in ("start", "masks")
            )
            _check_arrays(arrays, facts["position"]["state"].get("pairs", ()))
            settings = schema.replayable(facts["settings"])
            request = Request(content, style, settings, start, masks)
        except InputError as error:
            raise InputError(f"{path} cannot be gone on with: {error}") from None
        plan = tuple(Stage(**stage) for stage in facts["plan"])
        about = {name: facts[name] for name in ("weights", "asked", "position")}
        return cls(request=request, plan=plan, arrays=arrays, **about)


def _picture(name: str, number: int) -> str:
    """What the array of a source's picture is called."""
    return f"{name}-{number}" if number else name


def _check(values: dict[str, Any], headers: Headers) -> None:
    """Refuse a saved run that does not agree with itself, with a message that names the key."""
    facts = schema.checked(schema.Facts, values)
    settings, at = schema.recorded_settings(values["settings"]), facts.position
    pictures: list[tuple[str, Any]] = [("content", facts.about.content)]
    for name, several in (("style", facts.about.style), ("masks", facts.masks)):
        members = enumerate(several.pictures or [several] if several else ())
        pictures += [(_picture(name, number), about) for number, about in members]
    pictures += [("start", facts.start)] if facts.start else []
    sizes = [stage.size for stage in facts.plan]
    steps = sum(stage.steps for stage in facts.plan)
    photo: tuple[int, ...] = ()
    for name, about in pictures:
        shape, dtype = headers.pop(name, ((), np.dtype(float)))
        photo = photo or shape
        right = len(shape) == 3 and shape[2] == 3 and 0 < math.prod(shape[:2]) <= MAX_PIXELS
        if not right or dtype not in (np.uint8, np.float32):
            raise InputError(f"the array {name} is no picture")
        if (about.height or shape[0], about.width or shape[1]) != shape[:2]:
            raise InputError(f"the array {name} has another size than its picture")
        scale = settings.style_scale if name.startswith("style") else 1.0
        if math.prod(fit(shape, max(1, round(scale * sizes[-1])))) > MAX_PIXELS:
            raise InputError(f"plan: its sizes are too large for the array {name}")
    if settings.sizes is None or tuple(dict.fromkeys(sizes)) != settings.sizes:
        raise InputError("plan: the sizes are not those of the settings")
    if not isinstance(settings.steps, tuple) or steps != sum(settings.steps):
        raise InputError("plan: the steps are not those of the settings")
    if at.stage >= len(facts.plan):
        raise InputError("position.stage: there are not so many sizes")
    if at.done > facts.plan[at.stage].steps:
        raise InputError("position.done: there are not so many steps")
    if not at.done <= len(at.history) <= steps or (at.losses is None) == bool(at.history):
        raise InputError("position.history: it does not have the steps that are made")
    position = values["position"]
    weightings = (position["weighting"], position["weights"], *position["changes"])
    schema.check_weights(weightings, settings)
    canvas = (*fit(photo, sizes[at.stage]), 3)
    if FORMS[settings.form].nearest and settings.style_layers:
        grid = (canvas[0] // 4, canvas[1] // 4), np.dtype(np.int32)
        if headers.pop("matches", None) != grid:
            raise InputError("the array matches does not have a number for each position")
    needed = _state_arrays(settings.optimizer, position["state"], bool(at.done))
    if needed - headers.keys() or headers.keys() - needed - {"state.direction"}:
        raise InputError("position.state: its arrays are not those of the optimiser")
    for name, (shape, dtype) in headers.items():
        if shape != canvas or dtype != np.float32:
            raise InputError(f"the array {name} does not have the picture's shape and type")


def _state_arrays(optimizer: str, values: dict[str, Any], evaluated: bool) -> set[str]:
    """The arrays that an optimiser's state must have."""
    state = schema.checked(schema.STATES[optimizer], values, "position.state")
    names = {"lbfgs": [], "adam": ["mean", "square"], "sgd": ["velocity"]}[optimizer]
    if isinstance(state, schema.LBFGS):
        names += [f"{name}{i}" for i in range(len(state.pairs)) for name in "sy"]
        names += ["gradient"] if evaluated else []
        names += ["direction"] if evaluated and not state.stalled else []
        low, high = state.low or [0.0], state.high or [math.inf]
        downhill = state.slope < 0 or state.stalled or not evaluated
        if not (low[0] < high[0] and downhill):
            raise InputError("position.state: its line search has no bracket")
    return {f"state.{name}" for name in ("x", "kept", *names)}


def _check_arrays(arrays: dict[str, np.ndarray], factors: list[float]) -> None:
    """Refuse values that would be divided by zero, and a picture that cannot be shown."""
    if not np.isfinite(arrays["state.kept"]).all():
        raise InputError("the array state.kept has values that are not finite")
    for i, factor in enumerate(factors):
        y = arrays[f"state.y{i}"].ravel()
        if not 0 < factor * float(np.dot(y, y)) < math.inf:
            raise InputError(f"position.state.pairs: the pair {i} has no curvature")
