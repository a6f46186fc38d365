"""Style statistics: what of a layer's features is called the style.

F are a layer's features as a tensor (1, H, W, N), N filters at M = H·W positions; f is what one
position has of them. A new statistic is one function with `@statistic()`: its name is then a value
of the setting `statistic` everywhere.
"""

import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._tensorflow import tf
from .errors import InputError, nearest

Finish = Callable[[tf.Tensor, tf.Tensor, bool], tf.Tensor]

EPSILON = 1e-4  # added to variances before roots: crowsonkb's value, in squared units of a layer

KERNEL_WIDTH = 3.0
"""σ of `mmd` over √N. The mean of ‖f − g‖² over a picture's positions is 4 to 26 times N (three
paintings, two photographs, five layers; the median is 8.5), and σ² is that mean, as in
`study.distributions.squared_mmd`."""

THRESHOLDS = np.arange(-7.0, 8.0, 2.0)
"""Of `histogram`: there, 98 % of the projections lie within ±8 in 20 of 25 cases."""

SOFTNESS = 1.0
"""Of a step: at half the distance of two thresholds their sum is the integral to 0.1 %."""

SHIFT = 4
"""Positions: 4 pixels at conv1_1 and 64 at conv5_1."""


@dataclass(frozen=True)
class Statistic:
    """A style statistic: something that adds up over positions, and what is made of the sums.

    With a `gain`, the features are first divided by their layer's unit u, their mean activation
    over the bundled photographs: kernels and thresholds then fit every layer. The statistic is
    multiplied by gain·u², the scale of a Gram matrix: λ and ω then keep their meaning. Those of
    this module are such that the gradient of the style loss at the photograph is as large as with
    `gram` (form gatys-code, 256 px, geometric mean of three pairs).
    """

    sums: Callable[[tf.Tensor], tf.Tensor]  # of the features (1, H, W, N)
    finish: Finish  # the statistic from the sums, the positions M and `Form.per_position`
    additive: bool = True  # whether those of a picture's parts add up, as tiles need it
    gain: float | None = None
    memory: float = 0.0  # bytes more for each byte of a picture's features, as measured

    def __call__(
        self,
        features: tf.Tensor,
        *,
        per_position: bool,
        guides: tf.Tensor | None = None,
        unit: float = 1.0,
    ) -> tf.Tensor:
        """The statistic of features (1, H, W, N), of each region with `guides`: see below."""
        positions = tf.cast(tf.size(features) // features.shape[-1], features.dtype)
        sums = self.sums_over(features, guides, unit)
        return self.finished(sums, positions, per_position, guides, unit)

    def sums_over(self, features: tf.Tensor, guides: tf.Tensor | None, unit: float) -> tf.Tensor:
        """The `sums`; with guides, bool (R, H, W), one above the other those of each region.

        The positions of a region are taken out and not multiplied by T: that would make R maps of
        one.
        """
        if self.gain is not None:
            features = features / unit
        if guides is None:
            return self.sums(features)
        regions = guides.shape[0]
        places = tf.where(tf.reshape(guides, (regions, -1)))  # region and position, by region
        columns = tf.gather(tf.reshape(features, (-1, features.shape[-1])), places[:, 1])
        counts = tf.math.count_nonzero(guides, (1, 2), dtype=tf.int32)
        parts = tf.split(columns, counts, num=regions)
        return tf.stack([self.sums(part[None, :, None]) for part in parts])

    def finished(
        self,
        sums: tf.Tensor,
        positions: tf.Tensor,
        per_position: bool,
        guides: tf.Tensor | None,
        unit: float,
    ) -> tf.Tensor:
        """The statistic from the sums of a whole picture of M positions; for `guides` `sums_over`.

        Gatys et al. 2017 (arXiv 1611.07865), Eq. 7: G_r = (T_r∘F)ᵀ(T_r∘F)/M, with T_r scaled to a
        mean square of 1. Of a T_r that is 0 or c this is M/|r| times the sums over the region's |r|
        positions, over M: a region counts as if it filled the picture.
        """
        if guides is None:
            found = self.finish(sums, positions, per_position)
        else:
            shares = tf.reduce_mean(tf.cast(guides, positions.dtype), (1, 2))
            factors = tf.unstack(1 / tf.maximum(shares, 1 / positions))
            scaled = [part * f for part, f in zip(tf.unstack(sums), factors, strict=True)]
            found = tf.stack([self.finish(part, positions, per_position) for part in scaled])
        return found if self.gain is None else self.gain * unit**2 * found

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
    finish: Finish = _mean, *, additive: bool = True, gain: float | None = None, memory: float = 0.0
) -> Callable[[Callable[[tf.Tensor], tf.Tensor]], Statistic]:
    """Make a function of features (1, H, W, N) a style statistic, under its own name.

    Args:
        finish: see `Statistic`; by default the function's value, over M with `Form.per_position`.
        additive: False where values over parts of a picture do not add up: tiles and regions then
            refuse it.
        gain: for features in units of their layer, see `Statistic`.
        memory: what copies of the features take, for the forecast; see `Statistic`.
    """

    def register(sums: Callable[[tf.Tensor], tf.Tensor]) -> Statistic:
        STATISTICS[sums.__name__] = Statistic(sums, finish, additive, gain, memory)
        return STATISTICS[sums.__name__]

    return register


def _columns(features: tf.Tensor) -> tf.Tensor:
    return tf.reshape(features, (-1, features.shape[-1]))


@statistic()
def gram(features: tf.Tensor) -> tf.Tensor:
    """Gram matrix FᵀF (N, N), Gatys et al. 2016, Eq. 3; divided by M with `per_position`."""
    columns = _columns(features)
    # TensorFlow's gradient of FᵀF multiplies F by U and by Uᵀ. Taken through one factor alone,
    # doubled and made symmetric, it is F(U + Uᵀ), the same in one product.
    product = tf.matmul(columns, tf.stop_gradient(columns), transpose_a=True)
    product = 2 * product - tf.stop_gradient(product)
    return (product + tf.transpose(product)) / 2


@statistic(additive=False, memory=2.5)
def shifted_gram(features: tf.Tensor) -> tf.Tensor:
    """FᵀF, F↓ᵀF and F→ᵀF (3, N, N): long structures; Berger and Memisevic 2016 (arXiv 1606.01286).

    F↓ and F→ are the features `SHIFT` positions further down and further right, or half the side
    where it is shorter than two shifts. Each matrix has the pairs that there are, counted as if
    there were M. Pairs reach from one tile into the next, so that those of tiles do not add up.
    """
    found = [gram.sums(features)]
    for axis, side in enumerate(tf.unstack(tf.shape(features)[1:3]), 1):
        shift = tf.minimum(SHIFT, side // 2)
        further = tf.split(features, [shift, side - shift], axis)[1]
        there = tf.split(features, [side - shift, shift], axis)[0]
        product = tf.matmul(_columns(further), _columns(there), transpose_a=True)
        found.append(product * tf.cast(side / (side - shift), features.dtype))
    return tf.stack(found)


def _mean_and_deviation(sums: tf.Tensor, positions: tf.Tensor, per_position: bool) -> tf.Tensor:
    mean, square = tf.unstack(sums / positions)
    # The root's slope at zero is infinite: a filter that never fires would give NaN.
    return tf.stack([mean, tf.sqrt(tf.nn.relu(square - tf.square(mean)) + 1e-8)])


@statistic(_mean_and_deviation)
def mean_std(features: tf.Tensor) -> tf.Tensor:
    """Mean and deviation of each filter (2, N): Li et al. 2017 (arXiv 1701.01036), "BN statistics".

    Both are means over positions by definition; `per_position` changes nothing, here and in all
    that follow.
    """
    sums = tf.reduce_sum(features, (0, 1, 2))
    return tf.stack([sums, tf.reduce_sum(tf.square(features), (0, 1, 2))])


def _moments(sums: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    mean, products = tf.split(sums / positions, [1, sums.shape[-1]])
    return mean, products - tf.transpose(mean) * mean


@statistic(lambda sums, positions, _: tf.concat(_moments(sums, positions), 0), gain=2.0)
def mean_cov(features: tf.Tensor) -> tf.Tensor:
    """Mean and covariance, [μ; C] (N + 1, N), of which the Gram matrix FᵀF/M = C + μμᵀ is a sum.

    Many μ and C have one Gram matrix (Risser et al. 2017, arXiv 1701.08893, Sec. 3); each has its
    own [μ; C].
    """
    sums = tf.reduce_sum(_columns(features), 0, keepdims=True)
    return tf.concat([sums, gram.sums(features)], 0)


@tf.custom_gradient
def _root(covariance: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """S = (C + εI)^½ of a symmetric C; of U the gradient is the X with SX + XS = U.

    TensorFlow's gradient of `eigh` divides by differences of eigenvalues and is NaN where two are
    equal, as those of filters that never fire; that of `sqrtm` solves N² equations. Newton-Schulz
    iterations take the longer the smaller the least eigenvalue is. In the eigenvectors' basis X is
    U over sums of two roots, which are at least √ε.
    """
    values, vectors = tf.linalg.eigh(covariance)
    roots = tf.sqrt(tf.nn.relu(values) + EPSILON)  # rounding can make the least ones negative

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        inside = tf.matmul(vectors, tf.matmul(upstream, vectors), transpose_a=True)
        inside /= roots + roots[:, None]
        return tf.matmul(vectors, tf.matmul(inside, vectors, transpose_b=True))

    return tf.matmul(vectors * roots, vectors, transpose_b=True), gradient


def _mean_and_root(sums: tf.Tensor, positions: tf.Tensor, per_position: bool) -> tf.Tensor:
    mean, covariance = _moments(sums, positions)
    return sums.shape[-1] ** 0.5 * tf.concat([mean, _root(covariance)], 0)


@statistic(_mean_and_root, gain=1.2)
def gaussian_w2(features: tf.Tensor) -> tf.Tensor:
    """√N·[μ; (C + εI)^½] (N + 1, N): the mean of its squared difference bounds W₂²/(N + 1).

    W₂² = ‖μ − ν‖² + tr(C + T − 2(C^½TC^½)^½) is the squared Wasserstein distance of Gaussians with
    the same moments (Dowson and Landau 1982); ‖μ − ν‖² + ‖C^½ − T^½‖² is never less, and the same
    where C and T commute. crowsonkb's style-transfer-pytorch (`StyleLossW2`) minimises W₂² itself,
    which is no squared difference of one statistic of each picture.
    """
    return mean_cov.sums(features)


@functools.cache
def _drawn(filters: int, count: int) -> np.ndarray:
    """Normal numbers (N, count), the same in every run."""
    return np.random.default_rng(0).standard_normal((filters, count), np.float32)


@statistic(lambda sums, positions, _: sums / positions, gain=8.0, memory=1.1)
def mmd(features: tf.Tensor) -> tf.Tensor:
    """Random Fourier features √2·cos(wᵀf + b) (2N,): the mean of their squared difference is MMD².

    Rahimi and Recht 2007; maximum mean discrepancy (Gretton et al. 2012) with the kernel
    exp(−‖f − g‖²/2σ²), w ~ N(0, I/σ²), b uniform in [0, 2π); as a style loss Li et al. 2017 (arXiv
    1701.01036), with the kernel itself on sampled positions.
    """
    filters = features.shape[-1]
    frequencies = _drawn(filters, 2 * filters) / (KERNEL_WIDTH * filters**0.5)
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, 2 * filters).astype(np.float32)
    waves = tf.cos(tf.matmul(_columns(features), frequencies) + phases)
    return 2**0.5 * tf.reduce_sum(waves, 0)


@statistic(lambda sums, positions, _: sums / positions, gain=26.0, memory=1.2)
def histogram(features: tf.Tensor) -> tf.Tensor:
    """Soft cumulative histograms (8, N) along N random directions w: means of σ((t − wᵀf)/h).

    An additive stand-in for the histograms of Risser et al. 2017 and for the sliced Wasserstein
    distance of Heitz et al. 2021, both of which sort positions. They match quantiles; here the
    `THRESHOLDS` t are fixed, the same for every painting. Along a w, twice the sum of absolute
    differences is the distance W₁ = ∫|F − G|dt of the projections, blurred by `SOFTNESS` h, and
    twice that of squares Cramér's distance ∫(F − G)²dt.
    """
    filters = features.shape[-1]
    directions = _drawn(filters, filters)
    directions = directions / (SOFTNESS * np.linalg.norm(directions, axis=0))
    projections = tf.matmul(_columns(features), directions)
    steps = (THRESHOLDS / SOFTNESS).tolist()
    return tf.stack([tf.reduce_sum(tf.sigmoid(t - projections), 0) for t in steps])
