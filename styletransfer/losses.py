"""What is compared: content, style statistics, total variation; and the objective made of them.

F is a layer's features of the picture and P those of the photograph, with M = H·W positions and N
filters, as tensors (1, H, W, N). A new style statistic is one function with `@statistic()`: its
name is then a value of the setting `statistic` everywhere.
"""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ._tensorflow import tf
from .errors import InputError, nearest
from .forms import Form

Finish = Callable[[tf.Tensor, tf.Tensor, bool], tf.Tensor]


@dataclass(frozen=True)
class Statistic:
    """A style statistic: something that adds up over positions, and what is made of the sums."""

    sums: Callable[[tf.Tensor], tf.Tensor]  # of the features (1, H, W, N)
    finish: Finish  # the statistic from the sums, the positions M and `Form.per_position`
    additive: bool = True  # whether those of a picture's parts add up, as tiles need it

    def __call__(
        self, features: tf.Tensor, *, per_position: bool, guides: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The statistic of one picture's features (1, H, W, N); of each region with `guides`.

        See `sums_over` and `finished`.
        """
        positions = tf.cast(tf.size(features) // features.shape[-1], features.dtype)
        return self.finished(self.sums_over(features, guides), positions, per_position, guides)

    def sums_over(self, features: tf.Tensor, guides: tf.Tensor | None) -> tf.Tensor:
        """The `sums`; with guides, bool (R, H, W), one above the other those of each region.

        The positions of a region are taken out and not multiplied by T: that would make R maps of
        one.
        """
        if guides is None:
            return self.sums(features)
        regions = guides.shape[0]
        places = tf.where(tf.reshape(guides, (regions, -1)))  # region and position, by region
        columns = tf.gather(tf.reshape(features, (-1, features.shape[-1])), places[:, 1])
        counts = tf.math.count_nonzero(guides, (1, 2), dtype=tf.int32)
        parts = tf.split(columns, counts, num=regions)
        return tf.stack([self.sums(part[None, :, None]) for part in parts])

    def finished(
        self, sums: tf.Tensor, positions: tf.Tensor, per_position: bool, guides: tf.Tensor | None
    ) -> tf.Tensor:
        """The statistic from the sums of a whole picture of M positions; for `guides` `sums_over`.

        Gatys et al. 2017 (arXiv 1611.07865), Eq. 7: G_r = (T_r∘F)ᵀ(T_r∘F)/M, with T_r scaled to a
        mean square of 1. Of a T_r that is 0 or c this is M/|r| times the sums over the region's |r|
        positions, over M: a region counts as if it filled the picture.
        """
        if guides is None:
            return self.finish(sums, positions, per_position)
        shares = tf.reduce_mean(tf.cast(guides, positions.dtype), (1, 2))
        factors = tf.unstack(1 / tf.maximum(shares, 1 / positions))
        scaled = [part * factor for part, factor in zip(tf.unstack(sums), factors, strict=True)]
        return tf.stack([self.finish(part, positions, per_position) for part in scaled])

    @property
    def own(self) -> bool:
        """Whether it comes with this package, so that its name and the version say what it is."""
        return self.sums.__module__ == __name__

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the lines of a user's statistic, not of what they call; empty for `own`."""
        if self.own:
            return ""
        parts = (self.sums, self.finish)
        try:
            code = [inspect.getsource(part) for part in parts]
        except (OSError, TypeError):  # typed into an interpreter that keeps no source
            code = [repr((part.__code__.co_code, part.__code__.co_consts)) for part in parts]
        return hashlib.sha256("\n".join(code).encode()).hexdigest()


STATISTICS: dict[str, Statistic] = {}
"""Style statistics by name."""


def statistic_named(name: str) -> Statistic:
    """The statistic of that name; the InputError where there is none says which come closest."""
    if name not in STATISTICS:
        raise InputError(nearest(name, STATISTICS, what="statistic"))
    return STATISTICS[name]


def _mean(sums: tf.Tensor, positions: tf.Tensor, per_position: bool) -> tf.Tensor:
    return sums / positions if per_position else sums


def statistic(
    finish: Finish = _mean, *, additive: bool = True
) -> Callable[[Callable[[tf.Tensor], tf.Tensor]], Statistic]:
    """Make a function of features (1, H, W, N) a style statistic, under its own name.

    Args:
        finish: see `Statistic`; by default the function's value, over M with `Form.per_position`.
        additive: False where values over parts of a picture do not add up: tiles then refuse it.
    """

    def register(sums: Callable[[tf.Tensor], tf.Tensor]) -> Statistic:
        STATISTICS[sums.__name__] = Statistic(sums, finish, additive)
        return STATISTICS[sums.__name__]

    return register


@statistic()
def gram(features: tf.Tensor) -> tf.Tensor:
    """Gram matrix FᵀF (N, N), Gatys et al. 2016, Eq. 3; divided by M with `per_position`."""
    columns = tf.reshape(features, (-1, features.shape[-1]))
    # TensorFlow's gradient of FᵀF multiplies F by U and by Uᵀ. Taken through one factor alone,
    # doubled and made symmetric, it is F(U + Uᵀ), the same in one product.
    product = tf.matmul(columns, tf.stop_gradient(columns), transpose_a=True)
    product = 2 * product - tf.stop_gradient(product)
    return (product + tf.transpose(product)) / 2


def _mean_and_deviation(sums: tf.Tensor, positions: tf.Tensor, per_position: bool) -> tf.Tensor:
    mean, square = tf.unstack(sums / positions)
    # The root's slope at zero is infinite: a filter that never fires would give NaN.
    return tf.stack([mean, tf.sqrt(tf.nn.relu(square - tf.square(mean)) + 1e-8)])


@statistic(_mean_and_deviation)
def mean_std(features: tf.Tensor) -> tf.Tensor:
    """Mean and deviation of each filter (2, N): Li et al. 2017 (arXiv 1701.01036), "BN statistics".

    Both are means over positions by definition; `per_position` changes nothing.
    """
    sums = tf.reduce_sum(features, (0, 1, 2))
    return tf.stack([sums, tf.reduce_sum(tf.square(features), (0, 1, 2))])


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
    the painting's. With `regions` both have one of each, and the loss is the mean of theirs: Gatys
    et al. 2017, Eq. 8, with equal weights.
    """
    apart = tf.square(G - A) if form.power == 2 else tf.abs(G - A)
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

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, each once."""
        return tuple(dict.fromkeys((*self.content_layers, *self.style_layers)))

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
