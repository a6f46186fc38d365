"""What is compared: content, style statistics, total variation; and the objective made of them.

F is a layer's features of the picture and P those of the photograph, with M = H·W positions and N
filters, as tensors (1, H, W, N). The statistics themselves are in `statistics.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ._tensorflow import tf
from .forms import Form
from .neighbours import hypercolumns
from .statistics import STATISTICS as STATISTICS  # these were public here
from .statistics import Statistic as Statistic
from .statistics import statistic as statistic
from .statistics import statistic_named as statistic_named


def mean_statistic(statistics: Sequence[tf.Tensor], weights: np.ndarray) -> tf.Tensor:
    """The mean of paintings' statistics, weighted (paintings,); (paintings, R) with R regions."""
    if weights.ndim == 2:
        parts = zip(*map(tf.unstack, statistics), strict=True)
        return tf.stack([mean_statistic(part, w) for part, w in zip(parts, weights.T, strict=True)])
    if (weights == weights[0]).all():
        return tf.add_n(statistics) / len(statistics)
    shares = (weights / weights.sum()).tolist()
    return tf.add_n([share * A for share, A in zip(shares, statistics, strict=True)])


def content_loss(
    F: tf.Tensor, P: tf.Tensor, *, form: Form, entries: tf.Tensor | None = None
) -> tf.Tensor:
    """content_factor · R((F − P)²) of one layer: Gatys et al. 2016, Eq. 1 (a sum there).

    Args:
        F: features of the picture, or of a part of it.
        P: those of the photograph, of the same shape.
        form: R is its mean or sum.
        entries: of the whole picture's features, where F is a part: the losses then add up.
    """
    squares = tf.reduce_sum(tf.square(F - P))
    if form.reduction == "mean":
        squares /= tf.cast(tf.size(P) if entries is None else entries, tf.float32)
    return form.content_factor * squares


def style_loss(G: tf.Tensor, A: tf.Tensor, *, form: Form, regions: int = 0) -> tf.Tensor:
    """style_factor · R(|G − A|^power) of one layer, with R the form's mean or sum.

    Gatys et al. 2016, Eq. 4, or the second term of the proposal; G is the picture's statistic, A
    the painting's. With `Form.nearest` both are parts of hypercolumns (1, H/4, W/4, N), and this is
    the layer's share of half their mean squared distance. With `regions` both have one of each, and
    the loss is the mean of theirs: Gatys et al. 2017, Eq. 8, with equal weights.
    """
    apart = tf.square(G - A) if form.power == 2 else tf.abs(G - A)
    if form.nearest:
        apart = tf.reduce_sum(apart, -1)
    reduced = tf.reduce_mean(apart) if form.reduction == "mean" else tf.reduce_sum(apart)
    if regions and form.reduction == "sum":
        reduced /= regions
    return form.style_factor * reduced


def image_terms(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The terms of a picture (1, H, W, 3) that take no network: total variation, and box.

    Total variation is the sum of squared differences between neighbours over 3·H·W, so that its
    weight keeps its meaning when the size changes; Johnson et al. 2016, Sec. 3.2, and neural-style
    use the plain sum.

    Box is the sum of squared distances of the values from [0, 1]. A picture is clipped in the end,
    and the Gram matrices of the first layers feel the few values that change: without this term the
    loss of the clipped picture was 27 times that of the canvas, with it the same. The authors'
    texture code (leongatys/DeepTextures@289dfe6) has box constraints of L-BFGS-B instead.
    """
    down = tf.reduce_sum(tf.square(image[:, 1:] - image[:, :-1]))
    right = tf.reduce_sum(tf.square(image[:, :, 1:] - image[:, :, :-1]))
    variation = (down + right) / tf.cast(tf.size(image), image.dtype)
    return variation, tf.reduce_sum(tf.square(image - tf.clip_by_value(image, 0.0, 1.0)))


@dataclass(frozen=True)
class Losses:
    """The losses of one picture, in the units of the form."""

    total: float  # content + λ · style + tv weight · tv + box weight · box, what is minimised
    content: float  # without a weight
    style: float  # Σ_l ω_l E_l, without λ
    tv: float  # this and `box`: see `image_terms`, without their weights
    box: float
    layers: dict[str, dict[str, float]]  # by "content" and "style", layer: its loss, without ω_l


@dataclass(frozen=True)
class Measures:
    """What is measured of a network's features; the layers have Keras' names."""

    form: Form
    statistic: Statistic
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    regions: int = 0  # how many have a style of their own; 0 where the picture has one
    units: tuple[float, ...] = ()  # of the style layers, see `Statistic`; without any they are 1

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, each once."""
        return tuple(dict.fromkeys((*self.content_layers, *self.style_layers)))

    def style(
        self, features: Mapping[str, tf.Tensor], size: tf.Tensor, guides: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """What is compared of each style layer, of a picture of `size` (rows, columns).

        The statistics of features (1, H, W, N) by layer, or parts of hypercolumns.
        """
        layers = [features[layer] for layer in self.style_layers]
        if self.form.nearest and layers:
            return hypercolumns(layers, self.style_layers, size // 4, unit=self.form.unit)
        return [
            self.statistic(
                F,
                per_position=self.form.per_position,
                guides=guide,
                unit=self.unit(layer),
            )
            for layer, F, guide in zip(
                self.style_layers, layers, guides or [None] * len(layers), strict=True
            )
        ]

    def unit(self, layer: str) -> float:
        """The unit of a style layer's features."""
        return self.units[self.style_layers.index(layer)] if self.units else 1.0

    def guides(self, layers: Sequence[str]) -> list[tf.TensorSpec]:
        """What the guides of style layers are to a compiled function; none without regions."""
        guide = tf.TensorSpec((self.regions, None, None), tf.bool)
        return [guide for _ in layers] if self.regions else []


Weighting = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
"""λ, ω (one for each style layer), and the weights of total variation and box."""


def objective(
    content: Sequence[tf.Tensor],
    style: Sequence[tf.Tensor],
    terms: tuple[tf.Tensor, tf.Tensor],
    weighting: Weighting,
) -> dict[str, tf.Tensor]:
    """Losses by name, and their total: content + λ · Σ ω_l E_l + tv weight · tv + box weight · box.

    `content` and `style` have a loss for each layer; for `terms` see `image_terms`.
    """
    lam, omega, tv_weight, box_weight = weighting
    tv, box = terms
    content_layers = tf.stack(content) if content else tf.zeros(0)
    style_layers = tf.stack(style) if style else tf.zeros(0)
    content_term = tf.reduce_sum(content_layers)
    style_term = tf.reduce_sum(omega * style_layers)
    return {
        "total": content_term + lam * style_term + tv_weight * tv + box_weight * box,
        "content": content_term,
        "style": style_term,
        "tv": tv,
        "box": box,
        "content_layers": content_layers,
        "style_layers": style_layers,
    }
