"""What generators leave in a picture that is neither photograph nor paint: ripples and spots.

Pictures are float (H, W, 3) in [0, 1] or uint8, RGB. `Generator.spikes` in cyclegan/generators
shows where spots come from, in the network.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial import ConvexHull

from ..errors import InputError
from ..pictures.colour import LUMA
from ..pictures.images import as_picture

__all__ = ["REGION", "outliers", "ripple", "spots", "waves"]

REGION = 8
"""Side in pixels of the regions whose mean colour counts."""

SIDE = 32  # of a window, in pixels: a wave of 4 px has 8 periods in it
WAVE, BESIDE = 8, (6, 10)  # bins; through a Hann window a wave reaches one bin to each side
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # down, right

ROUNDING = SIDE**2 * (3 / 8) ** 2 / 12
"""Power in each bin that rounding to 8 bits adds: a variance of 1/12 and the window's mean square,
3/8 for each of its two sides."""

# The colours that are rounded to one of 8 bits, around it. With them no hull is flat.
CUBE = np.array(list(itertools.product((-0.5, 0.5), repeat=3))) / 255


def _pair(picture: np.ndarray, photo: np.ndarray, least: int) -> list[np.ndarray]:
    pair = [as_picture(picture), as_picture(photo, "the photograph")]
    if pair[0].shape != pair[1].shape:
        raise InputError(
            f"picture and photograph must have one shape, not {pair[0].shape} and {pair[1].shape}"
        )
    height, width = pair[0].shape[:2]
    if min(height, width) < least:
        raise InputError(f"a picture of {width} x {height} px is too small; its sides need {least}")
    return pair


def _windows(picture: np.ndarray) -> np.ndarray:
    """Luminance in 1/255 of windows that overlap by half, (n, SIDE, SIDE)."""
    return _cut(255 * (picture @ LUMA))


def _cut(values: np.ndarray) -> np.ndarray:
    """Windows of values (H, W) that overlap by half, (n, SIDE, SIDE)."""
    step = SIDE // 2
    windows = np.lib.stride_tricks.sliding_window_view(values, (SIDE, SIDE))[::step, ::step]
    return windows.reshape(-1, SIDE, SIDE)


def _peaks(windows: np.ndarray, least: float = ROUNDING) -> np.ndarray:
    """How far a wave of 4 px stands out along each of the `DIRECTIONS`, at least 1.

    `least` is the power that each bin has at least.
    """
    hann = np.hanning(SIDE + 1)[:-1]
    flat = (windows - windows.mean((1, 2), keepdims=True)) * np.outer(hann, hann)
    power = np.log(np.abs(np.fft.fft2(flat)) ** 2 + least).mean(0)
    own, *others = (
        np.array([power[bin * down, bin * right] for down, right in DIRECTIONS])
        for bin in (WAVE, *BESIDE)
    )
    return np.exp(np.maximum(own - np.mean(others, axis=0), 0))


def ripple(picture: np.ndarray, photo: np.ndarray) -> float:
    """How far waves of 4 px stand out in the calm places of a photograph; 1 is as in itself.

    Two upsamplings by 2 leave such waves: Odena et al. 2016 (doi 10.23915/distill.00003). The peak
    along a direction is the power at 8 periods in a Hann window of 32 px over the geometric mean of
    the powers at 6 and 10, which a broad texture raises alike, and at least 1. The directions are
    rows, columns and both diagonals; powers are geometric means over the third of the windows in
    which the photograph's luminance deviates least. The result is the largest quotient of the
    picture's peak and the photograph's.

    Chance has its part: blur, broad textures, strokes and noise in eight bundled photographs at
    256 px gave 0.9 to 1.5, a wave with an amplitude of 4/255 at least 7. Weakness: what a wave
    gives depends on how calm the photograph is, so that only pictures of one photograph can be
    compared; strong strokes of some pixels' width hide a wave; real stripes of 4 px count.

    Raises:
        InputError: a picture that is none, two shapes, or a side below 32 px.
    """
    pair = [_windows(p) for p in _pair(picture, photo, SIDE)]
    deviation = pair[1].std((1, 2))
    calm = deviation <= np.quantile(deviation, 1 / 3)
    made, own = (_peaks(windows[calm]) for windows in pair)
    return float((made / own).max())


def waves(values: np.ndarray) -> float:
    """How far waves of 4 px stand out in values (H, W) or (H, W, 3), as a gradient's; at least 1.

    It is the largest peak of `ripple` over the four directions, of all windows and without the
    quotient: the power of such a wave over that of its neighbours. White noise has 1 but for chance
    (up to 1.2 at 256 px).

    Raises:
        InputError: other values than these, a value that is not finite, or a side below 32.
    """
    values = np.asarray(values, np.float64)
    if values.ndim not in (2, 3) or min(values.shape[:2]) < SIDE or not np.isfinite(values).all():
        raise InputError(f"give finite values (H, W) or (H, W, 3) with sides of at least {SIDE}")
    grey = values if values.ndim == 2 else values.mean(-1)
    tiny = 1e-12 * max(float(grey.var()), np.finfo(float).tiny)
    return float(_peaks(_cut(grey), tiny).max())


def _means(picture: np.ndarray) -> np.ndarray:
    """Mean colours of the whole regions, float64 (H // REGION, W // REGION, 3)."""
    rows, columns = (side // REGION for side in picture.shape[:2])
    parts = picture[: rows * REGION, : columns * REGION].astype(np.float64)
    return parts.reshape(rows, REGION, columns, REGION, 3).mean((1, 3))


def _beyond(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How far colours (…, 3) are outside the hull of `known` (n, 3); inside it is negative."""
    planes = ConvexHull((known[:, None] + CUBE).reshape(-1, 3)).equations
    return (colours @ planes[:, :3].T + planes[:, 3]).max(-1)


def _table(values: np.ndarray, limit: float, name: str) -> pd.DataFrame:
    """The regions whose value is beyond the limit, the largest first."""
    rows, columns = np.nonzero(values > limit)
    found = {"top": rows * REGION, "left": columns * REGION, name: values[rows, columns]}
    return pd.DataFrame(found).sort_values(name, ascending=False, ignore_index=True)


def spots(picture: np.ndarray, photo: np.ndarray, paintings: Sequence[np.ndarray]) -> pd.DataFrame:
    """The regions of a picture whose colours neither photograph nor paintings explain.

    A region's mean colour is compared with the convex hull, in RGB, of the means of all regions of
    photograph and paintings, each with the colours that 8 bits round to it. It counts where it is
    farther outside than any region of a painting is outside the hull of the photograph and the
    other paintings; with one painting, where it is outside at all. Distances are to the farthest of
    the planes that it is beyond, at most the Euclidean distance.

    Weakness: a hull of several bright paintings holds most colours. A dark orange spot is inside it
    wherever it is; see `outliers`.

    Args:
        picture: what a generator made.
        photo: what it was made of, of the same shape.
        paintings: at least one, at the size at which their strokes count.

    Returns:
        A row for each region, the worst first: `top` and `left` in pixels, `excess`, the distance
        from the hull in units of the channels' 0..1.

    Raises:
        InputError: no painting, a picture that is none, two shapes, or a side below 8 px.
    """
    if not len(paintings):
        raise InputError("there is no painting to compare colours with; give at least one")
    made, own = (_means(p) for p in _pair(picture, photo, REGION))
    checked = [as_picture(p, f"painting {i}") for i, p in enumerate(paintings, 1)]
    if min(side for painting in checked for side in painting.shape[:2]) < REGION:
        raise InputError(f"a painting is too small; its sides need {REGION} px")
    parts = [_means(p).reshape(-1, 3) for p in checked]
    own, tolerance = own.reshape(-1, 3), 0.0
    for i, part in enumerate(parts if len(parts) > 1 else ()):
        others = np.concatenate([own, *parts[:i], *parts[i + 1 :]])
        tolerance = max(tolerance, float(_beyond(part, others).max()))
    return _table(_beyond(made, np.concatenate([own, *parts])), tolerance, "excess")


def outliers(picture: np.ndarray, photo: np.ndarray, *, limit: float = 5.0) -> pd.DataFrame:
    """The regions of a picture whose colours do not follow from the photograph's as elsewhere.

    The colours of the picture's regions are fitted by an affine map of the photograph's (least
    squares). A region's distance from the fit is measured from the median of all, in units of
    1.4826 times the median absolute deviation, which is σ of a Gaussian.

    Weakness: objects that a generator paints in colours of their own count like spots.

    Returns:
        A row for each region beyond `limit`, the worst first: `top`, `left`, `deviations`.

    Raises:
        InputError: a picture that is none, two shapes, or a side below 8 px.
    """
    made, own = (_means(p) for p in _pair(picture, photo, REGION))
    terms = np.concatenate([own, np.ones((*own.shape[:2], 1))], axis=-1).reshape(-1, 4)
    goal = made.reshape(-1, 3)
    apart = np.linalg.norm(goal - terms @ np.linalg.lstsq(terms, goal)[0], axis=1)
    apart -= np.median(apart)
    unit = max(1.4826 * np.median(np.abs(apart)), 0.5 / 255)  # rounding to 8 bits is no spot
    return _table((apart / unit).reshape(made.shape[:2]), limit, "deviations")
