"""What is compared: content, style statistics, total variation.

F is a layer's features with M = H·W positions and N filters, here as a tensor (1, H, W, N). A new style statistic is
one function with `@statistic()`: its name is then a value of the setting `statistic` everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ._tensorflow import tf
from .forms import Form

__all__ = [
    "STATISTICS",
    "Statistic",
    "content_loss",
    "outside",
    "statistic",
    "style_loss",
    "total_variation",
]


@dataclass(frozen=True)
class Statistic:
    """A style statistic: something that adds up over positions, and what is made of the sums.

    Attributes:
        sums: of the features (1, H, W, N); over two parts of a picture they add up to those of the whole.
        finish: the statistic from the sums, from the number M of positions and from `Form.per_position`.
    """

    sums: Callable[[tf.Tensor], tf.Tensor]
    finish: Callable[[tf.Tensor, tf.Tensor, bool], tf.Tensor]

    def __call__(self, features: tf.Tensor, *, per_position: bool) -> tf.Tensor:
        """The statistic of one picture's features (1, H, W, N)."""
        positions = tf.size(features) // features.shape[-1]
        return self.finish(self.sums(features), tf.cast(positions, features.dtype), per_position)


STATISTICS: dict[str, Statistic] = {}
"""Style statistics by name."""


def _mean(sums: tf.Tensor, positions: tf.Tensor, per_position: bool) -> tf.Tensor:
    return sums / positions if per_position else sums


def statistic(finish: Callable[[tf.Tensor, tf.Tensor, bool], tf.Tensor] = _mean) -> Callable:
    """Make a function of features that adds up over positions a style statistic, under its own name.

    Args:
        finish: see `Statistic`; by default the sums themselves, divided by M with `per_position`.
    """

    def register(sums: Callable[[tf.Tensor], tf.Tensor]) -> Statistic:
        STATISTICS[sums.__name__] = Statistic(sums, finish)
        return STATISTICS[sums.__name__]

    return register


@statistic()
def gram(features: tf.Tensor) -> tf.Tensor:
    """Gram matrix FᵀF (N, N), Gatys et al. 2016, Eq. 3; divided by M with `per_position`."""

    @tf.custom_gradient
    def product(columns: tf.Tensor) -> tuple:
        # TensorFlow's own gradient multiplies F once by U and once by Uᵀ; F(U + Uᵀ) is half the work.
        return tf.matmul(columns, columns, transpose_a=True), lambda u: tf.matmul(
            columns, u + tf.transpose(u)
        )

    return product(tf.reshape(features, (-1, features.shape[-1])))


def _mean_and_deviation(sums: tf.Tensor, positions: tf.Tensor, per_position: bool) -> tf.Tensor:
    mean, square = tf.unstack(sums / positions)
    # The root's slope at zero is infinite: a filter that never fires would give NaN.
    return tf.stack([mean, tf.sqrt(tf.nn.relu(square - tf.square(mean)) + 1e-8)])


@statistic(_mean_and_deviation)
def mean_std(features: tf.Tensor) -> tf.Tensor:
    """Mean and standard deviation of each filter (2, N): Li et al. 2017 (arXiv 1701.01036), "BN statistics".

    Both are means over positions by definition; `per_position` changes nothing.
    """
    return tf.stack(
        [tf.reduce_sum(features, (0, 1, 2)), tf.reduce_sum(tf.square(features), (0, 1, 2))]
    )


def content_loss(squares: tf.Tensor, size: tf.Tensor, *, form: Form) -> tf.Tensor:
    """content_factor · R((F − P)²): Gatys et al. 2016, Eq. 1 (a sum there), with R the form's mean or sum.

    Args:
        squares: Σ (F − P)² over all entries.
        size: how many entries there are.
        form: see `Form`.
    """
    return form.content_factor * (squares / size if form.reduction == "mean" else squares)


def style_loss(found: tf.Tensor, target: tf.Tensor, *, form: Form) -> tf.Tensor:
    """style_factor · R(|S − T|^power) of one layer: Gatys et al. 2016, Eq. 4, or the proposal's second term."""
    difference = found - target
    values = tf.square(difference) if form.power == 2 else tf.abs(difference)
    return form.style_factor * (
        tf.reduce_mean(values) if form.reduction == "mean" else tf.reduce_sum(values)
    )


def total_variation(image: tf.Tensor) -> tf.Tensor:
    """Sum of squared differences between neighbours of (1, H, W, 3), per pixel and channel.

    Johnson et al. 2016, Sec. 3.2, and neural-style use the plain sum; divided by 3·H·W the weight keeps its
    meaning when the size changes.
    """
    down = tf.reduce_sum(tf.square(image[:, 1:] - image[:, :-1]))
    right = tf.reduce_sum(tf.square(image[:, :, 1:] - image[:, :, :-1]))
    return (down + right) / tf.cast(tf.size(image), image.dtype)


def outside(image: tf.Tensor) -> tf.Tensor:
    """Sum of squared distances of the values from [0, 1]; zero for every picture that can be shown.

    A picture is clipped in the end, and the Gram matrices of the first layers feel the few values that change: without
    this term the loss of the clipped picture was found 27 times that of the canvas, with it the same, at no cost. The
    authors' texture code (leongatys/DeepTextures@289dfe6) keeps the range by box constraints of L-BFGS-B instead.
    """
    return tf.reduce_sum(tf.square(image - tf.clip_by_value(image, 0.0, 1.0)))
