"""Regions and mixtures: what takes its style from which painting, or part of one.

Gatys et al. 2017 (arXiv 1611.07865), Sec. 4. Labels say for every pixel, int (H, W), the number of
its region, from 0; in a painting −1 says that it is in none. Guides say the same of the positions
of a layer, one map for each region, bool (R, H, W). They are never grey: along the border of soft
ones no style would have its full weight.
"""

from collections.abc import Sequence

import numpy as np
from scipy.cluster.vq import ClusterError, kmeans2, vq
from scipy.ndimage import maximum_filter

from .errors import InputError, log
from .layers import CONVOLUTIONS, block_of, receptive_field
from .network import loss_network
from .pictures.images import encode, fit, resize
from .pictures.sources import Source
from .settings import MOST_REGIONS
from .weights.convolutions import Weights

MATCH_LAYER, MATCH_SIZE = "block4_conv1", 256
"""The layer whose features are matched, and the long side in pixels of the pictures then."""

MIDDLE = 1 / 8
"""Of a receptive field's side: with "middle" the quarter in its middle lies in the region."""

LEAST_SHARE = 0.05  # of the photograph and of a painting, below which a cluster is no region


def labelled(masks: Sequence[Source], shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """The labels that label pictures stand for, each at its own size.

    Args:
        masks: of the photograph, then of each painting. Every colour of the first is a region, in
            the order of their values; other colours of the paintings are none. One that has a
            single colour fits every picture.
        shapes: of the photograph and of each painting, (H, W, …).

    Raises:
        InputError: not one for each picture, other proportions than the picture's, too many
            colours, a photograph with a single one, or a region of it that no painting has.
    """
    if len(masks) != len(shapes):
        raise InputError(
            f"there are {len(masks) - 1} label pictures for {len(shapes) - 1} paintings, besides "
            "the photograph's; give each painting one, or a colour"
        )
    codes = [encode(mask.picture).astype(np.int64) @ (65536, 256, 1) for mask in masks]
    for mask, code, shape in zip(masks, codes, shapes, strict=True):
        colours, (height, width) = len(np.unique(code)), code.shape
        if colours > MOST_REGIONS:
            raise InputError(
                f"the label picture {mask.label} has {colours} colours; give every region one, at "
                f"most {MOST_REGIONS} (edges that are smoothed have more, and so has a JPEG)"
            )
        if colours > 1 and np.abs(np.subtract(fit(shape, max(code.shape)), code.shape)).max() > 1:
            raise InputError(
                f"the label picture {mask.label} has {width} x {height} pixels, and its picture "
                f"{shape[1]} x {shape[0]}; give both the same proportions"
            )
    photo, *paintings = codes
    regions = np.unique(photo)
    if len(regions) < 2:
        raise InputError(f"the label picture {masks[0].label} has one colour; it divides nothing")
    for region in regions:
        if not any((painting == region).any() for painting in paintings):
            raise InputError(
                f"no painting has the region #{region:06x} of {masks[0].label}; use this colour in "
                "a painting's label picture, or name it in place of one"
            )
    numbers = [np.searchsorted(regions, code) for code in codes]
    return [np.where(np.isin(c, regions), n, -1) for c, n in zip(codes, numbers, strict=True)]


def matched(
    photo: np.ndarray, paintings: Sequence[np.ndarray], *, regions: int, weights: Weights
) -> list[np.ndarray]:
    """Labels of the photograph and of each painting in which what looks alike has one number.

    k-means of VGG's features, of all pictures together. The features of a picture are standardised
    first, filter by filter: otherwise clusters would separate the photograph from the painting. A
    cluster that hardly occurs in the photograph, or in no painting, goes to its next neighbours, so
    that there may be fewer than `regions`. The same pictures give the same labels.

    Raises:
        InputError: fewer than two regions are left.
    """
    network = loss_network(weights, (MATCH_LAYER,), pooling="avg", padding="replicate")
    found = []
    for picture in (photo, *paintings):
        small = resize(picture, fit(picture.shape, MATCH_SIZE))
        features = network(small[None])[MATCH_LAYER][0].numpy()
        found.append((features - features.mean((0, 1))) / (features.std((0, 1)) + 1e-6))
    rows = np.concatenate([features.reshape(-1, features.shape[-1]) for features in found])
    try:
        centres, _ = kmeans2(rows, regions, iter=50, minit="++", missing="raise", seed=0)
    except ClusterError:
        raise InputError(f"the pictures do not have {regions} regions; give fewer") from None
    numbers = [_nearest(features, centres) for features in found]
    shares = [np.bincount(n.ravel(), minlength=regions) / n.size for n in numbers]
    common = np.minimum(shares[0], np.max(shares[1:], axis=0)) >= LEAST_SHARE
    if common.sum() < 2:
        raise InputError(
            "photograph and painting have no two regions in common; draw label pictures"
        )
    return [_nearest(features, centres[common]) for features in found]


def _nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number (H, W) of the centre that each position of features (H, W, N) is next to."""
    return vq(features.reshape(-1, features.shape[-1]), centres)[0].reshape(features.shape[:2])


def resized(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Labels at another size (H, W): a pixel goes to the region that it has most of."""
    numbers = np.arange(-1, labels.max() + 1)
    shares = resize((labels[..., None] == numbers).astype(np.float32), shape)
    return numbers[shares.argmax(-1)]


def carried(
    labels: np.ndarray, layer: str, *, regions: int, guide: str, architecture: str
) -> np.ndarray:
    """A layer's guides, bool (R, H', W'), from a picture's labels (H, W).

    Sec. 4.1 has three ways. With "simple" a position is in the region that has most of the pixels
    it stands for; with "inside" in that which has all the pixels it sees (its receptive field), or
    else in none; with "all" in every one of which it sees a pixel. "middle" lies between the first
    two: as "simple", but pixels nearer to another region than `MIDDLE` of the receptive field are
    in none. What a position sees at the rim of its receptive field hardly moves it (Luo et al.
    2016, arXiv 1701.04128).
    """
    numbers = np.arange(regions)[:, None, None]
    maps = labels == numbers
    if guide == "all":
        return _seen(maps, layer, architecture)
    if guide == "inside":
        return ~_seen(~maps, layer, architecture)
    if guide == "middle":
        width = 2 * int(MIDDLE * receptive_field(layer, architecture)) + 1
        maps = ~maximum_filter(~maps, (1, width, width), mode="nearest")
    parts = np.concatenate([maps, ~maps.any(0, keepdims=True)]).astype(np.float64)
    for _ in range(1, block_of(layer)):
        parts = _fours(parts).mean((2, 4))
    return parts.argmax(0) == numbers


def _seen(maps: np.ndarray, layer: str, architecture: str) -> np.ndarray:
    """Which of a layer's positions see a pixel of maps, bool (R, H, W).

    Each convolution sees one position further, and each pooling makes one of four. What lies beyond
    the border is a copy of what lies before it (`Settings.padding`), or nothing.
    """
    block = block_of(layer)
    for at in range(1, block + 1):
        count = CONVOLUTIONS[architecture][at - 1] if at < block else int(layer[-1])
        maps = maximum_filter(maps, (1, 2 * count + 1, 2 * count + 1), mode="nearest")
        if at < block:
            maps = _fours(maps).max((2, 4))
    return maps


def _fours(maps: np.ndarray) -> np.ndarray:
    """Maps (R, H, W) cut into squares of four, (R, H/2, 2, W/2, 2); an odd last one is left out."""
    count, height, width = maps.shape
    even = maps[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(count, height // 2, 2, width // 2, 2)


def guiding(
    labels: Sequence[np.ndarray],
    layers: Sequence[str],
    weights: Sequence[np.ndarray],
    *,
    guide: str,
    architecture: str,
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """The guides of every picture, and with what weights paintings are a region's style.

    Args:
        labels: of the photograph and of each painting.
        layers: those of the style.
        weights: of the paintings, (paintings,) for each layer.
        guide: see `carried`.
        architecture: the network's.

    Returns:
        For each picture the guides of all layers, and for each layer weights (paintings, R). Where
        a region has no position in the photograph, or in no painting that counts, none of the
        guides has one: the layer is left out there, and the log says so.
    """
    regions = 1 + max(int(one.max()) for one in labels)
    guides = [
        [
            carried(one, layer, regions=regions, guide=guide, architecture=architecture)
            for layer in layers
        ]
        for one in labels
    ]
    found, left_out = [], []
    for number, layer in enumerate(layers):
        there = np.array([maps[number].any((1, 2)) for maps in guides])
        shares = weights[number][:, None] * there[1:]
        empty = ~there[0] | ~shares.any(0)
        shares[:, empty] = 1
        for maps in guides:
            maps[number][empty] = False
        left_out += [f"{region + 1} at {layer}" for region in np.flatnonzero(empty)]
        found.append(shares)
    if left_out:
        height, width = labels[0].shape
        log.warning(
            "At %d x %d px no style is asked of the region %s: it is too small there.",
            width,
            height,
            ", ".join(left_out),
        )
    return guides, found


def mixing(mix: Sequence[float] | None, *, paintings: int, layers: int) -> np.ndarray:
    """The weights (layers, paintings) of several paintings that `Settings.mix` stands for.

    Raises:
        InputError: it has neither one for each painting nor one for each in every style layer, or
            leaves a layer without a painting.
    """
    if mix is None:
        return np.ones((layers, paintings))
    if len(mix) not in (paintings, layers * paintings):
        raise InputError(
            f"mix has {len(mix)} weights; give one for each painting ({paintings}), or one for "
            f"each in every style layer ({layers * paintings})"
        )
    weights = np.broadcast_to(np.reshape(mix, (-1, paintings)), (layers, paintings))
    if not weights.any(1).all():
        raise InputError(f"mix leaves a style layer without a painting: {mix}")
    return weights
