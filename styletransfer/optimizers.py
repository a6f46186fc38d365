"""SGD and Adam on one picture: one evaluation at a time, state in and out (L-BFGS: lbfgs.py).

Every optimiser is a set of constants with two functions that change nothing but what they return:

    state = optimizer.start(x)
    while …:
        loss, gradient = f(state.x)                      # the one point that the optimiser asks for
        state = optimizer.step(state, loss, gradient)    # state.accepted: was that point kept?

A state holds all that is needed to go on. The functions know nothing of pictures: x is an array of
any shape, float32 or float64.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

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
        size = float(np.sqrt(np.mean(np.square(gradient)))) if self.relative else 1.0
        unit = state.unit or size or 1.0  # 1 where the start is flat
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
