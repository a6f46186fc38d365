"""Distances between two sets of points against NumPy and SciPy."""

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.stats

from styletransfer.study import distributions


def test_sliced_wasserstein_along_a_line(rng):
    """With one value for each point every projection is the points themselves, or mirrored."""
    a, b = rng.normal(size=(12, 1)), rng.normal(1, 2, size=(18, 1))
    expected = scipy.stats.wasserstein_distance(a[:, 0], b[:, 0])
    assert distributions.sliced_wasserstein(a, b) == pytest.approx(expected)
    # once more by sorting: 36 points each
    assert expected == pytest.approx(np.abs(np.sort(a.repeat(3)) - np.sort(b.repeat(2))).mean())


def test_sliced_wasserstein_of_two_points():
    """A mean over the circle of |cos|, which is 2/π of their distance."""
    a, b = np.array([[1.0, 2.0]]), np.array([[4.0, -2.0]])
    found = distributions.sliced_wasserstein(a, b, directions=5000)
    assert found == pytest.approx(5 * 2 / np.pi, rel=0.02)
    assert found == distributions.sliced_wasserstein(a, b, directions=5000)
    assert found != distributions.sliced_wasserstein(a, b, directions=5000, seed=1)


def test_mean_std(rng):
    a = rng.normal(size=(50, 4))
    b = 3 * a[:, ::-1] + 1
    expected = 0.0
    for i in range(4):
        mean, other = sum(a[:, i]) / 50, sum(b[:, i]) / 50
        one, two = sum((a[:, i] - mean) ** 2) / 50, sum((b[:, i] - other) ** 2) / 50
        expected += ((mean - other) ** 2 + (np.sqrt(one) - np.sqrt(two)) ** 2) / 4
    assert distributions.mean_std(a, b) == pytest.approx(expected)


def test_squared_mmd(rng):
    """Gretton et al. 2012, Eq. 3, pair by pair."""
    a, b = rng.normal(size=(9, 3)), rng.normal(0.5, 2, size=(7, 3))
    squares = [sum((x - y) ** 2) for i, x in enumerate(b) for j, y in enumerate(b) if i != j]
    width = 2 * sum(squares) / len(squares)

    def mean(xs, ys, same):
        pairs = [
            (x, y) for i, x in enumerate(xs) for j, y in enumerate(ys) if not (same and i == j)
        ]
        return sum(np.exp(-sum((x - y) ** 2) / width) for x, y in pairs) / len(pairs)

    expected = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
    assert distributions.squared_mmd(a, b) == pytest.approx(expected)
    far = b + 1e6
    assert distributions.squared_mmd(far, b) == pytest.approx(2 * mean(b, b, True))


def test_frechet(rng):
    mixing = rng.normal(size=(5, 5))
    a, b = rng.normal(size=(40, 5)) @ mixing, rng.normal(1, 2, size=(60, 5))
    s, t = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(s @ t)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * root.real)
    assert distributions.frechet(a, b) == pytest.approx(expected)
    assert distributions.frechet(a, a + np.array([0, 3, 0, 4, 0])) == pytest.approx(25)
    few = a[:3]  # a singular covariance
    assert distributions.frechet(few, few) == pytest.approx(0, abs=1e-6)


def test_relaxed_emd(rng):
    """By SciPy; ½ between directions 60° apart, however long the vectors are."""
    a, b = rng.random((20, 6)), rng.random((30, 6))
    apart = scipy.spatial.distance.cdist(a, b, "cosine")
    expected = max(apart.min(0).mean(), apart.min(1).mean())
    assert distributions.relaxed_emd(a, b) == pytest.approx(expected)
    turned = np.array([[0.5, np.sqrt(0.75)]])
    assert distributions.relaxed_emd(np.array([[3.0, 0]]), turned) == pytest.approx(0.5)
    assert distributions.relaxed_emd(a, np.vstack([a, 7 * a[:5]])) == pytest.approx(0, abs=1e-9)
    # One that has no near neighbour counts from its own side alone.
    assert distributions.relaxed_emd(np.array([[1.0, 0], [0, 1]]), np.eye(2)[:1]) == 0.5


def test_hellinger():
    p, q, other = np.array([[[0.5, 0.5], [0, 0]], [[1.0, 0], [0, 0]], [[0, 0], [0.3, 0.7]]])
    assert distributions.hellinger(p, p) == 0
    assert distributions.hellinger(p, other) == pytest.approx(1)
    assert distributions.hellinger(p, q) == pytest.approx(np.sqrt(1 - np.sqrt(0.5)))
