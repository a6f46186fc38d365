"""How much memory a run takes, from sizes and settings alone, and how much there is."""

import dataclasses
from pathlib import Path

import psutil

from .._tensorflow import tf
from ..errors import InputError
from ..forms import FORMS
from ..layers import block_of, filters_of, layers_of
from ..settings import Settings
from ..statistics import statistic_named
from .schedule import Shapes, Stage, history_for, pixels

# Measured on one machine (Linux, TensorFlow 2.21); tests/benchmarks/test_size.py shows how far off
# they are.
BASE = 760e6  # bytes of a process with TensorFlow and a network, but without its kernels
PER_KERNEL_BYTE = {"float32": 2.0, "winograd": 5.5, "mixed": 2.0}
"""Bytes for each byte of the kernels."""
PER_FEATURE_BYTE = {"float32": 2.05, "winograd": 2.45, "mixed": 1.95}
"""Bytes for each byte of a picture's features: one for itself, about one for its gradient."""
PER_GUIDED_BYTE = 0.65  # more with regions: the style layers' positions are taken out once more
PER_COLUMN_BYTE = 1.6  # and with neighbours, for each byte of both pictures' hypercolumns
TILED_BYTES_PER_PIXEL = 250  # of what a tiled evaluation keeps of the whole picture
TILES = (1024, 512, 256)  # sides of the tiles that are tried where a whole picture does not fit
SHARE = 0.8  # of the free memory; the rest is left to others

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use: cgroup version 2, and version 1 below `memory`."""


def _network_bytes(settings: Settings, architecture: str) -> tuple[float, float, float]:
    """Bytes of the kernels, of one pixel's features, and of those of the first two blocks alone."""
    deepest = max((*settings.content_layers, *settings.style_layers))
    before, kernels, features, first = 3, 0, 0.0, 0.0
    for layer in layers_of(architecture):
        if layer > deepest:
            break
        block = block_of(layer)
        filters = filters_of(block)
        kernels += 36 * before * filters
        features += 4 * filters / 4 ** (block - 1)
        first = features if block <= 2 else first
        before = filters
    return kernels, features, first


def memory(settings: Settings, architecture: str, stage: Stage, shapes: Shapes) -> float:
    """Bytes that the process has at most during a stage.

    Of the settings optimiser, history, layers, regions, form and statistic count, of the stage all.
    """
    kernels, features, first = _network_bytes(settings, architecture)
    picture, *paintings = pixels(shapes, stage.size, settings.style_scale)
    painting = max(paintings)  # they are encoded one after another
    # A painting takes no gradient: nothing of it is kept for the way back.
    most = max(picture, painting / 4)
    factor = PER_FEATURE_BYTE[stage.precision] + (PER_GUIDED_BYTE if settings.regions else 0)
    factor += statistic_named(settings.statistic).memory
    if stage.tile is None:
        evaluation = factor * features * most
    else:
        tile = min((stage.tile + 16) ** 2, most)
        evaluation = factor * first * tile + TILED_BYTES_PER_PIXEL * most
    if FORMS[settings.form].nearest:
        filters = sum(filters_of(block_of(layer)) for layer in settings.style_layers)
        evaluation += PER_COLUMN_BYTE * filters / 4 * (picture + sum(paintings))
    arrays = 8
    if settings.optimizer == "lbfgs":
        arrays += 2 * min(settings.history or history_for(picture), stage.steps)
    waiting = sum(paintings) - painting
    opened = sum(rows * columns for rows, columns, *_ in shapes)  # as they came, for later sizes
    pictures = 12 * (arrays * picture + waiting + opened)
    return BASE + PER_KERNEL_BYTE[stage.precision] * kernels + evaluation + pictures


def available() -> float:
    """Bytes that a run can have: what is free, in the container too, and TensorFlow's own share.

    Of what the process has already, the rest may be the user's.
    """
    free = psutil.virtual_memory().available
    for limit, usage in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            inside = int((CGROUP / limit).read_text()) - int((CGROUP / usage).read_text())
        except (OSError, ValueError):  # no such group, or no limit ("max")
            continue
        free = min(free, max(inside, 0))
    return free + min(psutil.Process().memory_info().rss, BASE)


def tile_for(settings: Settings, architecture: str, stage: Stage, shapes: Shapes) -> int | None:
    """The tile that the largest size is evaluated in: the settings', or none while it fits whole.

    On a graphics card nothing is known of the memory: there the settings' own tile is taken. For
    the arguments see `memory`.

    Raises:
        InputError: it does not fit in any way; the message names the largest size that does.
    """
    if tf.config.list_logical_devices("GPU"):
        return settings.tile
    free = SHARE * available()

    def needed(size: int, tile: int | None) -> float:
        changed = dataclasses.replace(stage, size=size, tile=tile)
        return memory(settings, architecture, changed, shapes)

    # A form that matches positions and a statistic that does not add up take a picture as a whole.
    whole = FORMS[settings.form].nearest or not statistic_named(settings.statistic).additive
    choices = (settings.tile,) if settings.tile or whole else (None, *TILES)
    for tile in choices:
        if needed(stage.size, tile) <= free:
            return tile
    low, high = 0, stage.size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle, choices[-1]) <= free else (low, middle)
    advice = "close other programs, or take another machine"
    if low:
        advice = f"the largest size that fits is {low} px"
    raise InputError(
        f"a picture of {stage.size} px would take {needed(stage.size, choices[-1]) / 1e9:.1f} GB "
        f"of memory, and {free / 1e9:.1f} GB can be used; {advice}"
    )
