"""Yardsticks that are not the objective: how far two pictures are apart, and what one keeps of the other.

No method that is compared by `YARDSTICKS` minimises one of them. But four of those of style and one of content look
through VGG, if at other layers than the objective, which favours methods with a loss on its features over those without
(CycleGAN). "patch Wasserstein" looks through no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, generic_gradient_magnitude, prewitt

from ._tensorflow import tf
from .distributions import StyleReference, hellinger, rgb_uv_histogram, vgg_features
from .errors import InputError
from .images import as_picture
from .objective import Objective
from .settings import Settings
from .vgg import check_sides
from .backbones import resolve_backbone

__all__ = [
    *("BANDS", "TAPS", "YARDSTICKS", "Yardstick", "band_correlations", "compare", "gmsd", "ms_ssim", "rms", "shares"),
    *("scales", "ssim", "table", "vgg_content"),
]

BANDS = {"detail": (0, 2), "forms": (2, 8), "layout": (8, None)}
"""By name: standard deviations in pixels of the two Gaussians whose difference a band is. The first holds wavelengths
of up to some 4 px, the last those above some 16 px."""

TAPS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
"""Where LPIPS (Zhang et al. 2018) and ArtFID (Wright and Ommer 2022) read VGG-16: relu1_2 to relu5_3."""

_WINDOW = 11  # pixels, the Gaussian window of SSIM: Wang et al. 2004
_MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of five scales, fine to coarse: Wang et al. 2003, Sec. 3.2


def _pair(a: np.ndarray, b: np.ndarray, *, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    a, b = as_picture(a), as_picture(b)
    if a.shape != b.shape:
        raise InputError(f"pictures of one shape can be compared, not {a.shape} and {b.shape}")
    if min(a.shape[:2]) < least:
        raise InputError(f"the pictures have {a.shape[1]} x {a.shape[0]} pixels; a side needs at least {least} here")
    return a, b


def rms(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square difference of two pictures (H, W, 3) in [0, 1]: 0 to 1.

    Raises:
        InputError: one is no picture, or they differ in shape; so in all that follows.
    """
    a, b = _pair(a, b)
    return float(np.sqrt(np.mean(np.square(a - b))))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity of two pictures (H, W, 3) in [0, 1]: 1 for equal ones, about 0 for unrelated ones.

    Wang et al. 2004, by `tf.image.ssim` with its constants (Gaussian window of 11 px, σ = 1.5), the mean over channels.
    It knows nothing of what a picture shows: a shift by two pixels costs more than a wrong colour.

    Raises:
        InputError: a side has fewer than 11 px.
    """
    a, b = _pair(a, b, least=_WINDOW)
    return float(tf.image.ssim(a, b, max_val=1.0, filter_size=_WINDOW))


def scales(shape: tuple[int, ...]) -> int:
    """How many of `ms_ssim`'s five scales a picture of that shape (H, W, …) has."""
    # TensorFlow rounds the half of an odd side up.
    return sum(-(-min(shape[:2]) // 2**scale) >= _WINDOW for scale in range(len(_MS_WEIGHTS)))


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM over scales of two pictures (H, W, 3) in [0, 1], each half the one before: 1 for equal ones, least 0.

    Wang et al. 2003, by `tf.image.ssim_multiscale` with their five scales, the mean over channels. A side below 161 px
    cannot be halved four times and still hold the window: there the scales that fit count, their weights divided by
    their sum. Weakness: as for `ssim`, though coarse scales forgive a shift; and values of pictures with different
    numbers of `scales` cannot be compared.

    Raises:
        InputError: a side has fewer than 11 px.
    """
    a, b = _pair(a, b, least=_WINDOW)
    weights = np.array(_MS_WEIGHTS[: scales(a.shape)])
    weights = weights / weights.sum()
    return float(tf.image.ssim_multiscale(a, b, max_val=1.0, power_factors=weights.tolist(), filter_size=_WINDOW))


def gmsd(a: np.ndarray, b: np.ndarray) -> float:
    """Gradient magnitude similarity deviation of two pictures (H, W, 3) in [0, 1]: 0 for equal ones, larger is worse.

    Xue et al. 2014: the standard deviation over all positions of how alike the Prewitt gradients of the two are, of
    their luma at half the size (with edges continued, where the authors' code has zeros). Weakness: being a deviation,
    it stays small where edges are lost evenly all over the picture.

    Raises:
        InputError: a side has fewer than 6 px.
    """
    magnitudes = []
    for picture in _pair(a, b, least=6):  # three positions, the width of Prewitt's filter, at half the size
        height, width = (side // 2 for side in picture.shape[:2])
        luma = picture[: 2 * height, : 2 * width] @ np.array([0.299, 0.587, 0.114])  # BT.601
        half = luma.reshape(height, 2, width, 2).mean((1, 3))
        magnitudes.append(generic_gradient_magnitude(half, prewitt, mode="nearest") / 3)
    constant = 170 / 255**2  # their 170 is for values in 0..255
    similarity = (2 * magnitudes[0] * magnitudes[1] + constant) / (np.square(magnitudes).sum(0) + constant)
    return float(similarity.std())


def vgg_content(picture: np.ndarray, photo: np.ndarray, *, backbone: str = Settings.backbone) -> float:
    """Relative squared difference of VGG features at `TAPS`: 0 for the photograph, 1 to 2 for unrelated pictures.

    The content term "vgg" of ArtFID (Wright and Ommer 2022), which is the mean over the taps of mean (F − P)², but with
    each tap divided by mean P²: the taps of the raw network differ by orders of magnitude. Weakness: features hold
    texture too, so that brush strokes count as lost content; and block4_conv3 is next to the objective's content layer.

    Args:
        picture: float (H, W, 3) in [0, 1].
        photo: what it shows, likewise and of the same shape.
        backbone: see `Settings`.

    Raises:
        InputError: the shapes differ, or a side has fewer than 16 px.
    """
    pair = _pair(picture, photo)
    check_sides(pair[0].shape, TAPS, what="content")
    found, target = (vgg_features(each, TAPS, backbone=resolve_backbone(backbone)[0]) for each in pair)
    return float(np.mean([np.square(found[tap] - target[tap]).sum() / np.square(target[tap]).sum() for tap in TAPS]))


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


@dataclass(frozen=True)
class Yardstick:
    """What a reader of `compare` must know of a column.

    Attributes:
        kind: what it measures.
        better: which values are better, if one wants that kind kept or reached.
        source: where it comes from.
        weakness: what it does not see, or sees wrongly.
    """

    kind: Literal["content", "style", "colour"]
    better: Literal["higher", "lower"]
    source: str
    weakness: str


_THROUGH_VGG = "favours methods with a loss on VGG's features"

YARDSTICKS = MappingProxyType(
    {
        "VGG content": Yardstick(
            "content", "lower", "ArtFID's term: Wright and Ommer 2022", "counts brush strokes as lost content"
        ),
        "SSIM": Yardstick(
            "content", "higher", "Wang et al. 2004", "a shift by two pixels costs more than wrong colours"
        ),
        "MS-SSIM": Yardstick("content", "higher", "Wang et al. 2003", "fewer scales, other values, below 161 px"),
        "GMSD": Yardstick("content", "lower", "Xue et al. 2014", "edges lost evenly everywhere cost little"),
        "sliced Wasserstein": Yardstick(
            "style",
            "lower",
            "Rabin et al. 2011, Heitz et al. 2021",
            f"random directions dilute what differs along a few; {_THROUGH_VGG}",
        ),
        "mean and deviation": Yardstick(
            "style",
            "lower",
            "Li et al. 2017, Huang and Belongie 2017",
            f"blind to which filters fire together; {_THROUGH_VGG}",
        ),
        "squared MMD": Yardstick(
            "style",
            "lower",
            "Gretton et al. 2012",
            f"one width of kernel: blind to finer differences, saturates for large; {_THROUGH_VGG}",
        ),
        "VGG-SIFID": Yardstick(
            "style",
            "lower",
            "Shaham et al. 2019, on VGG",
            f"Gaussians alone; not comparable with published SIFID; {_THROUGH_VGG}",
        ),
        "patch Wasserstein": Yardstick(
            "style",
            "lower",
            "Karras et al. 2018",
            "sees textures of 7 to 28 px at 256 px, whatever they are a picture of",
        ),
        "RGB-uv to paintings": Yardstick("colour", "lower", "Afifi et al. 2021", "blind to lightness"),
        "RGB-uv to photograph": Yardstick("colour", "lower", "Afifi et al. 2021", "blind to lightness"),
    }
)
"""The columns of `compare`, in their order."""


def compare(pictures: Mapping[str, np.ndarray], photo: np.ndarray, style: StyleReference) -> pd.DataFrame:
    """Pictures that different methods made of one photograph: a row for each, the columns those of `YARDSTICKS`.

    Args:
        pictures: by method, each of the photograph's shape. Two more tell what the numbers are worth: a copy of the
            photograph, and a painting resized to its shape.
        photo: float (H, W, 3) in [0, 1].
        style: what their style and colours are measured against; its backbone serves "VGG content" too.

    Raises:
        InputError: a picture of another shape, or one too small for one of the yardsticks.
    """
    colours = rgb_uv_histogram(photo)
    rows = [
        {
            "VGG content": vgg_content(picture, photo, backbone=style.backbone),
            "SSIM": ssim(picture, photo),
            "MS-SSIM": ms_ssim(picture, photo),
            "GMSD": gmsd(picture, photo),
            **style.distances(picture),
            "RGB-uv to photograph": hellinger(rgb_uv_histogram(picture), colours),
        }
        for picture in pictures.values()
    ]
    return pd.DataFrame(rows, index=list(pictures), columns=list(YARDSTICKS))
