"""Through which sizes a run goes, how many steps each of them gets, and in which precision."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from ..errors import InputError
from ..forms import FORMS
from ..layers import default_omega, smallest_side
from ..optimizers import LBFGS, SGD, Adam, Optimizer
from ..pictures.images import fit
from ..settings import QUALITIES, Settings

COARSEST = 160
"""Long side in pixels below which halving does not help: the photograph's forms would be lost."""

LEAST_SIDE = 2
"""The coarsest size keeps the short side at this many times what the deepest layer needs."""

FINISH = 3
"""With "mixed" precision one in so many steps of the last size, the last ones, are made in float32:
the noise of bfloat16 stops the line search before the minimum."""

PAIRS, PAIR_BYTES, FEWEST_PAIRS = 100, 2**30, 5
"""L-BFGS remembers 100 pairs, or what fits into a gigabyte, but no fewer than five."""

Shapes = tuple[tuple[int, ...], ...]
"""Of the photograph and of each painting, (H, W, …); they give the pictures their proportions."""


@dataclass(frozen=True)
class Stage:
    """A part of a run."""

    size: int  # long side of the picture in pixels
    steps: int  # evaluations of the objective
    precision: str  # "float32", "winograd" or "mixed"
    tile: int | None = None  # side of the tiles in pixels; None for the picture as a whole


def pixels(shapes: Shapes, size: int, scale: float) -> tuple[int, ...]:
    """How many pixels the picture and each painting have at a size; `scale` is the style's."""
    photograph, *paintings = shapes
    side = max(1, round(scale * size))
    return math.prod(fit(photograph, size)), *(math.prod(fit(p, side)) for p in paintings)


def settled(settings: Settings, shapes: Shapes) -> Settings:
    """The settings with all decided that follows from the form, the optimiser and the sizes.

    Two runs with equal settled settings compute the same; precision, tile and backbone, which
    depend on the machine, are left as they are.

    Raises:
        InputError: the steps do not fit the sizes.
    """
    form = FORMS[settings.form]
    sizes = settings.sizes or _sizes(settings, shapes[0])
    rate = getattr(optimizer_of(settings), "learning_rate", settings.learning_rate)
    photograph = pixels(shapes, sizes[-1], settings.style_scale)[0]
    return dataclasses.replace(
        settings,
        sizes=sizes,
        size=sizes[-1],
        steps=_steps(settings, sizes),
        lam=form.lam if settings.lam is None else settings.lam,
        omega=settings.omega or default_omega(form, settings.style_layers),
        pooling=settings.pooling or form.pooling,
        learning_rate=rate,
        history=settings.history or history_for(photograph),
    )


def optimizer_of(settings: Settings) -> Optimizer:
    """The optimiser that the settings name, with their options and else its own defaults."""
    rate, decay = settings.learning_rate, settings.decay
    if settings.optimizer == "lbfgs":
        return LBFGS(history=settings.history or LBFGS.history)
    if settings.optimizer == "adam":
        return Adam(learning_rate=rate or Adam.learning_rate, decay=decay)
    momentum = settings.momentum
    return SGD(learning_rate=rate or SGD.learning_rate, momentum=momentum, decay=decay)


def _sizes(settings: Settings, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The size halved while it is useful for a photograph of `shape`, coarse to fine."""
    least = LEAST_SIDE * smallest_side((*settings.content_layers, *settings.style_layers))
    most = settings.steps if isinstance(settings.steps, int) else None
    sizes = [settings.size]
    while len(sizes) != most:
        half = round(sizes[0] / 2)
        if half < COARSEST or min(fit(shape, half)) < least:
            break
        sizes.insert(0, half)
    return tuple(sizes)


def _steps(settings: Settings, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Steps of each size: a list as it is, a number dealt out in the proportions of the quality."""
    count, quality = len(sizes), QUALITIES[settings.quality]
    if isinstance(settings.steps, tuple):
        if len(settings.steps) != count:
            raise InputError(
                f"steps has {len(settings.steps)} numbers for {count} sizes {sizes}; give one for "
                "each"
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
    rest = settings.steps - count
    ends = [round(rest * part / sum(wanted)) for part in itertools.accumulate(wanted)]
    return tuple(1 + end - begin for begin, end in itertools.pairwise([0, *ends]))


def stages_of(settings: Settings, *, precision: str, finish: str) -> tuple[Stage, ...]:
    """The stages of a run with `settled` settings; with "mixed" the last steps are in `finish`."""
    sizes = cast(tuple[int, ...], settings.sizes)
    pairs = zip(sizes, cast(tuple[int, ...], settings.steps), strict=True)
    stages = [Stage(size, steps, precision) for size, steps in pairs]
    if precision == "mixed":
        size, steps = sizes[-1], stages.pop().steps
        last = -(-steps // FINISH)
        if steps > last:
            stages.append(Stage(size, steps - last, precision))
        stages.append(Stage(size, last, finish))
    return tuple(stages)


def in_tiles(
    stages: Sequence[Stage], shapes: Shapes, scale: float, tile: int | None
) -> tuple[Stage, ...]:
    """The stages with tiles where the picture or a painting is larger than one."""
    return tuple(
        dataclasses.replace(stage, tile=tile)
        if tile and max(pixels(shapes, stage.size, scale)) > tile**2
        else stage
        for stage in stages
    )


def history_for(pixels: int) -> int:
    """How many pairs L-BFGS remembers by default for so many pixels; one takes 24 bytes a pixel."""
    return max(FEWEST_PAIRS, min(PAIRS, PAIR_BYTES // (24 * pixels)))
