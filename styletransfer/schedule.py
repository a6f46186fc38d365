"""Through which sizes a run goes, and how many steps each of them gets."""

from .images import fit
from .settings import Settings
from .vgg import smallest_side

__all__ = ["ladder", "share"]

COARSEST = 160
"""Long side in pixels below which halving no longer helps: at 96 px the photograph's own forms are lost, and no larger
size brings them back."""

LEAST_SIDE = 2  # the coarsest size keeps the short side at this many times what the deepest layer needs


def ladder(settings: Settings, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The default sizes for a picture of `shape`: the size halved while it is useful, coarse to fine."""
    least = LEAST_SIDE * smallest_side((*settings.content_layers, *settings.style_layers))
    sizes = [settings.size]
    while (half := round(sizes[0] / 2)) >= COARSEST and min(fit(shape, half)) >= least and len(sizes) < settings.steps:
        sizes.insert(0, half)
    return tuple(sizes)


def share(steps: int, sizes: int) -> list[int]:
    """How many of the steps each size gets, coarse to fine: the same for all, the rest to the coarse ones."""
    return [steps // sizes + (i < steps % sizes) for i in range(sizes)]
