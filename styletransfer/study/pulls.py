"""Which style layer moves the picture."""

import numpy as np

from ..errors import InputError
from ..objective import Objective

__all__ = ["even_omega", "pulls"]


def pulls(objective: Objective, image: np.ndarray) -> dict[str, float]:
    """Which style layer moves the picture: its share of Σ_l ‖λ ω_l ∂E_l/∂x‖, by layer; sum 1.

    It is at the objective's λ and ω (as before when this returns) and at an image (H, W, 3).

    Raises:
        InputError: the picture has another shape, or no style layer moves it.
    """
    lam, omega = objective.lam, objective.omega
    norms = np.zeros(len(omega))
    try:
        objective.lam = 0.0
        _, rest = objective.value_and_gradient(image)  # of content, and of what else there is
        objective.lam = lam
        for i, weight in enumerate(omega):
            if lam * weight:  # else rounding might leave it something
                objective.omega = [weight if i == j else 0.0 for j in range(len(omega))]
                norms[i] = np.linalg.norm(objective.value_and_gradient(image)[1] - rest)
    finally:
        objective.lam, objective.omega = lam, omega
    if not norms.sum():
        raise InputError(
            "no style layer moves this picture: λ or every ω is zero, or the style is reached"
        )
    shares = (norms / norms.sum()).tolist()
    return dict(zip(objective.style_layers, shares, strict=True))


def even_omega(objective: Objective, image: np.ndarray) -> tuple[float, ...]:
    """ω with which style layers pull equally strongly, all together as strongly as before.

    A layer whose ω is zero keeps it. The values have four digits, so that the number of threads,
    which changes how sums are rounded, does not make other settings of them. Arguments and errors
    are those of `pulls`.
    """
    shares = pulls(objective, image).values()
    moving = sum(share > 0 for share in shares)
    pairs = zip(objective.omega, shares, strict=True)
    even = (weight / (moving * share) if share else 0.0 for weight, share in pairs)
    return tuple(float(f"{weight:.4g}") for weight in even)
