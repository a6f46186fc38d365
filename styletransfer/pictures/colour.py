"""Whose colours a picture has: luminance alone, or a painting matched to the photograph.

Gatys et al. 2017 (arXiv 1611.07865), Sec. 5; constants of leongatys/NeuralImageSynthesis,
ColourControl. Pictures are float (H, W, 3) in [0, 1], RGB.
"""

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from ..errors import InputError

LUMA = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601: Y of RGB."""

RIDGE = 1e-5
"""Added to the diagonal of both covariances, so that a picture of one hue has an inverse."""

GREY = 1e-6
"""Variance along the second of the three directions of colour, below which a painting is grey."""

COLOURS = ("painting", "luminance", "chol", "pca", "monge")
"""Whose colours a picture gets: the painting's, as they are; the photograph's, for luminance alone
is transferred; or those of a painting that was matched to the photograph, in one of three ways."""


def luminance(picture: np.ndarray) -> np.ndarray:
    """Y of a picture, three times, float32 (H, W, 3): a grey picture."""
    grey = picture @ LUMA
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


def as_light_as(painting: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """A grey painting with the mean and the standard deviation of the photograph's luminance.

    Sec. 5.2: L′ = σ_C/σ_S (L − μ_S) + μ_C. A painting of one lightness gets the mean alone. Values
    beyond [0, 1] are clipped.
    """
    grey, goal = luminance(painting), luminance(photo)
    ratio = goal.std() / grey.std() if grey.std() > 1e-3 else 1.0
    return np.clip(ratio * (grey - grey.mean()) + goal.mean(), 0, 1).astype(np.float32)


def chroma_of(picture: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """A picture's luminance with the colours of a photograph of the same shape, float32, clipped.

    In YUV, as in Sec. 5.2: what is added to R, G and B is the difference of the luminances.
    """
    difference = luminance(picture) - luminance(photo)
    return np.clip(photo + difference, 0, 1).astype(np.float32)


def transform(source: np.ndarray, target: np.ndarray, *, by: str) -> np.ndarray:
    """The matrix A (3, 3) with A Σ_source Aᵀ = Σ_target, of covariances (3, 3).

    Sec. 5.1: "chol" is L_T L_S⁻¹ of the Cholesky factors, which depends on the order of the
    channels; "pca" is Σ_T^½ Σ_S^−½; "monge" is Σ_S^−½ (Σ_S^½ Σ_T Σ_S^½)^½ Σ_S^−½, which moves
    colours least (Pitié and Kokaram 2007).
    """
    if by == "chol":
        lower, goal = (np.linalg.cholesky(matrix) for matrix in (source, target))
        return scipy.linalg.solve_triangular(lower.T, goal.T, lower=False).T
    root = scipy.linalg.sqrtm(source).real
    inverse = np.linalg.inv(root)
    if by == "pca":
        return scipy.linalg.sqrtm(target).real @ inverse
    return inverse @ scipy.linalg.sqrtm(root @ target @ root).real @ inverse


def match(painting: np.ndarray, photo: np.ndarray, *, by: str) -> np.ndarray:
    """A painting with the mean and the covariance of the photograph's colours, clipped to [0, 1].

    Sec. 5.1: x′ = A (x − μ_S) + μ_C, before the transfer.

    Args:
        painting: of any shape; pixels (n, 3) are a region.
        photo: likewise.
        by: see `transform`.

    Returns:
        float32, of the painting's shape.

    Raises:
        InputError: the painting is grey, so that it has no colours to match.
    """
    pixels, goal = (p.reshape(-1, 3).astype(np.float64) for p in (painting, photo))
    source, target = (np.cov(p.T, bias=True) for p in (pixels, goal))
    if np.linalg.eigvalsh(source)[1] < GREY:
        what = "the painting" if painting.ndim == 3 else "a region of the painting"
        raise InputError(f"{what} is grey and has no colours to match; use color=luminance")
    ridge = RIDGE * np.eye(3)
    moved = (pixels - pixels.mean(0)) @ transform(source + ridge, target + ridge, by=by).T
    return np.clip(moved + goal.mean(0), 0, 1).reshape(painting.shape).astype(np.float32)


def prepared(
    photo: np.ndarray,
    paintings: Sequence[np.ndarray],
    *,
    color: str,
    labels: Sequence[np.ndarray] | None = None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Photograph and paintings as the objective gets them with a value of `COLOURS`.

    With `labels` (see `Objective`) colours are matched region by region.
    """
    if color == "luminance":
        return luminance(photo), [as_light_as(painting, photo) for painting in paintings]
    if color == "painting":
        return photo, list(paintings)
    if labels is None:
        return photo, [match(painting, photo, by=color) for painting in paintings]
    own, *others = labels
    matched = [painting.copy() for painting in paintings]
    for painting, there in zip(matched, others, strict=True):
        for region in np.intersect1d(own, there):
            here = there == region
            painting[here] = match(painting[here], photo[own == region], by=color)
    return photo, matched
