"""How alike two pictures are: pixels, structure, edges, VGG's features, and bands of detail."""

import numpy as np
from scipy.ndimage import gaussian_filter, generic_gradient_magnitude, prewitt

from .._tensorflow import tf
from ..errors import InputError
from ..layers import check_sides
from ..pictures.images import as_picture
from ..settings import Settings
from ..weights.backbones import resolve_backbone
from .distances import vgg_features

__all__ = ["band_correlations", "check_pair", "gmsd", "ms_ssim", "rms", "ssim", "vgg_content"]

BANDS = {"detail": (0, 2), "forms": (2, 8), "layout": (8, None)}
"""By name: standard deviations in pixels of the two Gaussians whose difference a band is. The first
holds wavelengths of up to some 4 px, the last those above some 16 px."""

TAPS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
"""Where LPIPS (Zhang et al. 2018) and ArtFID (Wright and Ommer 2022) read VGG-16: relu1_2 to
relu5_3."""

_WINDOW = 11  # pixels, the Gaussian window of SSIM: Wang et al. 2004

# Weights of five scales, fine to coarse: Wang et al. 2003, Sec. 3.2
_SCALES = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def check_pair(a: np.ndarray, b: np.ndarray, *, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures (H, W, 3) in [0, 1], of one shape, their sides of at least `least` pixels.

    Raises:
        InputError: one is no picture or too small, or they differ in shape.
    """
    a, b = as_picture(a), as_picture(b)
    if a.shape != b.shape:
        raise InputError(f"pictures of one shape can be compared, not {a.shape} and {b.shape}")
    height, width = a.shape[:2]
    if min(height, width) < least:
        raise InputError(
            f"the pictures have {width} x {height} pixels; a side needs at least {least} here"
        )
    return a, b


def rms(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square difference of two pictures (H, W, 3) in [0, 1]: 0 to 1.

    Raises:
        InputError: as `check_pair`; so in all that follows.
    """
    a, b = check_pair(a, b)
    return float(np.sqrt(np.mean(np.square(a - b))))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two pictures (H, W, 3) in [0, 1]: 1 for equal ones, else about 0.

    Wang et al. 2004, by `tf.image.ssim` with its constants (Gaussian window of 11 px, σ = 1.5), the
    mean over channels. It knows nothing of what a picture shows: a shift by two pixels costs more
    than a wrong colour.

    Raises:
        InputError: a side has fewer than 11 px.
    """
    a, b = check_pair(a, b, least=_WINDOW)
    return float(tf.image.ssim(a, b, max_val=1.0, filter_size=_WINDOW))


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM over scales of two pictures (H, W, 3) in [0, 1]: 1 for equal ones, at least 0.

    Wang et al. 2003, by `tf.image.ssim_multiscale` with their five scales, each half the one
    before, the mean over channels. A side below 161 px cannot be halved four times and still hold
    the window: there the scales that fit count, their weights divided by their sum. Weakness: as
    for `ssim`, though coarse scales forgive a shift; and values of pictures with different numbers
    of scales cannot be compared.

    Raises:
        InputError: a side has fewer than 11 px.
    """
    a, b = check_pair(a, b, least=_WINDOW)
    # TensorFlow rounds the half of an odd side up.
    fits = [-(-min(a.shape[:2]) // 2**scale) >= _WINDOW for scale in range(len(_SCALES))]
    factors = (_SCALES[fits] / _SCALES[fits].sum()).tolist()
    return float(tf.image.ssim_multiscale(a, b, 1.0, power_factors=factors, filter_size=_WINDOW))


def gmsd(a: np.ndarray, b: np.ndarray) -> float:
    """Gradient magnitude similarity deviation of two pictures (H, W, 3) in [0, 1]: 0 if equal.

    Xue et al. 2014: the standard deviation over all positions of how alike the Prewitt gradients of
    the two are, of their luma at half the size (with edges continued, where the authors' code has
    zeros). Weakness: being a deviation, it stays small where edges are lost evenly all over the
    picture.

    Raises:
        InputError: a side has fewer than 6 px.
    """
    magnitudes = []
    # Three positions, the width of Prewitt's filter, at half the size
    for picture in check_pair(a, b, least=6):
        height, width = (side // 2 for side in picture.shape[:2])
        luma = picture[: 2 * height, : 2 * width] @ np.array([0.299, 0.587, 0.114])  # BT.601
        half = luma.reshape(height, 2, width, 2).mean((1, 3))
        magnitudes.append(generic_gradient_magnitude(half, prewitt, mode="nearest") / 3)
    m, n = magnitudes
    constant = 170 / 255**2  # their 170 is for values in 0..255
    return float(np.std((2 * m * n + constant) / (m**2 + n**2 + constant)))


def vgg_content(
    picture: np.ndarray, photo: np.ndarray, *, backbone: str = Settings.backbone
) -> float:
    """Relative squared difference of VGG features at `TAPS`: 0 if equal, 1 to 2 if unrelated.

    The content term "vgg" of ArtFID (Wright and Ommer 2022), which is the mean over the taps of
    mean (F − P)², but with the term of a tap divided by mean P²: the taps of the raw network differ
    by orders of magnitude. Weakness: features hold texture too, so that brush strokes count as lost
    content; and block4_conv3 is next to the objective's content layer.

    Raises:
        InputError: a side has fewer than 16 px.
    """
    picture, photo = check_pair(picture, photo)
    check_sides(photo.shape, TAPS, what="content")
    name = resolve_backbone(backbone)[0]
    F, P = (vgg_features(image, TAPS, backbone=name) for image in (picture, photo))
    terms = [np.square(F[tap] - P[tap]).sum() / np.square(P[tap]).sum() for tap in TAPS]
    return float(np.mean(terms))


def band_correlations(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Correlation of two pictures (H, W, 3) by band of `BANDS`: 1 if equal, 0 if unrelated."""
    pair = check_pair(a, b)
    correlations = {}
    for name, (low, high) in BANDS.items():
        bands = []
        for picture in pair:
            fine = gaussian_filter(picture, (low, low, 0)) if low else picture
            coarse = gaussian_filter(picture, (high, high, 0)) if high else fine.mean((0, 1))
            bands.append((fine - coarse).ravel().astype(np.float64))
        norms = np.linalg.norm(bands[0]) * np.linalg.norm(bands[1])
        # A flat picture has no band.
        correlations[name] = float(np.dot(*bands) / norms) if norms else 0.0
    return correlations
