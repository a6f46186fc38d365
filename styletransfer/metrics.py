"""Yardsticks that are not the objective: how far two pictures are apart, and what one keeps of the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from ._tensorflow import tf
from .errors import InputError
from .objective import Objective

__all__ = ["BANDS", "band_correlations", "rms", "shares", "ssim", "table"]

BANDS = {"detail": (0, 2), "forms": (2, 8), "layout": (8, None)}
"""By name: standard deviations in pixels of the two Gaussians whose difference a band is. The first holds wavelengths
of up to some 4 px, the last those above some 16 px."""


def _pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if a.shape != b.shape:
        raise InputError(f"pictures of one shape can be compared, not {a.shape} and {b.shape}")
    return a, b


def rms(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square difference of two pictures (H, W, 3) in [0, 1]: 0 to 1.

    Raises:
        InputError: they differ in shape, here and in all that follows.
    """
    a, b = _pair(a, b)
    return float(np.sqrt(np.mean(np.square(a - b))))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two pictures (H, W, 3) in [0, 1]: 1 for equal ones, about 0 for unrelated ones.

    Wang et al. 2004, by `tf.image.ssim` with its constants (Gaussian window of 11 px, σ = 1.5), the mean over channels.
    It knows nothing of what a picture shows: a shift by two pixels costs more than a wrong colour.
    """
    a, b = _pair(a, b)
    return float(tf.image.ssim(a, b, max_val=1.0))


def band_correlations(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Correlation of two pictures (H, W, 3) in each of `BANDS`: 1 for equal ones, 0 for unrelated ones."""
    found = {}
    for name, (low, high) in BANDS.items():
        bands = []
        for picture in _pair(a, b):
            fine = gaussian_filter(picture, (low, low, 0)) if low else picture
            band = fine - gaussian_filter(picture, (high, high, 0)) if high else fine - fine.mean((0, 1))
            bands.append(band.ravel().astype(np.float64))
        norms = np.linalg.norm(bands[0]) * np.linalg.norm(bands[1])
        found[name] = float(np.dot(*bands) / norms) if norms else 0.0  # a flat picture has no band
    return found


def table(pictures: Mapping[str, np.ndarray], target: np.ndarray) -> pd.DataFrame:
    """Each picture against one: a row for each, with `rms` ("pixels"), `ssim` ("SSIM") and `band_correlations`."""
    rows = {
        name: {"pixels": rms(picture, target), "SSIM": ssim(picture, target), **band_correlations(picture, target)}
        for name, picture in pictures.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def shares(pictures: Mapping[str, np.ndarray], target: np.ndarray, **options: Any) -> pd.DataFrame:
    """Each picture's loss at each layer, as a share of that of white noise: 0 where it has all that the target has.

    Args:
        pictures: by name, of the target's shape.
        target: what content or style is taken from, float (H, W, 3) in [0, 1].
        options: of `Objective`; either `content_layers` or `style_layers` must be given, and only those are compared.

    Raises:
        InputError: both kinds of layers, or neither.
    """
    given = [name for name in ("content_layers", "style_layers") if options.get(name)]
    if len(given) != 1:
        raise InputError("give either content_layers or style_layers, so that there is one thing to compare")
    kind = given[0].removesuffix("_layers")
    objective = Objective(target, target, **{"content_layers": (), "style_layers": (), **options})
    noise = np.random.default_rng(0).random(target.shape, dtype=np.float32)
    unit = objective(noise).layers[kind]
    rows = {
        name: {layer: loss / unit[layer] for layer, loss in objective(picture).layers[kind].items()}
        for name, picture in pictures.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
