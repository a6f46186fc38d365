"""How long a run will take and how much memory, before it begins.

Memory follows from sizes and settings alone. Time follows from rates of this machine, which are measured once for each
network and precision (some two seconds) and kept in the user's cache folder.
"""

import contextlib
import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

import numpy as np
import psutil

from .. import __version__
from .._tensorflow import tf
from ..errors import InputError
from ..fast.timing import fastest
from ..layers import CONVOLUTIONS, filters_of
from ..objective import Objective
from ..optimizers import descent_direction
from ..pictures.downloads import cache_folder
from ..pictures.files import atomic_path
from ..settings import Settings
from ..weights.convolutions import Weights
from .plan import Shapes, Stage, history_for, pixels

__all__ = ["Forecast", "Rates", "forecast", "measured_rates", "memory", "tile_for"]

# Measured on one machine (Linux, TensorFlow 2.21); tests/benchmarks/test_size.py shows how far off they are. Bytes of a
# process with TensorFlow and a network but without its kernels; bytes for each byte of the kernels; bytes for each byte
# of the features of a picture (one for itself, about one for its gradient and what is under way); bytes a pixel of what
# a tiled evaluation keeps of the whole picture.
BASE = 760e6
PER_KERNEL_BYTE = {"float32": 2.0, "winograd": 5.5, "mixed": 2.0}
PER_FEATURE_BYTE = {"float32": 2.05, "winograd": 2.45, "mixed": 1.95}
TILED_BYTES_PER_PIXEL = 250

TILED_TIME = 1.45
"""A tiled evaluation computes the features twice: its time over that of a whole one."""

ENCODING = 0.3
"""Time to encode a painting over that of an evaluation of a picture of its size, which has the gradient besides: 0.30
in "winograd" and 0.26 in "float32", at 256 px on one machine."""

TILES = (1024, 512, 256)
"""Sides of the tiles that are tried where a whole picture does not fit."""

SHARE = 0.8  # of the free memory; the rest is left to others

CALIBRATION = (192, 256)  # rows and columns of the picture that is timed

USUAL_TRACE = 3.0
"""Seconds of TensorFlow's tracing where they cannot be measured, because the function has been traced already."""

KEPT = 7 * 24 * 3600
"""Seconds after which rates are measured again: they may have been measured beside other work."""


class _Old(Exception):
    """Rates that have been kept too long."""


@dataclass(frozen=True)
class Forecast:
    """What a run is expected to take.

    Attributes:
        seconds: from now to its end.
        bytes: of memory that the process will have at most.
        available: bytes that it could have: what is free now, and what it has already.
    """

    seconds: float
    bytes: float
    available: float

    def __str__(self) -> str:
        """In a few words."""
        minutes, seconds = divmod(round(self.seconds), 60)
        length = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        return f"about {length} and {self.bytes / 1e9:.1f} GB of memory ({self.available / 1e9:.1f} GB are available)"


@dataclass(frozen=True)
class Rates:
    """How fast this machine is, with one network.

    Attributes:
        evaluation: seconds for a megapixel of one evaluation with its gradient, the picture whole.
        trace: seconds that the first evaluation of a process takes longer.
        setup: seconds that the first evaluation at a further size takes longer.
        pair: seconds for a megapixel and for each pair that L-BFGS remembers.
    """

    evaluation: float
    trace: float
    setup: float
    pair: float


def _network_bytes(settings: Settings, architecture: str) -> tuple[float, float, float]:
    """Bytes of the kernels, of the features of one pixel, and of those of the first two blocks alone."""
    deepest = max((*settings.content_layers, *settings.style_layers))
    before, kernels, features, first = 3, 0, 0.0, 0.0
    for block, count in enumerate(CONVOLUTIONS[architecture], 1):
        for number in range(1, count + 1):
            if f"block{block}_conv{number}" > deepest:
                break
            filters = filters_of(block)
            kernels += 36 * before * filters
            features += 4 * filters / 4 ** (block - 1)
            before = filters
        if block == 2:
            first = features
    return kernels, features, first


def memory(settings: Settings, architecture: str, stage: Stage, shapes: Shapes) -> float:
    """Bytes that the process has at most during a stage.

    Args:
        settings: optimiser, history and layers count.
        architecture: "vgg16" or "vgg19".
        stage: all of it counts.
        shapes: of the photograph and of each painting.
    """
    kernels, features, first = _network_bytes(settings, architecture)
    picture, *paintings = pixels(shapes, stage.size, settings.style_scale)
    painting = max(paintings)  # they are encoded one after another
    most = max(
        picture, painting / 4
    )  # a painting takes no gradient: nothing of it is kept for the way back
    factor = PER_FEATURE_BYTE[stage.precision]
    if stage.tile is None:
        evaluation = factor * features * most
    else:
        evaluation = (
            factor * first * min((stage.tile + 16) ** 2, most) + TILED_BYTES_PER_PIXEL * most
        )
    arrays = 8
    if settings.optimizer == "lbfgs":
        arrays += 2 * min(settings.history or history_for(picture), stage.steps)
    waiting = sum(paintings) - painting
    opened = sum(
        rows * columns for rows, columns, *_ in shapes
    )  # as they came, kept for the sizes to come
    kept = 12 * (arrays * picture + waiting + opened)
    return BASE + PER_KERNEL_BYTE[stage.precision] * kernels + evaluation + kept


def _available() -> float:
    return psutil.virtual_memory().available + psutil.Process().memory_info().rss


def tile_for(settings: Settings, architecture: str, stage: Stage, shapes: Shapes) -> int | None:
    """The tile that the largest size is evaluated in: the settings', or none while the whole picture fits.

    Args:
        settings: tile, optimiser, history and layers count.
        architecture: "vgg16" or "vgg19".
        stage: the last one.
        shapes: of the photograph and of each painting.

    Raises:
        InputError: it does not fit in any way; the message names the largest size that does.
    """
    free = SHARE * _available()

    def needed(size: int, tile: int | None) -> float:
        return memory(settings, architecture, replace(stage, size=size, tile=tile), shapes)

    choices = (None, *TILES) if settings.tile is None else (settings.tile,)
    for tile in choices:
        if needed(stage.size, tile) <= free:
            return tile
    low, high = 0, stage.size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle, choices[-1]) <= free else (low, middle)
    raise InputError(
        f"a picture of {stage.size} px would take {needed(stage.size, choices[-1]) / 1e9:.1f} GB of memory, and "
        f"{free / 1e9:.1f} GB can be used; "
        + (
            f"the largest size that fits is {low} px"
            if low
            else "close other programs, or take another machine"
        )
    )


def measured_rates(settings: Settings, precision: str, weights: str) -> Rates:
    """This machine's rates, from the cache folder or measured now.

    Args:
        settings: form, pooling, padding, layers and statistic count.
        precision: "float32", "winograd" or "mixed".
        weights: SHA-256 of the network's weights file.
    """
    devices = [device.name for device in tf.config.list_logical_devices()]
    machine = [
        platform.node(),
        platform.machine(),
        os.cpu_count(),
        devices,
        version("tensorflow"),
        __version__,
    ]
    network = [
        weights,
        settings.form,
        settings.pooling,
        settings.padding,
        settings.activation,
        settings.content_layers,
        settings.style_layers,
    ]
    key = hashlib.sha256(
        json.dumps([machine, network, settings.statistic, precision, CALIBRATION]).encode()
    )
    kept = cache_folder() / f"rates-{key.hexdigest()[:16]}.json"
    # What cannot be read, whatever the reason, is measured again.
    with contextlib.suppress(OSError, ValueError, TypeError, _Old):
        if time.time() - kept.stat().st_mtime > KEPT:
            raise _Old
        rates = Rates(**json.loads(kept.read_text(encoding="utf-8")))
        if all(0 < rate < 1e6 for rate in asdict(rates).values()):
            return rates
    rates = _measure(settings, precision)
    with contextlib.suppress(
        OSError, InputError
    ):  # a cache that cannot be written costs two seconds the next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary:
            temporary.write_text(json.dumps(asdict(rates)), encoding="utf-8")
    return rates


def _measure(settings: Settings, precision: str) -> Rates:
    picture = np.random.default_rng(0).random((*CALIBRATION, 3), dtype=np.float32)
    megapixels = picture.shape[0] * picture.shape[1] / 1e6
    options = {name: getattr(settings, name) for name in Objective.OPTIONS}
    objective = Objective(picture, picture, precision=precision, **options)
    traced = objective.traces > 0
    (trace,) = fastest(lambda: objective.value_and_gradient(picture), trials=1)
    (evaluation,) = fastest(lambda: objective.value_and_gradient(picture))
    other = picture[:-16, :-16]
    objective = Objective(other, other, precision=precision, **options)
    (first,) = fastest(lambda: objective.value_and_gradient(other), trials=1)
    pairs = tuple((picture, picture, 1 / float(np.vdot(picture, picture))) for _ in range(10))
    (ten,) = fastest(lambda: descent_direction(picture, pairs))
    trace = USUAL_TRACE if traced else max(trace - evaluation, 0.01)
    return Rates(
        evaluation / megapixels, trace, max(first - evaluation, 0.01), ten / 10 / megapixels
    )


def forecast(
    settings: Settings,
    weights: Weights,
    plan: Sequence[Stage],
    shapes: Shapes,
    *,
    traced: bool = True,
    encoded: bool = False,
) -> Forecast:
    """What the stages of a plan will take.

    Args:
        settings: as the run has decided them.
        weights: of the network.
        plan: the stages that are left; one without steps counts for its memory alone.
        shapes: of the photograph and of each painting.
        traced: whether an evaluation has been made in this process.
        encoded: whether the first stage's paintings have been encoded.
    """
    seconds, most = 0.0, 0.0
    for stage in plan:
        megapixels, *paintings = (
            count / 1e6 for count in pixels(shapes, stage.size, settings.style_scale)
        )
        rates = measured_rates(settings, stage.precision, weights.sha256)
        each = rates.evaluation * (TILED_TIME if stage.tile else 1)
        if settings.optimizer == "lbfgs":
            each += (
                rates.pair
                * sum(min(n, settings.history) for n in range(stage.steps))
                / max(stage.steps, 1)
            )
        before = rates.setup if traced else rates.trace
        seconds += (before if stage.steps else 0) + stage.steps * each * megapixels
        seconds += 0 if encoded else ENCODING * rates.evaluation * sum(paintings)
        traced, encoded = True, False
        most = max(most, memory(settings, weights.architecture, stage, shapes))
    return Forecast(seconds, most, _available())
