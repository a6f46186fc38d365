"""Every option of a run, its default and its meaning: one home for Python, command line and record."""

import dataclasses
import inspect
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError, nearest
from .forms import FORMS
from .layers import CONTENT_LAYERS, STYLE_LAYERS, layer_name
from .options import build, check_number, option, several

__all__ = [
    "QUALITIES",
    "Quality",
    "Settings",
    "recorded_settings",
    "settings_from",
    "takes_settings",
]


@dataclass(frozen=True)
class Quality:
    """How many evaluations each size gets by default.

    Attributes:
        first: the coarsest size.
        between: sizes between.
        last: the size that was asked for.
    """

    first: int
    between: int
    last: int


QUALITIES = {
    "draft": Quality(50, 20, 15),
    "normal": Quality(100, 40, 40),
    "fine": Quality(200, 100, 100),
}


LEAST_TILE = 64
"""Side in pixels of the smallest tile: below it most of a tile would be margin."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every option of a run. None means: what the form, the optimiser or the size prescribes.

    Raises:
        InputError: a value outside its range, or a name that does not exist.
    """

    size: int = option(512, "long side of the picture in pixels")
    quality: str = option(
        "normal",
        "how many steps each size gets, where they are not given: draft, a first impression; normal, a finished "
        "picture; fine, twice the steps, for a lower loss",
        choices=tuple(QUALITIES),
    )
    sizes: tuple[int, ...] | None = option(
        None,
        "long sides to go through, coarse to fine, ending at the size; by default halvings down to 160",
    )
    steps: int | tuple[int, ...] | None = option(
        None,
        "evaluations of the objective: of all sizes together, or a list with those of each; by default the quality's",
    )
    form: str = option("gatys-code", "how the objective is written", choices=tuple(FORMS))
    lam: float | None = option(
        None, "λ, the weight of style against content; by default the form's"
    )
    content_layers: tuple[str, ...] = option(
        CONTENT_LAYERS, "layers whose features are the content"
    )
    style_layers: tuple[str, ...] = option(STYLE_LAYERS, "layers whose statistics are the style")
    omega: tuple[float, ...] | None = option(
        None, "ω, one weight for each style layer; by default the form's"
    )
    statistic: str = option("gram", "what of the features is the style (see losses.py)")
    tv: float = option(0.0, "weight of total variation")
    box: float = option(
        1.0,
        "how strongly values outside [0, 1] are drawn back, in units of the first gradient; 0 lets them be",
    )
    backbone: str = option(
        "auto",
        "the loss network's weights: auto, vgg19, vgg16, embedded, or the path of a weights file; auto is VGG-19 "
        "where its file is here or can be fetched, and else the embedded VGG-16",
    )
    pooling: str | None = option(None, "avg or max; by default the form's", choices=("avg", "max"))
    padding: str = option(
        "replicate",
        "what the first two blocks see beyond the picture's border: zero, as VGG was trained, replicate or reflect",
        choices=("zero", "replicate", "reflect"),
    )
    floor: float = option(
        0.0,
        "scaled network: the least share of its layer's mean activation that a filter's counts as",
    )
    activation: str = option(
        "relu",
        "which features of a layer: relu, after the ReLU, or linear, before it",
        choices=("relu", "linear"),
    )
    precision: str = option(
        "auto",
        "how the network is computed: float32; winograd, the same with a quarter of the multiplications; mixed, "
        "bfloat16 in the later blocks, but for the last steps; auto is winograd, and float32 for pictures "
        "below 100 px and on a graphics card",
        choices=("auto", "float32", "winograd", "mixed"),
    )
    tile: int | None = option(
        None,
        "side in pixels of the tiles in which a picture is evaluated; by default it is whole while memory allows",
    )
    optimizer: str = option("lbfgs", "how the picture is changed", choices=("lbfgs", "adam", "sgd"))
    history: int | None = option(
        None,
        "L-BFGS: how many pairs of steps it remembers; by default 100, and fewer on large pictures",
    )
    learning_rate: float | None = option(
        None,
        "Adam and SGD: size of the steps, in units of the picture's range; by default the optimiser's",
    )
    momentum: float = option(0.9, "SGD: share of the last step that is made again")
    decay: float = option(
        1.0, "SGD and Adam: what the learning rate is multiplied by after each step"
    )
    init: str = option(
        "content",
        "where the picture starts: content, style, noise, or the path or name of a picture",
    )
    seed: int = option(0, "seed of the noise")
    noise: float = option(
        0.02,
        "the standard deviation, in units of the picture's range, of the noise that init=noise starts from",
    )
    style_scale: float = option(1.0, "long side of the painting, as a multiple of the picture's")

    def __post_init__(self) -> None:
        """Bring values to their types and check them."""
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, os.PathLike):
                value = os.fspath(value)
            elif isinstance(value, np.generic):
                value = value.item()
            if entry.name == "steps" and isinstance(value, Iterable) and not isinstance(value, str):
                value = tuple(x.item() if isinstance(x, np.generic) else x for x in value)
            if entry.name in ("content_layers", "style_layers"):
                value = tuple(layer_name(name) for name in several(entry.name, value))
            elif entry.name in ("sizes", "omega") and value is not None:
                value = tuple(
                    x.item() if isinstance(x, np.generic) else x for x in several(entry.name, value)
                )
            object.__setattr__(self, entry.name, value)
            if value is None and entry.default is not None:
                raise InputError(
                    f"{entry.name} must have a value; its default is {entry.default!r}"
                )
            choices = entry.metadata["choices"]
            if choices and value is not None and value not in choices:
                raise InputError(nearest(value, choices, what=entry.name))
        self._check_numbers()
        if not self.content_layers and not self.style_layers:
            raise InputError(
                "there is neither a content layer nor a style layer; name at least one"
            )
        if self.omega is not None and len(self.omega) != len(self.style_layers):
            raise InputError(
                f"omega has {len(self.omega)} weights for {len(self.style_layers)} style layers; give one for each"
            )
        for name in ("content_layers", "style_layers"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise InputError(f"{name} names a layer twice")
        self._check_sizes()

    def _check_numbers(self) -> None:
        check_number("size", self.size, whole=True, low=1)
        steps = (
            self.steps
            if isinstance(self.steps, tuple)
            else []
            if self.steps is None
            else [self.steps]
        )
        for count in steps:
            check_number("steps", count, whole=True, low=1)
        for name, low in (("tile", LEAST_TILE), ("history", 1)):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), whole=True, low=low)
        check_number("seed", self.seed, whole=True, low=0)
        for name in ("lam", "tv", "box", "momentum", "noise", "floor"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), low=0)
        if self.noise > 1:
            raise InputError(
                f"noise must be at most 1, the picture's whole range, not {self.noise}"
            )
        if self.momentum >= 1:
            raise InputError(f"momentum must be below 1, not {self.momentum}")
        for name in ("learning_rate", "decay", "style_scale"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), above=0)
        for weight in self.omega or ():
            check_number("omega", weight, low=0)

    def _check_sizes(self) -> None:
        if self.sizes is None:
            return
        for size in self.sizes:
            check_number("sizes", size, whole=True, low=1)
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)):
            raise InputError(f"sizes must grow from each to the next, not {self.sizes}")
        if self.size not in (self.sizes[-1], Settings.size):
            raise InputError(
                f"size is {self.size}, but sizes end at {self.sizes[-1]}; give one of the two"
            )
        object.__setattr__(self, "size", self.sizes[-1])


_BEFORE_NAMED = {"padding": "zero", "floor": 0.1}
"""Of records made before version 0.2."""


def settings_from(options: dict[str, Any]) -> Settings:
    """Settings from names and values.

    Raises:
        InputError: an unknown name (the message says which comes closest) or a value that is not allowed.
    """
    return build(Settings, options)


def recorded_settings(options: dict[str, Any]) -> Settings:
    """Settings of a record or a saved run: what it does not name yet had one value before it could be named.

    Raises:
        InputError: as `settings_from`.
    """
    return settings_from({**_BEFORE_NAMED, **options})


def takes_settings(function: Callable) -> Callable:
    """Give a function that takes **settings the signature and the documentation of every setting."""
    signature = inspect.signature(function)
    entries = dataclasses.fields(Settings)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            e.name, inspect.Parameter.KEYWORD_ONLY, default=e.default, annotation=e.type
        )
        for e in entries
    ]
    function.__signature__ = signature.replace(parameters=[*own, *options])
    lines = "\n".join(
        f"        {e.name} (default {e.default!r}): {e.metadata['help']}" for e in entries
    )
    function.__doc__ = (
        inspect.cleandoc(function.__doc__ or "") + f"\n\nSettings:\n{inspect.cleandoc(lines)}\n"
    )
    return function
