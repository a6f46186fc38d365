"""What is compared: content, style statistics, total variation.

F is a layer's features with M = H·W positions and N filters, here as a tensor (1, H, W, N). A new style statistic is
one function with `@statistic`: its name is then a value of the setting `statistic` everywhere.
"""

from collections.abc import Callable

from ._tensorflow import tf
from .settings import Form

__all__ = ["STATISTICS", "content_loss", "outside", "statistic", "style_loss", "total_variation"]

STATISTICS: dict[str, Callable[..., tf.Tensor]] = {}
"""Style statistics by name: functions of the features (1, H, W, N) and of `per_position`."""


def statistic(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Make a function of features a style statistic under its own name."""
    STATISTICS[function.__name__] = function
    return function


@statistic
def gram(features: tf.Tensor, *, per_position: bool) -> tf.Tensor:
    """Gram matrix FᵀF (N, N), Gatys et al. 2016, Eq. 3; divided by M with `per_position`."""
    columns = tf.reshape(features, (-1, features.shape[-1]))
    product = tf.matmul(columns, columns, transpose_a=True)
    return product / tf.cast(tf.shape(columns)[0], product.dtype) if per_position else product


@statistic
def mean_std(features: tf.Tensor, *, per_position: bool) -> tf.Tensor:
    """Mean and standard deviation of each filter (2, N): Li et al. 2017 (arXiv 1701.01036), "BN statistics".

    Both are means over positions by definition; `per_position` changes nothing.
    """
    mean, variance = tf.nn.moments(features, (0, 1, 2))
    # The root's slope at zero is infinite: a filter that never fires would give NaN.
    return tf.stack([mean, tf.sqrt(variance + 1e-8)])


def content_loss(features: tf.Tensor, target: tf.Tensor, *, form: Form) -> tf.Tensor:
    """content_factor · R((F − P)²): Gatys et al. 2016, Eq. 1 (a sum there), with R the form's mean or sum."""
    return form.content_factor * _reduce(tf.square(features - target), form)


def style_loss(found: tf.Tensor, target: tf.Tensor, *, form: Form) -> tf.Tensor:
    """style_factor · R(|S − T|^power) of one layer: Gatys et al. 2016, Eq. 4, or the proposal's second term."""
    difference = found - target
    return form.style_factor * _reduce(tf.square(difference) if form.power == 2 else tf.abs(difference), form)


def _reduce(values: tf.Tensor, form: Form) -> tf.Tensor:
    return tf.reduce_mean(values) if form.reduction == "mean" else tf.reduce_sum(values)


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
