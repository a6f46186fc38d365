"""Regions that grow from strokes of a brush."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from skimage.segmentation import random_walker

from ..errors import InputError

WIDTH = 0.03  # of a stroke, as a share of the picture's width

GROWN = 256  # pixels of the long side, above which growing takes seconds


def drawn(strokes: Sequence[Mapping[str, Any]], shape: tuple[int, int]) -> np.ndarray:
    """Strokes as a picture, int (H, W): 1 along those of the first brush, 2, 3; 0 elsewhere.

    Args:
        strokes: each with its "brush", from 0, and its "points", shares (x, y) of width and height.
        shape: (H, W). Later strokes cover earlier ones.
    """
    height, width = shape
    image = Image.new("L", (width, height))
    pen, thick = ImageDraw.Draw(image), max(1, round(WIDTH * width))
    for stroke in strokes:
        points = [(x * width, y * height) for x, y in stroke["points"]]
        pen.line(points, fill=stroke["brush"] + 1, width=thick, joint="curve")
        for x, y in (points[0], points[-1]):  # round ends, and a stroke that is one point
            pen.circle((x, y), thick / 2, fill=stroke["brush"] + 1)
    return np.asarray(image, int)


def grown(photo: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """The regions that grow from strokes, int (H, W): each pixel has the number of a brush.

    A random walk from the pixel that avoids edges reaches this brush's strokes first (Grady 2006).

    Args:
        photo: float (H, W, 3).
        strokes: see `drawn`.

    Raises:
        InputError: strokes of fewer than two brushes.
    """
    brushes = np.unique(strokes[strokes > 0])
    if len(brushes) < 2:
        raise InputError("paint with a second brush, too: a region needs another one beside it")
    seeds = np.where(strokes > 0, 1 + np.searchsorted(brushes, strokes), 0)
    return brushes[random_walker(photo, seeds, mode="bf", channel_axis=-1) - 1]
