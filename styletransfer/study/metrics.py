"""Yardsticks that are not the objective: how far two pictures are apart, what one keeps of another.

No method that is compared by `YARDSTICKS` minimises one of them. The first three come from networks
that nothing in this project minimises (`judge.py`): what is called better here is better by them.
Five of the others of style and one of content look through the objective's own VGG, if at other
layers, which favours methods with a loss on its features over those without (CycleGAN). "patch
Wasserstein" looks through no network.
"""

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..errors import InputError
from ..objective import Objective
from ..weights.backbones import networks
from .distances import StyleReference, rgb_uv_histogram
from .distributions import hellinger
from .judge import lpips, style_distances
from .similarity import band_correlations, check_pair, gmsd, ms_ssim, rms, ssim, vgg_content

__all__ = ["YARDSTICKS", "Yardstick", "compare", "shares", "table"]

log = logging.getLogger("styletransfer")


def table(pictures: Mapping[str, np.ndarray], target: np.ndarray) -> pd.DataFrame:
    """Pictures against one: a row each of `rms` ("pixels"), `ssim` ("SSIM"), `band_correlations`.

    Args:
        pictures: float (H, W, 3) in [0, 1] by name, of the target's shape.
        target: what they are compared with.

    Raises:
        InputError: a picture of another shape, or a side of fewer than 11 px.
    """
    rows = [
        {"pixels": rms(picture, target), "SSIM": ssim(picture, target)}
        | band_correlations(picture, target)
        for picture in pictures.values()
    ]
    return pd.DataFrame(rows, index=list(pictures))


def shares(pictures: Mapping[str, np.ndarray], target: np.ndarray, **options: Any) -> pd.DataFrame:
    """Losses of pictures by layer, as shares of white noise's: 0 for all that the target has.

    Args:
        pictures: by name, of the target's shape.
        target: what content or style is taken from, float (H, W, 3) in [0, 1].
        options: of `Objective`; either `content_layers` or `style_layers` must be given, and only
            those are compared.

    Raises:
        InputError: both kinds of layers, or neither.
    """
    kinds = [kind for kind in ("content", "style") if options.get(f"{kind}_layers")]
    if len(kinds) != 1:
        raise InputError(
            "give either content_layers or style_layers, so that there is one thing to compare"
        )
    layers: dict[str, Any] = {"content_layers": (), "style_layers": ()}
    objective = Objective(target, target, **(layers | options))
    noise = np.random.default_rng(0).random(target.shape, dtype=np.float32)
    unit = objective(noise).layers[kinds[0]]
    losses = [objective(picture).layers[kinds[0]] for picture in pictures.values()]
    return pd.DataFrame(losses, index=list(pictures), columns=list(unit)) / pd.Series(unit)


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


_VGG = "favours methods with a loss on VGG's features"
_JUDGE = "through a network that nothing here minimises"
_STROKES = "counts brush strokes as lost content"

_content = functools.partial(Yardstick, "content")
_style = functools.partial(Yardstick, "style", "lower")
_colour = functools.partial(Yardstick, "colour", "lower")

YARDSTICKS: Mapping[str, Yardstick] = MappingProxyType(
    {
        "lpips-vgg": _content("lower", f"Zhang et al. 2018, VGG-16; {_JUDGE}", _STROKES),
        "lpips-alex": _content("lower", f"Zhang et al. 2018, AlexNet; {_JUDGE}", _STROKES),
        "style distance": _style(
            f"Gram matrices of Gatys et al. 2016, relative to the photograph's distance; {_JUDGE}",
            "a jumble of the painting's pieces has 0, too",
        ),
        "VGG content": _content("lower", "ArtFID's term: Wright and Ommer 2022", _STROKES),
        "SSIM": _content(
            "higher", "Wang et al. 2004", "a shift by two pixels costs more than wrong colours"
        ),
        "MS-SSIM": _content(
            "higher", "Wang et al. 2003", "fewer scales, other values, below 161 px"
        ),
        "GMSD": _content("lower", "Xue et al. 2014", "edges lost evenly everywhere cost little"),
        "sliced Wasserstein": _style(
            "Rabin et al. 2011, Heitz et al. 2021",
            f"random directions dilute what differs along a few; {_VGG}",
        ),
        "mean and deviation": _style(
            "Li et al. 2017, Huang and Belongie 2017",
            f"blind to which filters fire together; {_VGG}",
        ),
        "squared MMD": _style(
            "Gretton et al. 2012",
            f"one width of kernel: blind to finer differences, saturates for large; {_VGG}",
        ),
        "VGG-SIFID": _style(
            "Shaham et al. 2019, on VGG",
            f"Gaussians alone; not comparable with published SIFID; {_VGG}",
        ),
        "relaxed EMD": _style(
            "Kolkin et al. 2019", f"blind to how often something occurs, and how strongly; {_VGG}"
        ),
        "patch Wasserstein": _style(
            "Karras et al. 2018",
            "sees textures of 7 to 28 px at 256 px, whatever they are a picture of",
        ),
        "RGB-uv to paintings": _colour("Afifi et al. 2021", "blind to lightness"),
        "RGB-uv to photograph": _colour("Afifi et al. 2021", "blind to lightness"),
    }
)
"""The columns of `compare`, in their order."""


def compare(
    pictures: Mapping[str, np.ndarray], photo: np.ndarray, style: StyleReference
) -> pd.DataFrame:
    """Pictures that methods made of one photograph: a row for each, the columns `YARDSTICKS`.

    Args:
        pictures: by method, of the photograph's shape. Two more tell what the numbers are worth: a
            copy of the photograph, and a painting resized to its shape.
        photo: float (H, W, 3) in [0, 1].
        style: what their style and colours are measured against; its backbone serves "VGG content"
            too.

    Returns:
        The table; where the judge's networks are not here, its three columns are NaN, which the log
        says once.

    Raises:
        InputError: a picture of another shape, or one too small for one of the yardsticks.
    """
    colours = rgb_uv_histogram(photo)
    judged = _judged(list(pictures.values()), photo, style)
    rows = [
        {
            **verdict,
            "VGG content": vgg_content(picture, photo, backbone=style.backbone),
            "SSIM": ssim(picture, photo),
            "MS-SSIM": ms_ssim(picture, photo),
            "GMSD": gmsd(picture, photo),
            **style.distances(picture),
            "RGB-uv to photograph": hellinger(rgb_uv_histogram(picture), colours),
        }
        for picture, verdict in zip(pictures.values(), judged, strict=True)
    ]
    return pd.DataFrame(rows, index=list(pictures), columns=list(YARDSTICKS))


def _judged(
    pictures: Sequence[np.ndarray], photo: np.ndarray, style: StyleReference
) -> list[dict[str, float]]:
    """What the judge says of the pictures; nothing where its networks are not here."""
    if not networks()["judge"].here:
        _say_once(
            "The judge's networks are not here, so its yardsticks are left out; --fetch judge gets "
            "them."
        )
        return [{} for _ in pictures]
    for picture in pictures:
        check_pair(picture, photo)
    fitted = [style.fit(picture) for picture in pictures]
    distances = style_distances(fitted, style.paintings, style.fit(photo))
    return [
        {f"lpips-{net}": lpips(picture, photo, net=net) for net in ("vgg", "alex")}
        | {"style distance": distance}
        for picture, distance in zip(pictures, distances, strict=True)
    ]


@functools.cache
def _say_once(message: str) -> None:
    log.warning(message)
