"""SGD, Adam and L-BFGS on one picture: one evaluation at a time, state in and out.

Every optimiser is a set of constants with two functions that change nothing but what they return::

    state = optimizer.start(x)
    while …:
        loss, gradient = f(state.x)                      # the one point that the optimiser asks for
        state = optimizer.step(state, loss, gradient)    # state.accepted: was that point kept?

A state holds all that is needed to go on. The functions know nothing of pictures: x is an array of
any shape, float32 or float64.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.linalg.blas import get_blas_funcs

from .errors import NonFiniteError


@dataclass(frozen=True, kw_only=True)
class State:
    """What every optimiser's state has."""

    x: np.ndarray  # the point to evaluate next
    kept: np.ndarray  # the last accepted point, where a run would end now; at first the start
    accepted: bool = False  # whether the last evaluated point was accepted
    stalled: bool = False  # whether no step from here can lower the loss
    count: int = 0  # accepted points so far


class Optimizer(Protocol):
    """What the loop needs of an optimiser: a dataclass of constants with two functions."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def start(self, x: np.ndarray) -> State:
        """The state before the first evaluation."""

    def step(self, state: Any, loss: float, gradient: np.ndarray) -> Any:
        """The state after `state.x` was evaluated; NonFiniteError where nothing is left to try."""


def is_finite(loss: float, gradient: np.ndarray) -> bool:
    """Whether the loss and every entry of its gradient is a finite number."""
    return math.isfinite(loss) and bool(np.isfinite(gradient).all())


@dataclass(frozen=True, kw_only=True)
class SGDState(State):
    """State of `SGD`."""

    velocity: np.ndarray  # the last step
    unit: float = 0.0  # root mean square of the first gradient


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Gradient descent with momentum: v ← m·v − η_k·g/unit, x ← x + v, η_k = η·decay^k.

    Nothing is sampled: this is plain gradient descent, as in the proposal and Gatys et al. 2015.
    `unit` is the gradient's root mean square at the start, a constant factor that is not in the
    textbook: η is the size of the first step in the units of x. Without `relative` it is left out.
    """

    learning_rate: float = 0.001  # η
    momentum: float = 0.9  # m, in [0, 1)
    decay: float = 1.0  # what η is multiplied by after each step
    relative: bool = True

    def start(self, x: np.ndarray) -> SGDState:
        """The state before the first evaluation."""
        return SGDState(x=x, kept=x, velocity=np.zeros_like(x))

    def step(self, state: SGDState, loss: float, gradient: np.ndarray) -> SGDState:
        """One step downhill; see `Optimizer.step`."""
        if not is_finite(loss, gradient):
            raise NonFiniteError
        unit = state.unit
        if not unit:
            size = float(np.sqrt(np.mean(np.square(gradient)))) if self.relative else 1.0
            unit = size or 1.0  # 1 where the start is flat
        rate = self.learning_rate * self.decay**state.count
        velocity = self.momentum * state.velocity - (rate / unit) * gradient
        count = state.count + 1
        x = state.x + velocity
        return SGDState(x=x, kept=state.x, accepted=True, count=count, velocity=velocity, unit=unit)


@dataclass(frozen=True, kw_only=True)
class AdamState(State):
    """State of `Adam`: running means of the gradient and of its square."""

    mean: np.ndarray
    square: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam, Kingma and Ba 2015, Algorithm 1."""

    learning_rate: float = 0.02  # α, about the size of a step in the units of x
    beta1: float = 0.9  # decay of the running means
    beta2: float = 0.99  # with the paper's 0.999 a hundred steps would not forget the start
    epsilon: float = 1e-8
    decay: float = 1.0  # what α is multiplied by after each step

    def start(self, x: np.ndarray) -> AdamState:
        """The state before the first evaluation."""
        return AdamState(x=x, kept=x, mean=np.zeros_like(x), square=np.zeros_like(x))

    def step(self, state: AdamState, loss: float, gradient: np.ndarray) -> AdamState:
        """One step; see `Optimizer.step`."""
        if not is_finite(loss, gradient):
            raise NonFiniteError
        count = state.count + 1
        mean = self.beta1 * state.mean + (1 - self.beta1) * gradient
        square = self.beta2 * state.square + (1 - self.beta2) * np.square(gradient)
        rate = self.learning_rate * self.decay**state.count / (1 - self.beta1**count)
        x = state.x - rate * mean / (np.sqrt(square / (1 - self.beta2**count)) + self.epsilon)
        return AdamState(x=x, kept=state.x, accepted=True, count=count, mean=mean, square=square)


@dataclass(frozen=True, kw_only=True)
class LBFGSState(State):
    """State of `LBFGS`; loss and gradient are those at `kept`."""

    loss: float = math.nan
    gradient: np.ndarray | None = None
    direction: np.ndarray | None = None  # of the line search that is under way
    slope: float = 0.0  # derivative of the loss along it, at `kept`
    t: float = 0.0  # length of the step under trial, in units of `direction`
    # (t, loss, slope) of the best lengths known to be too short and too long
    low: tuple[float, float, float] | None = None
    high: tuple[float, float, float] | None = None
    trials: int = 0  # evaluations in this line search
    # (s, y, 1/sᵀy) of the latest accepted steps, old to new
    pairs: tuple[tuple[np.ndarray, np.ndarray, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """L-BFGS, Nocedal and Wright 2006, Algorithms 7.4 and 7.5, with a weak Wolfe line search.

    The line search is Lewis and Overton's bracketing (Math. Program. 2013, Algorithm 2.6), which
    also serves where the objective has kinks, as the proposal's |·| has; inside a bracket the trial
    is the minimum of a cubic. Where the loss only shows rounding, Hager and Zhang's approximate
    Wolfe condition (SIAM J. Optim. 2005, Eq. 4.1) decides by slopes. No tolerance stops it: it ends
    when its caller does, or when no step lowers the loss any more (`State.stalled`).
    """

    history: int = 100  # how many pairs it remembers
    first: float = 0.03  # root mean square of the first step in the units of x, without curvature
    armijo: float = 1e-4  # c₁ and c₂ of the conditions: Nocedal and Wright, Sec. 3.1
    wolfe: float = 0.9
    trials: int = 20  # evaluations after which a line search is given up

    def start(self, x: np.ndarray) -> LBFGSState:
        """The state before the first evaluation."""
        return LBFGSState(x=x, kept=x)

    def step(self, state: LBFGSState, loss: float, gradient: np.ndarray) -> LBFGSState:
        """Judge the trial, and ask for the next on the same line or a new one; see `Optimizer`."""
        if state.gradient is None:
            if not is_finite(loss, gradient):
                raise NonFiniteError
            return self._search(self._accept(state, loss, gradient))
        assert state.direction is not None  # a search is under way
        finite = is_finite(loss, gradient)
        slope = _dot(gradient, state.direction) if finite else math.nan
        trial = (state.t, loss, slope)
        if self._too_long(state, loss, slope):
            state = replace(state, high=trial, accepted=False)
        elif slope < self.wolfe * state.slope:
            state = replace(state, low=trial, accepted=False)
        else:
            return self._search(self._accept(state, loss, gradient))
        if state.trials < self.trials:
            t = _next_length(state.low or (0.0, state.loss, state.slope), state.high)
            return self._try(state, t)
        if state.pairs:  # the curvature it remembers may be wrong: once more, straight downhill
            return self._search(replace(state, pairs=()))
        return replace(state, x=state.kept, stalled=True)

    def _too_long(self, state: LBFGSState, loss: float, slope: float) -> bool:
        if not math.isfinite(loss) or not math.isfinite(slope):
            return True
        if loss <= state.loss + self.armijo * state.t * state.slope:
            return False
        rounding = 4 * float(np.finfo(np.float32).eps) * abs(state.loss)
        return loss > state.loss + rounding or slope > (2 * self.armijo - 1) * state.slope

    def _accept(self, state: LBFGSState, loss: float, gradient: np.ndarray) -> LBFGSState:
        pairs, kept, count = state.pairs, state.x, state.count + 1
        if state.gradient is not None:
            s, y = state.x - state.kept, gradient - state.gradient
            curvature = _dot(s, y)
            # Curvature lost in rounding would make the next direction point anywhere.
            if curvature > float(np.finfo(s.dtype).eps) * math.sqrt(_dot(s, s) * _dot(y, y)):
                pairs = (*pairs, (s, y, 1 / curvature))[-self.history :]
        state = replace(state, loss=loss, gradient=gradient, pairs=pairs)
        return replace(state, kept=kept, accepted=True, count=count)

    def _search(self, state: LBFGSState) -> LBFGSState:
        """Begin a line search at `kept`."""
        assert state.gradient is not None
        direction = descent_direction(state.gradient, state.pairs)
        slope = _dot(direction, state.gradient)
        if not slope < 0 and state.pairs:
            return self._search(replace(state, pairs=()))
        if not slope < 0:
            return replace(state, x=state.kept, stalled=True)
        # Without curvature the length of the gradient means nothing.
        t = 1.0
        if not state.pairs:
            t = self.first * math.sqrt(direction.size / _dot(direction, direction))
        state = replace(state, direction=direction, slope=slope, low=None, high=None, trials=0)
        return self._try(state, t)

    def _try(self, state: LBFGSState, t: float) -> LBFGSState:
        assert state.direction is not None
        x = (state.kept + t * state.direction).astype(state.kept.dtype)
        if np.array_equal(x, state.kept):  # shorter than the arithmetic can tell
            if state.pairs:
                return self._search(replace(state, pairs=()))
            return replace(state, x=state.kept, stalled=True)
        return replace(state, x=x, t=t, trials=state.trials + 1)


def _next_length(low: tuple[float, float, float], high: tuple[float, float, float] | None) -> float:
    """Twice as far while nothing was too long, then inside the bracket."""
    if high is None:
        return 2 * low[0] if low[0] > 0 else 1.0
    (a, fa, da), (b, fb, db) = low, high
    middle, width = (a + b) / 2, b - a
    if not (math.isfinite(fb) and math.isfinite(db)):
        return middle
    # Minimum of the cubic with these values and slopes: Nocedal and Wright, Eq. 3.59.
    d1 = da + db - 3 * (fa - fb) / (a - b)
    under = d1 * d1 - da * db
    if under < 0:
        return middle
    d2 = math.sqrt(under)
    below = db - da + 2 * d2
    t = b - width * (db + d2 - d1) / below if below else middle
    return min(max(t, a + 0.1 * width), b - 0.1 * width) if math.isfinite(t) else middle


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a.ravel(), b.ravel()))


def descent_direction(
    gradient: np.ndarray, pairs: tuple[tuple[np.ndarray, np.ndarray, float], ...]
) -> np.ndarray:
    """−H·g by the two-loop recursion, Nocedal and Wright, Alg. 7.4; H⁰ = sᵀy/yᵀy (Eq. 7.20)."""
    q = -gradient.ravel()
    axpy = get_blas_funcs("axpy", (q,))
    factors = []
    for s, y, rho in reversed(pairs):
        factor = rho * _dot(s, q)
        q = axpy(y.ravel(), q, a=-factor)
        factors.append(factor)
    if pairs:
        _, y, rho = pairs[-1]
        q *= 1 / (rho * _dot(y, y))
    for (s, y, rho), factor in zip(pairs, reversed(factors), strict=True):
        q = axpy(s.ravel(), q, a=factor - rho * _dot(y, q))
    return q.reshape(gradient.shape)
