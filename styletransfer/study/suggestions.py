"""Which painting, and which part of it, suits a photograph: the most alike by VGG's features.

Yin 2016 (arXiv 1601.04568) has a method "for paintings and photos of similar content". How far
similarity goes with what a transfer leaves of the style loss, notebook 14 measures.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ..errors import InputError, nearest
from ..layers import check_sides
from ..pictures import datasets
from ..pictures.datasets import Picture
from ..pictures.images import as_picture, fit, resize
from ..settings import Settings
from ..weights.backbones import resolve_backbone
from .distances import vgg_features

__all__ = ["MEASURES", "SHARES", "Suggestion", "similarity", "suggest"]

MEASURES = {"pooled": "block5_conv1", "neighbours": "block4_conv1"}
"""The layers of the two similarities, both cosines: of the features' means over all positions, and
of each position of the photograph with the painting's nearest to it, as a mean."""

SHARES = (1.0, 0.75, 0.5)  # of a painting's sides, which a part of it has
SHIFT = 0.25  # of a part's sides, by which parts of a size lie apart
SIZE = 192  # the long side in pixels at which photograph and part are compared


@dataclass(frozen=True)
class Suggestion:
    """A part of a painting, and how similar it is to the photograph."""

    name: str  # of the painting
    similarity: float  # a cosine: 1 for the same features
    part: tuple[float, float, float]  # left and top edge and side, as shares of the painting's
    picture: Picture

    def load(self) -> np.ndarray:
        """The part at its own size, float32 (H, W, 3) in [0, 1]: a style for `transfer`."""
        painting, (left, top, share) = self.picture.load(), self.part
        height, width = (max(1, round(share * side)) for side in painting.shape[:2])
        row, column = round(top * painting.shape[0]), round(left * painting.shape[1])
        return painting[row : row + height, column : column + width]


def similarity(
    photo: np.ndarray,
    painting: np.ndarray,
    *,
    by: str = "neighbours",
    backbone: str = Settings.backbone,
) -> float:
    """How similar a photograph and a painting are, float (H, W, 3) in [0, 1]: a cosine, at most 1.

    Args:
        photo: the photograph.
        painting: the painting, or a part of it.
        by: one of `MEASURES`.
        backbone: as in `Settings`.

    Raises:
        InputError: it is no picture, has too small a side, or there is no such measure.
    """
    return _parts(_features(photo, 1.0, by, backbone), painting, (1.0,), by, backbone)[0][0]


def suggest(
    photo: np.ndarray,
    *,
    paintings: Mapping[str, Picture] | None = None,
    by: str = "neighbours",
    backbone: str = Settings.backbone,
    progress: bool = True,
) -> list[Suggestion]:
    """The paintings that suit a photograph, the most similar first, each with its best part.

    Parts have one of `SHARES` of the painting's sides and are compared at the size of the whole.

    Args:
        photo: the photograph, float (H, W, 3) in [0, 1], or its path or name.
        paintings: by name; the bundled ones by default (`datasets.folder` has others).
        by: as for `similarity`.
        backbone: as in `Settings`.
        progress: show a progress bar with the time left.

    Raises:
        FileNotFoundError, InputError: a picture that cannot be used, or no such measure.
    """
    if not isinstance(photo, np.ndarray):
        photo = datasets.load_image(photo)
    paintings = datasets.paintings() if paintings is None else paintings
    features, found = _features(photo, 1.0, by, backbone), []
    for name, picture in tqdm(paintings.items(), desc="paintings", disable=not progress):
        parts = _parts(features, picture.load(), SHARES, by, backbone)
        best, part = max(parts, key=lambda each: each[0])
        found.append(Suggestion(name, best, part, picture))
    return sorted(found, key=lambda suggestion: -suggestion.similarity)


def _features(picture: np.ndarray, share: float, by: str, backbone: str) -> np.ndarray:
    """The measure's features (H', W', N) of a picture of which a `share` is compared."""
    if by not in MEASURES:
        raise InputError(nearest(by, MEASURES, what="similarity"))
    picture, layers = as_picture(picture), (MEASURES[by],)
    small = resize(picture, fit(picture.shape, round(SIZE / share)))
    check_sides(small.shape, layers, what="compared")
    return vgg_features(small, layers, backbone=resolve_backbone(backbone)[0])[layers[0]]


def _parts(
    photo: np.ndarray, painting: np.ndarray, shares: tuple[float, ...], by: str, backbone: str
) -> list[tuple[float, tuple[float, float, float]]]:
    """Similarities to a photograph's features, and the parts (see `Suggestion`) that have them."""
    found = []
    for share in shares:
        features = _features(painting, share, by, backbone)
        sides = np.array(features.shape[:2])
        height, width = np.maximum(1, np.round(share * sides)).astype(int)
        rows, columns = (
            np.unique(np.linspace(0, side - one, 1 + round((1 - share) / (share * SHIFT))).round())
            for side, one in zip(sides, (height, width), strict=True)
        )
        unit = _unit(features) @ _unit(photo).reshape(-1, photo.shape[-1]).T
        for row, column in itertools.product(rows.astype(int), columns.astype(int)):
            window = slice(row, row + height), slice(column, column + width)
            if by == "pooled":
                a, b = (each.mean((0, 1)) for each in (photo, features[window]))
                cosine = float(_unit(a) @ _unit(b))
            else:
                cosine = float(unit[window].max((0, 1)).mean())
            found.append((cosine, (column / sides[1], row / sides[0], share)))
    return found


def _unit(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), 1e-12)
