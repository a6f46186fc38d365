"""Where a run stands: all that changes from step to step, in one piece."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..objective import Losses, Objective
from ..optimizers import State, pack, unpack

__all__ = ["Position"]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run stands.

    It is replaced as a whole, so that an interrupt never leaves a run between two steps.

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
    history: tuple[dict[str, float], ...] = ()
    stalls: tuple[dict[str, int], ...] = ()
    changes: tuple[dict[str, Any], ...] = ()

    def packed(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """As arrays, and facts that JSON holds."""
        arrays, scalars = pack(self.state)
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
    ) -> "Position":
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
        lists = {name: tuple(plain[name]) for name in ("history", "stalls")}
        lists["changes"] = tuple(
            {**change, "omega": tuple(change["omega"])} for change in plain["changes"]
        )
        return cls(
            **{
                **plain,
                **lists,
                "weighting": {**plain["weighting"], "omega": tuple(plain["weighting"]["omega"])},
            },
            objective=objective,
            state=unpack(kind, arrays, facts["state"]),
            losses=Losses(**facts["losses"]) if facts["losses"] else None,
        )


_PLAIN = (
    "weighting",
    "stage",
    "done",
    "fresh",
    "seconds",
    "history",
    "stalls",
    "changes",
)  # as JSON has them
