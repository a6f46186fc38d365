"""What a structure is asked for: its supports and loads, its settings, and the pattern's style."""

import dataclasses

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from ..errors import InputError
from ..layers import layer_name
from ..options import Options, option
from ..pictures.datasets import load_image
from ..pictures.images import resize
from ..settings import MOST_STEPS, MOST_WEIGHT, Settings

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1")

Box = tuple[float, float, float, float]
"""x and y of two opposite corners, as shares of width and height; y grows downwards."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A rectangle of square elements that is held and loaded at its nodes."""

    supports: tuple[tuple[Box, str], ...]  # where, and what is held: "x", "y" or "xy"
    loads: tuple[tuple[Box, tuple[float, float]], ...]  # where, and the force (x, y) spread there
    fixed: tuple[tuple[Box, float], ...] = ()  # where the density is given, 0 or 1


_CORNERS = (((0, 1, 0, 1), "xy"), ((1, 1, 1, 1), "xy"))
PROBLEMS = {
    "mbb": Problem((((0, 0, 0, 1), "x"), ((1, 1, 1, 1), "y")), (((0, 0, 0, 0), (0, 1)),)),
    "cantilever": Problem((((0, 0, 0, 1), "xy"),), (((1, 0.5, 1, 0.5), (0, 1)),)),
    "bridge": Problem(_CORNERS, (((0, 1, 1, 1), (0, 1)),), (((0, 0.95, 1, 1), 1.0),)),
}
"""The right half of the MBB beam, a cantilever, and a bridge with its loaded deck below."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DesignSettings(Options):
    """Every option of a structure; InputError for values outside their ranges."""

    lam: float = option(0.3, "λ, the weight of style", low=0, high=MOST_WEIGHT)
    volume: float = option(0.5, "V, the share of material", above=0, below=1)
    size: tuple[int, ...] = option((120, 40), "elements along x and y", low=2, high=1000)
    steps: int = option(80, "evaluations, in equal stages", low=1, high=MOST_STEPS)
    penalties: tuple[float, ...] = option(
        (1.0, 2.0, 3.0, 3.0), "p of each stage; the first plate has grey to draw in", low=1, high=9
    )
    layers: tuple[str, ...] = option(LAYERS, "layers of the style", convert=layer_name)
    backbone: str = option(Settings.backbone, "the loss network's weights, as in Settings")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.size) != 2:
            raise InputError(f"size must be two numbers, along x and y, not {self.size}")
        if not 1 <= len(self.penalties) <= self.steps:
            raise InputError("there must be a penalty, and at least one step for each of them")


SHAPE, PERIOD = (80, 120), 10.0  # of a drawn pattern, and of what it repeats, in elements


def _cells(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    # Walls between the Voronoi cells of a honeycomb's centres, each of which is moved a little
    i, j = np.mgrid[-1:12, -1:15]
    centres = PERIOD * np.stack([np.sqrt(0.75) * i, j + i % 2 / 2], -1).reshape(-1, 2)
    centres += PERIOD * np.random.default_rng(0).uniform(-0.25, 0.25, centres.shape)
    return np.diff(cKDTree(centres).query(np.stack([y, x], -1), k=2)[0])[..., 0]


DRAWN = {
    "cells": _cells,
    "lattice": lambda y, x: -np.maximum(*(abs(u / 14.2 % 1 - 0.5) for u in (x + y, x - y))),
    "waves": lambda y, x: np.cos(2 * np.pi * (y + 3 * np.sin(2 * np.pi * x / 30)) / PERIOD),
}
"""Drawn patterns by name: functions of y and x whose lowest values become material."""


def pattern_of(name: str, *, volume: float) -> np.ndarray:
    """A drawn pattern, or a picture (see `load_image`) as a woodcut; its material has mean V.

    A woodcut is dark where a difference of Gaussians of the luminance is low: Winnemöller et al.
    2012 (XDoG, Computers & Graphics 36).
    """
    if name in DRAWN:
        field = DRAWN[name](*np.mgrid[: SHAPE[0], : SHAPE[1]])
    else:
        picture = load_image(name)
        width = max(1, round(SHAPE[0] * picture.shape[1] / picture.shape[0]))
        grey = resize(picture, (SHAPE[0], width)) @ (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
        field = gaussian_filter(grey, PERIOD / 10) - gaussian_filter(grey, 0.3 * PERIOD)
    return (field <= np.quantile(field, volume)).astype(float)
