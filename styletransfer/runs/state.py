"""Where a run stands: all that changes from step to step, in one piece."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ..objective import Losses, Objective
from ..optimizers import State

__all__ = ["RunState", "Step"]

_PLAIN = (
    "weighting",
    "stage",
    "done",
    "fresh",
    "seconds",
    "history",
    "stalls",
    "changes",
)
"""What JSON holds as it is."""


@dataclass(frozen=True)
class Step:
    """One evaluation of the objective.

    Attributes:
        size: long side of the picture in pixels.
        step: evaluations so far, of all sizes together, this one included.
        seconds: time spent in the run so far; pauses between steps do not count.
        losses: of the picture that the run stands at; a trial that the line search rejected is not
            that picture.
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
    """Where a run stands; it is replaced as a whole, so that an interrupt leaves it between steps.

    Attributes:
        objective: the present size's.
        state: the optimiser's.
        weighting: λ, ω and `tv` of the last step.
        stage: which stage of the plan.
        done: steps of the stage that are made.
        fresh: whether the optimiser has evaluated nothing at this size yet.
        losses: of the picture that the run stands at; None before the first step.
        seconds: spent so far.
        history: an entry for each step.
        stalls: where no step lowered the loss any more.
        changes: the weights that were changed, and from which step.
    """

    objective: Objective
    state: State
    weighting: dict[str, Any]
    stage: int = 0
    done: int = 0
    fresh: bool = True
    losses: Losses | None = None
    seconds: float = 0.0
    history: tuple[dict[str, Any], ...] = ()
    stalls: tuple[dict[str, int], ...] = ()
    changes: tuple[dict[str, Any], ...] = ()

    def packed(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """As arrays, and facts that JSON holds."""
        arrays, scalars = _pack(self.state)
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
        objective: Objective,
        kind: type[State],
    ) -> "RunState":
        """What `packed` gave.

        Args:
            arrays: as given.
            facts: as given, from JSON.
            objective: that of its stage; it gets the weights that it had.
            kind: of the optimiser's state.

        Raises:
            KeyError, TypeError: something else was given.
        """
        for name, weight in facts["weights"].items():
            setattr(objective, name, weight)
        plain = {name: facts[name] for name in _PLAIN}
        plain["weighting"] = _weighting(plain["weighting"])
        plain["history"] = tuple(plain["history"])
        plain["stalls"] = tuple(plain["stalls"])
        plain["changes"] = tuple(map(_weighting, plain["changes"]))
        return cls(
            objective=objective,
            state=_unpack(kind, arrays, facts["state"]),
            losses=Losses(**facts["losses"]) if facts["losses"] else None,
            **plain,
        )


def _weighting(facts: dict[str, Any]) -> dict[str, Any]:
    """JSON has made a list of ω."""
    return {**facts, "omega": tuple(facts["omega"])}


def _pack(state: State) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A state as arrays and as values that JSON holds, for a file."""
    arrays: dict[str, np.ndarray] = {}
    scalars: dict[str, Any] = {}
    for entry in fields(state):
        value = getattr(state, entry.name)
        if entry.name == "pairs":
            for i, (s, y, _) in enumerate(value):
                arrays |= {f"state.s{i}": s, f"state.y{i}": y}
            scalars["pairs"] = [rho for _, _, rho in value]
        elif isinstance(value, np.ndarray):
            arrays[f"state.{entry.name}"] = value
        else:
            scalars[entry.name] = value
    return arrays, scalars


def _unpack(kind: type[State], arrays: dict[str, np.ndarray], scalars: dict[str, Any]) -> State:
    """The state that `_pack` took apart; KeyError or TypeError where something is missing."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in scalars.items()
    }
    left: dict[str, Any] = {name.removeprefix("state."): array for name, array in arrays.items()}
    if "pairs" in values:
        rhos = values["pairs"]
        values["pairs"] = tuple(
            (left.pop(f"s{i}"), left.pop(f"y{i}"), rho) for i, rho in enumerate(rhos)
        )
    return kind(**values, **left)
