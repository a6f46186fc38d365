"""How far apart two distributions are, of features or of colours.

A sample is float (n, N): n points of N values, here the features of N filters at n positions. Two
may differ in n.
"""

import numpy as np
import scipy.linalg
from scipy.spatial.distance import cdist, pdist
from scipy.stats import spearmanr, wasserstein_distance

__all__ = [
    "crossed_correlation",
    "frechet",
    "hellinger",
    "mean_std",
    "relaxed_emd",
    "sliced_wasserstein",
    "squared_mmd",
]


def sliced_wasserstein(
    a: np.ndarray, b: np.ndarray, *, directions: int = 128, seed: int = 0
) -> float:
    """Mean over random directions of the projections' Wasserstein distance W₁, at least 0.

    Rabin et al. 2011; on VGG features Heitz et al. 2021 (both with squares, W₂², where here it is
    W₁, whose few far points count less), in the units of the samples. Weakness: it depends on the
    directions drawn (by `seed`), and two distributions that differ along few directions only seem
    close, the more so the larger N is.
    """
    drawn = np.random.default_rng(seed).normal(size=(a.shape[1], directions))
    drawn /= np.linalg.norm(drawn, axis=0)
    return float(np.mean(list(map(wasserstein_distance, (a @ drawn).T, (b @ drawn).T))))


def mean_std(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over the N values of (difference of means)² + (difference of deviations)²: at least 0.

    Li et al. 2017 (arXiv 1701.01036), "BN statistics"; Huang and Belongie 2017 match the same two.
    Weakness: it does not see which values go together, nor any shape of a distribution beyond its
    width.
    """
    return float(np.mean(np.square(a.mean(0) - b.mean(0)) + np.square(a.std(0) - b.std(0))))


def squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy with a Gaussian kernel: about 0 if equal, at most 2.

    Gretton et al. 2012, the unbiased estimate of their Eq. 3, which can be slightly negative, with
    the kernel k(x, y) = exp(−|x − y|²/2σ²). σ² is the mean of |x − y|² over the points of b, so
    that every a is measured by one kernel; they take the median over both samples, which is 0 where
    most of a painting is one even colour. (The Gram matrix is the MMD of another kernel, (xᵀy)²: Li
    et al. 2017.) Weakness: it is blind to differences much finer than σ, and saturates for samples
    much further apart than σ. Both need two points, and those of b must differ.
    """
    # pdist leaves out the distance of a point from itself, and that makes the estimate unbiased.
    squares = [pdist(a, "sqeuclidean"), pdist(b, "sqeuclidean"), cdist(a, b, "sqeuclidean")]
    width = 2 * squares[1].mean()
    of_a, of_b, between = (np.exp(-square / width).mean() for square in squares)
    return float(of_a + of_b - 2 * between)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance of the Gaussians with the samples' moments: at least 0.

    |μ − ν|² + tr(Σ + T − 2(ΣT)^½): Dowson and Landau 1982; Heusel et al. 2017 (FID). Weakness: it
    sees nothing beyond a Gaussian, and is too large for small samples, so that only distances from
    equally many points can be compared.
    """
    # Of a symmetric matrix, tr (ΣT)^½ is the sum of the roots of the eigenvalues of T^½ΣT^½.
    covariance, target = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = scipy.linalg.eigh(target)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(scipy.linalg.eigvalsh(root @ covariance @ root), 0)).sum()
    squares = np.square(a.mean(0) - b.mean(0)).sum()
    return float(max(squares + np.trace(covariance) + np.trace(target) - 2 * shared, 0.0))


def relaxed_emd(a: np.ndarray, b: np.ndarray) -> float:
    """Relaxed earth mover's distance with the cosine distance: 0 if equal, at most 2.

    Kolkin et al. 2019 (STROTSS, arXiv 1904.12785), Eqs. 5 to 8: the larger of the mean distance of
    a point of one sample to the nearest of the other, and that the other way round. They put the
    features of all layers one after another. Weakness: how often a point occurs hardly matters,
    and how strong its features are not at all.
    """
    one, other = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a, b))
    apart = 1 - one @ other.T
    return float(max(apart.min(0).mean(), apart.min(1).mean(), 0.0))


def hellinger(p: np.ndarray, q: np.ndarray) -> float:
    """Hellinger distance of two histograms that sum to one: 0 if equal, 1 where no bin is shared.

    √½ |√p − √q| as in Afifi et al. 2021 (HistoGAN). Weakness: bins have no neighbours; what has
    moved to the next bin counts as much as what has moved to the last.
    """
    return float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2))


def crossed_correlation(
    a: np.ndarray, b: np.ndarray, *, centred: bool = True, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Spearman's rank correlation of two tables (photographs, paintings), and its 95 % interval.

    With `centred` the means of rows and columns are taken away first: what is left belongs to a
    pair and neither to a photograph nor to a painting alone. Pairs that share one are not
    independent: rows and columns are drawn anew, each with replacement (the pigeonhole bootstrap,
    Owen 2007, Annals of Applied Statistics 1), and the interval ends at the percentiles 2.5 and
    97.5 of what they give.
    """

    def rho(rows: np.ndarray, columns: np.ndarray) -> float:
        tables = [table[np.ix_(rows, columns)] for table in (a, b)]
        if centred:
            tables = [t - t.mean(0) - t.mean(1, keepdims=True) for t in tables]
        return float(spearmanr(*(table.ravel() for table in tables)).statistic)

    generator, m, n = np.random.default_rng(seed), len(a), len(a[0])
    drawn: list[float] = []
    while len(drawn) < resamples:
        rows, columns = generator.integers(m, size=m), generator.integers(n, size=n)
        if len(set(rows)) > 1 and len(set(columns)) > 1:  # else nothing is left to be ranked
            drawn.append(rho(rows, columns))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return rho(np.arange(m), np.arange(n)), float(low), float(high)
