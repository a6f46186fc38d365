"""Through which sizes a run goes, how many steps each of them gets, and in which precision."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import InputError
from ..layers import smallest_side
from ..pictures.images import fit
from ..settings import QUALITIES, Settings

__all__ = ["Stage", "history_for", "in_tiles", "ladder", "pixels", "plan", "share"]

COARSEST = 160
"""Long side in pixels below which halving no longer helps: at 96 px the photograph's own forms are lost, and no larger
size brings them back."""

LEAST_SIDE = (
    2  # the coarsest size keeps the short side at this many times what the deepest layer needs
)

FINISH = 3
"""With "mixed" precision one in so many steps of the last size, the last ones, are made in float32: the noise of
bfloat16 stops the line search before the minimum."""

PAIRS, PAIR_BYTES = 100, 2**30
"""L-BFGS remembers 100 pairs, or what fits into a gigabyte, but no fewer than `FEWEST_PAIRS`."""

FEWEST_PAIRS = 5


Shapes = tuple[tuple[int, ...], ...]
"""Of the photograph and of each painting, (H, W, …) each; they give the pictures their proportions."""


def pixels(shapes: Shapes, size: int, scale: float) -> tuple[int, ...]:
    """How many pixels the picture and each painting have at a size.

    Args:
        shapes: of the photograph and of each painting.
        size: long side of the picture in pixels.
        scale: `Settings.style_scale`.
    """
    photograph, *paintings = shapes
    side = max(1, round(scale * size))
    return math.prod(fit(photograph, size)), *(
        math.prod(fit(painting, side)) for painting in paintings
    )


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        size: long side of the picture in pixels.
        steps: evaluations of the objective.
        precision: "float32", "winograd" or "mixed".
        tile: side of the tiles in pixels; None for the picture as a whole.
    """

    size: int
    steps: int
    precision: str
    tile: int | None = None


def ladder(settings: Settings, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The default sizes for a picture of `shape`: the size halved while it is useful, coarse to fine."""
    least = LEAST_SIDE * smallest_side((*settings.content_layers, *settings.style_layers))
    most = settings.steps if isinstance(settings.steps, int) else None
    sizes = [settings.size]
    while (
        (half := round(sizes[0] / 2)) >= COARSEST
        and min(fit(shape, half)) >= least
        and len(sizes) != most
    ):
        sizes.insert(0, half)
    return tuple(sizes)


def share(settings: Settings, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """How many steps each size gets.

    A list in the settings is taken as it is; a number is dealt out in the proportions of the quality.

    Raises:
        InputError: a list of another length, or fewer steps than sizes.
    """
    count, quality = len(sizes), QUALITIES[settings.quality]
    if isinstance(settings.steps, tuple):
        if len(settings.steps) != count:
            raise InputError(
                f"steps has {len(settings.steps)} numbers for {count} sizes {sizes}; give one for each"
            )
        return settings.steps
    wanted = [quality.first, *[quality.between] * (count - 2), quality.last]
    if count == 1:
        wanted = [sum(wanted)]
    if settings.steps is None:
        return tuple(wanted)
    if settings.steps < count:
        raise InputError(
            f"{settings.steps} steps are too few for {count} sizes; each needs at least one"
        )
    # Each gets one, and the rest is dealt out so that the sums are kept.
    ends = [
        round((settings.steps - count) * part / sum(wanted))
        for part in itertools.accumulate(wanted)
    ]
    return tuple(1 + end - begin for begin, end in itertools.pairwise([0, *ends]))


def plan(
    settings: Settings, sizes: tuple[int, ...], *, precision: str, finish: str
) -> tuple[Stage, ...]:
    """The stages of a run.

    Args:
        settings: quality and steps count.
        sizes: long sides, coarse to fine.
        precision: what the stages are computed in.
        finish: what the last steps are computed in, where `precision` is "mixed".
    """
    stages = [
        Stage(size, steps, precision)
        for size, steps in zip(sizes, share(settings, sizes), strict=True)
    ]
    if precision == "mixed":
        size, steps = sizes[-1], stages.pop().steps
        last = -(-steps // FINISH)
        stages += [Stage(size, steps - last, precision)] if steps > last else []
        stages.append(Stage(size, last, finish))
    return tuple(stages)


def in_tiles(
    stages: Sequence[Stage], shapes: Shapes, scale: float, tile: int | None
) -> tuple[Stage, ...]:
    """The stages with tiles where the picture or a painting is larger than one.

    Args:
        stages: whole.
        shapes: of the photograph and of each painting.
        scale: `Settings.style_scale`.
        tile: its side in pixels, or None.
    """
    large = [
        tile is not None and max(pixels(shapes, stage.size, scale)) > tile**2 for stage in stages
    ]
    return tuple(
        replace(stage, tile=tile if tiled else None)
        for stage, tiled in zip(stages, large, strict=True)
    )


def history_for(pixels: int) -> int:
    """How many pairs L-BFGS remembers by default for a picture of so many pixels; a pair takes 24 bytes a pixel."""
    return max(FEWEST_PAIRS, min(PAIRS, PAIR_BYTES // (24 * pixels)))
