"""Targets, λ and ω_l made into one function of one picture: its losses and its gradient."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._tensorflow import keras, tf
from .errors import InputError
from .evaluation import Whole
from .fast.precision import resolve_precision
from .fast.tiles import Tiled
from .forms import FORMS, default_omega
from .layers import check_sides, smallest_side
from .losses import Measures, statistic_named
from .network import loss_network
from .pictures.images import as_picture
from .scaling import rescaled
from .settings import Settings, settings_from
from .weights.backbones import load_weights, resolve_backbone

__all__ = ["Losses", "Objective"]


@dataclass(frozen=True)
class Losses:
    """The losses of one picture, in the units of the form.

    Attributes:
        total: content + λ · style + tv weight · tv + box weight · box, what is minimised.
        content: the content term, without a weight.
        style: Σ_l ω_l E_l, without λ.
        tv: total variation, without its weight.
        box: how far values lie outside [0, 1], without its weight; 0 for every picture that can be
            shown.
        layers: {"content": {layer: its loss}, "style": {layer: E_l, without ω_l}}.
    """

    total: float
    content: float
    style: float
    tv: float
    box: float
    layers: dict[str, dict[str, float]]


class Objective:
    """The objective as a callable of one picture.

    Args:
        content: the photograph, float (H, W, 3) in [0, 1]; None where there is no content layer.
        style: the painting, float (H', W', 3) in [0, 1] of any size; None where there is no style
            layer. Or several of any sizes: each is encoded by itself, and the targets are the means
            of their statistics, as in Zhu et al. 2017 (arXiv 1703.10593), Sec. 5.2: "the average
            Gram matrix over the whole target collection". Where the form does not divide the Gram
            matrix by the positions (`proposal` and its kin), that is the mean of sums: a painting
            counts in proportion to its pixels. Of `mean_std` means and deviations are averaged,
            each by itself; that is not the deviation of all paintings taken together.
        form: this and all that follow: see `Settings`; a tile of None evaluates the picture as a
            whole.

    Attributes:
        box: the weight of the box term (`losses.image_terms`); 0 until `weigh_box`.
        form: the `Form`.
        weights: the `Weights` of the loss network.
        pooling: "avg" or "max", as in use.
        precision: "float32", "winograd" or "mixed", as in use.

    Raises:
        InputError: a picture or a setting that cannot be used.
    """

    OPTIONS = (
        "form",
        "lam",
        "content_layers",
        "style_layers",
        "omega",
        "statistic",
        "tv",
        "backbone",
        "pooling",
        "padding",
        "floor",
        "activation",
    )
    """The settings that say what is computed; `precision` and `tile` say how."""

    def __init__(
        self,
        content: np.ndarray | None,
        style: np.ndarray | Sequence[np.ndarray] | None,
        *,
        form: str = Settings.form,
        lam: float | None = Settings.lam,
        content_layers: Sequence[str] = Settings.content_layers,
        style_layers: Sequence[str] = Settings.style_layers,
        omega: Sequence[float] | None = Settings.omega,
        statistic: str = Settings.statistic,
        tv: float = Settings.tv,
        backbone: str = Settings.backbone,
        pooling: str | None = Settings.pooling,
        padding: str = Settings.padding,
        floor: float = Settings.floor,
        activation: str = Settings.activation,
        precision: str = Settings.precision,
        tile: int | None = Settings.tile,
    ) -> None:
        checked = settings_from(
            {
                "form": form,
                "lam": lam,
                "content_layers": content_layers,
                "style_layers": style_layers,
                "omega": omega,
                "statistic": statistic,
                "tv": tv,
                "backbone": backbone,
                "pooling": pooling,
                "padding": padding,
                "floor": floor,
                "activation": activation,
                "precision": precision,
                "tile": tile,
            }
        )
        self.form = FORMS[form]
        self.content_layers, self.style_layers = checked.content_layers, checked.style_layers
        measures = Measures(
            self.form, statistic_named(statistic), self.content_layers, self.style_layers
        )
        self._padding = padding
        content = self._picture(content, self.content_layers, "content")
        several: list[Any] = list(style) if isinstance(style, Sequence) else [style]
        paintings = [
            self._picture(painting, self.style_layers, "style") for painting in several or [None]
        ]
        self.shape = None if content is None else content.shape
        self.weights = load_weights(resolve_backbone(backbone)[0])
        self.pooling = pooling or self.form.pooling
        sides = [max(p.shape[:2]) for p in (content, *paintings) if p is not None]
        self.precision = resolve_precision(precision, size=max(sides, default=0))
        weights = self.weights
        if self.form.scaled:
            weights = rescaled(weights, pooling=self.pooling, floor=floor)
        network = loss_network(
            weights,
            measures.layers,
            pooling=self.pooling,
            padding=padding,
            activation=activation,
            precision=self.precision,
        )
        self._functions = _compiled(network, measures, tile)
        encode = self._functions.encode
        self._content_targets = [] if content is None else encode(content[None])[0]
        encoded = [encode(painting[None])[1] for painting in paintings if painting is not None]
        self._style_targets = [
            tf.add_n(layer) / len(encoded) for layer in zip(*encoded, strict=True)
        ]
        self.lam = self.form.lam if lam is None else lam
        self.omega = checked.omega or default_omega(self.form, self.style_layers)
        self.tv, self.box = tv, 0.0

    @property
    def lam(self) -> float:
        """λ; setting it, ω or `tv` to no finite number of at least 0 raises InputError."""
        return self._lam

    @lam.setter
    def lam(self, value: float) -> None:
        self._lam = _weight("lam", value)

    @property
    def omega(self) -> tuple[float, ...]:
        """ω_l, one for each style layer."""
        return self._omega

    @omega.setter
    def omega(self, values: Sequence[float]) -> None:
        weights = tuple(_weight("omega", value) for value in values)
        if len(weights) != len(self.style_layers):
            raise InputError(
                f"omega has {len(weights)} weights for {len(self.style_layers)} style layers"
            )
        self._omega = weights

    @property
    def tv(self) -> float:
        """The weight of total variation."""
        return self._tv

    @tv.setter
    def tv(self, value: float) -> None:
        self._tv = _weight("tv", value)

    @property
    def weighting(self) -> dict[str, Any]:
        """The weights that a user may change, by name."""
        return {"lam": self.lam, "omega": self.omega, "tv": self.tv}

    def _picture(
        self, picture: np.ndarray | None, layers: tuple[str, ...], what: str
    ) -> np.ndarray | None:
        if not layers:
            return None
        if picture is None:
            raise InputError(f"there are {what} layers, but no {what} picture")
        picture = as_picture(picture, f"the {what} picture")
        every = (*self.content_layers, *self.style_layers)
        check_sides(picture.shape, every, what=what, padding=self._padding)
        return picture

    def __call__(self, image: np.ndarray) -> Losses:
        """The losses of a picture.

        Args:
            image: float (H, W, 3), of the content picture's size; values outside [0, 1] are
                evaluated as they are.

        Raises:
            InputError: the picture has another shape.
        """
        return self._losses(self._functions.evaluate(self._tensor(image), *self._arguments()))

    def value_and_gradient(self, image: np.ndarray) -> tuple[Losses, np.ndarray]:
        """The losses of a picture, and the gradient of their total, float32 (H, W, 3).

        Args:
            image: as in a call.

        Raises:
            InputError: the picture has another shape.
        """
        values, gradient = self._functions.differentiate(self._tensor(image), *self._arguments())
        return self._losses(values), np.asarray(gradient)[0]

    def weigh_box(self, strength: float, gradient: np.ndarray) -> None:
        """Choose the box's weight from the gradient at a picture in [0, 1], where the term is zero.

        The root mean square makes one `strength` (`Settings.box`) serve every form, λ and size.
        Near a minimum the gradient is small: a weight that is there is never made smaller.
        """
        self.box = max(self.box, strength * float(np.sqrt(np.mean(np.square(gradient)))))

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the gradient: once, however many runs and sizes."""
        return self._functions.traces

    def _tensor(self, image: np.ndarray) -> tf.Tensor:
        image = np.asarray(image, np.float32)
        if image.ndim != 3 or image.shape[2] != 3 or (self.shape and image.shape != self.shape):
            raise InputError(
                f"the picture must have the shape {self.shape or '(H, W, 3)'}, not {image.shape}"
            )
        layers = (*self.content_layers, *self.style_layers)
        if min(image.shape[:2]) < (least := smallest_side(layers, padding=self._padding)):
            raise InputError(
                f"the picture has a side below the {least} pixels that the deepest layer needs"
            )
        return tf.constant(image[None])

    def _arguments(self) -> tuple:
        # The weights are tensors: changing them never traces the function again.
        weighting = tuple(
            tf.constant(value, tf.float32) for value in (self.lam, self.omega, self.tv, self.box)
        )
        return self._content_targets, self._style_targets, weighting

    def _losses(self, values: dict[str, tf.Tensor]) -> Losses:
        content = zip(self.content_layers, values["content_layers"].numpy().tolist(), strict=True)
        style = zip(self.style_layers, values["style_layers"].numpy().tolist(), strict=True)
        return Losses(
            total=float(values["total"]),
            content=float(values["content"]),
            style=float(values["style"]),
            tv=float(values["tv"]),
            box=float(values["box"]),
            layers={"content": dict(content), "style": dict(style)},
        )


def _weight(name: str, value: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{name} must be a finite number of at least 0, not {value}")
    return number


@functools.lru_cache(maxsize=4)  # as many as networks are kept
def _compiled(network: keras.Model, measures: Measures, tile: int | None) -> Whole | Tiled:
    return Whole(network, measures) if tile is None else Tiled(network, measures, tile=tile)
