"""The one place that decides what was left open in a request."""

import dataclasses
from dataclasses import dataclass

from ..errors import InputError
from ..fast.precision import resolve_precision
from ..layers import check_sides
from ..lbfgs import LBFGS
from ..losses import statistic_named
from ..optimizers import SGD, Adam, Optimizer
from ..pictures.images import MAX_PIXELS, fit
from ..settings import Settings
from ..weights.backbones import load_weights, resolve_backbone
from ..weights.convolutions import Weights
from .memory import tile_for
from .request import Request
from .schedule import Stage, in_tiles, settled, stages_of

__all__ = ["Plan", "optimizer_of", "resolve"]


@dataclass(frozen=True)
class Plan:
    """What a request comes to, on this machine and with these pictures.

    Attributes:
        settings: every one decided.
        stages: through which the run goes.
        weights: of the loss network.
        asked: what a record says of the weights that were asked for.
    """

    settings: Settings
    stages: tuple[Stage, ...]
    weights: Weights
    asked: dict[str, str]


def resolve(request: Request) -> Plan:
    """Decide form, λ, ω, pooling, sizes, steps, backbone, precision, tile and history.

    Raises:
        InputError: settings that cannot be used with these pictures, or a run that does not fit
            into memory.
    """
    settings, shapes = settled(request.settings, request.shapes), request.shapes
    statistic_named(settings.statistic)
    _check_pictures(request, settings)
    backbone, note = resolve_backbone(settings.backbone)
    weights = load_weights(backbone)
    precision = resolve_precision(settings.precision, size=settings.size)
    finish = resolve_precision("auto", size=settings.size)
    stages = stages_of(settings, precision=precision, finish=finish)
    tile = tile_for(settings, weights.architecture, stages[-1], shapes)
    asked = {"requested": settings.backbone, **({"note": note} if note else {})}
    decided = dataclasses.replace(settings, backbone=backbone, precision=precision, tile=tile)
    return Plan(decided, in_tiles(stages, shapes, settings.style_scale, tile), weights, asked)


def _check_pictures(request: Request, settings: Settings) -> None:
    """Refuse pictures that are too large, or too small for the layers at the coarsest size."""
    sizes, style = settings.sizes or (settings.size,), request.style
    pictures = [("content", settings.content_layers, 1.0, request.content)]
    for member in style.members:  # of several, an error names the one
        name = "style" if member is style else f"style ({member.label})"
        pictures.append((name, settings.style_layers, settings.style_scale, member))
    deepest = (*settings.content_layers, *settings.style_layers)
    for name, layers, scale, source in pictures:
        height, width = fit(source.picture.shape, max(1, round(scale * sizes[-1])))
        if height * width > MAX_PIXELS:
            most = f"{MAX_PIXELS / 1e6:.0f} megapixels"
            raise InputError(f"a {name} picture of {width} x {height} is above {most}")
        if layers:
            shape = fit(source.picture.shape, max(1, round(scale * sizes[0])))
            check_sides(shape, deepest, what=name, padding=settings.padding)


def optimizer_of(settings: Settings) -> Optimizer:
    """The optimiser that the settings name, with their options and else its own defaults."""
    rate, decay = settings.learning_rate, settings.decay
    if settings.optimizer == "lbfgs":
        return LBFGS(history=settings.history or LBFGS.history)
    if settings.optimizer == "adam":
        return Adam(learning_rate=rate or Adam.learning_rate, decay=decay)
    momentum = settings.momentum
    return SGD(learning_rate=rate or SGD.learning_rate, momentum=momentum, decay=decay)
