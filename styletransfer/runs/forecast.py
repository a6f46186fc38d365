"""How long a run will take, before it begins.

Time follows from rates of this machine, which are measured once for each network and precision
(some two seconds) and kept in the user's cache folder.
"""

import contextlib
import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from .. import __version__
from .._tensorflow import tf
from ..errors import InputError
from ..fast.timing import fastest
from ..layers import block_of, filters_of
from ..neighbours import nearest_rows
from ..objective import Objective
from ..optimizers import descent_direction
from ..pictures.downloads import cache_folder
from ..pictures.files import atomic_path
from ..settings import Settings
from .memory import available, memory
from .request import Plan, Request, resolve
from .schedule import Shapes, Stage, pixels

TILED_TIME = 1.45
"""A tiled evaluation computes the features twice: its time over that of a whole one."""

ENCODING = 0.3
"""Time to encode a painting over that of an evaluation of its size, which has the gradient besides:
0.30 in "winograd" and 0.26 in "float32", at 256 px on one machine."""

CALIBRATION = (192, 256)  # rows and columns of the picture that is timed

USUAL_TRACE = 3.0
"""Seconds of TensorFlow's tracing where they cannot be measured: it has been traced already."""

VALID = 7 * 24 * 3600
"""Seconds after which rates are measured again: they may have been measured beside other work."""


@dataclass(frozen=True)
class Forecast:
    """What a run is expected to take."""

    seconds: float  # from now to its end
    bytes: float  # of memory that the process will have at most
    available: float  # bytes that it could have (see `memory.available`)

    def __str__(self) -> str:
        """In a few words."""
        minutes, seconds = divmod(round(self.seconds), 60)
        length = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
        free = f"{self.available / 1e9:.1f} GB are available"
        return f"about {length} and {self.bytes / 1e9:.1f} GB of memory ({free})"


@dataclass(frozen=True)
class Rates:
    """How fast this machine is, with one network, in seconds."""

    evaluation: float  # of a megapixel of one evaluation with its gradient, the picture whole
    trace: float  # that the first evaluation of a process takes longer
    setup: float  # that the first evaluation at a further size takes longer
    pair: float  # for a megapixel and for each pair that L-BFGS remembers
    search: float = 0.0  # of neighbours, for a megapixel of the picture and one of the painting


def measured_rates(settings: Settings, precision: str, weights: str) -> Rates:
    """This machine's rates, from the cache folder or measured now; `weights` is their SHA-256."""
    devices = [device.name for device in tf.config.list_logical_devices()]
    machine = [platform.node(), platform.machine(), os.cpu_count(), devices]
    names = ("form", "pooling", "padding", "activation", "statistic")
    network = [weights, precision, *(getattr(settings, name) for name in names)]
    layers = [settings.content_layers, settings.style_layers, CALIBRATION]
    facts = json.dumps([machine, version("tensorflow"), __version__, network, layers])
    digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = cache_folder() / f"rates-{digest}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):  # what cannot be read is measured
        if time.time() - path.stat().st_mtime < VALID:
            rates = Rates(**json.loads(path.read_text(encoding="utf-8")))
            if all(0 <= rate < 1e6 for rate in asdict(rates).values()):
                return rates
    rates = _measure(settings, precision)
    with contextlib.suppress(OSError, InputError):  # it costs two seconds the next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(asdict(rates)), encoding="utf-8")
    return rates


def _measure(settings: Settings, precision: str) -> Rates:
    picture = np.random.default_rng(0).random((*CALIBRATION, 3), dtype=np.float32)
    megapixels = picture.shape[0] * picture.shape[1] / 1e6
    options: Any = {name: getattr(settings, name) for name in Objective.OPTIONS}
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
    setup = max(first - evaluation, 0.01)
    search = 0.0
    if objective.matches is not None:
        filters = sum(filters_of(block_of(layer)) for layer in settings.style_layers)
        columns = tf.random.stateless_normal((objective.matches.size, filters), (0, 0))
        (search,) = fastest(lambda: nearest_rows(columns, columns).numpy(), trials=2)
    rates = evaluation / megapixels, trace, setup, ten / 10 / megapixels
    return Rates(*rates, search=search / megapixels**2)


def forecast(
    plan: Plan,
    shapes: Shapes,
    *,
    stages: Sequence[Stage] | None = None,
    traced: bool = False,
    encoded: bool = False,
) -> Forecast:
    """What a run, or the rest of one, will take on this machine.

    Args:
        plan: as decided.
        shapes: of the photograph and of each painting.
        stages: those that are left; one without steps counts for its memory alone.
        traced: whether an evaluation has been made in this process.
        encoded: whether the first stage's paintings have been encoded.
    """
    settings, seconds, most, size = plan.settings, 0.0, 0.0, 0
    for stage in plan.stages if stages is None else stages:
        megapixels, *paintings = (n / 1e6 for n in pixels(shapes, stage.size, settings.style_scale))
        rates = measured_rates(settings, stage.precision, plan.weights.sha256)
        evaluation = rates.evaluation * (TILED_TIME if stage.tile else 1)
        if settings.optimizer == "lbfgs" and stage.steps:
            pairs = np.minimum(np.arange(stage.steps), settings.history or 1)
            evaluation += rates.pair * float(pairs.mean())
        if stage.steps:
            seconds += rates.setup if traced else rates.trace
        seconds += stage.steps * evaluation * megapixels
        if not encoded:
            seconds += ENCODING * rates.evaluation * sum(paintings)
            seconds += rates.search * megapixels * sum(paintings) * (stage.size != size)
        traced, encoded, size = True, False, stage.size
        most = max(most, memory(settings, plan.weights.architecture, stage, shapes))
    return Forecast(seconds, most, available())


def forecast_request(request: Request) -> Forecast:
    """What a request will take on this machine; InputError where `resolve` refuses it."""
    return forecast(resolve(request), request.shapes)
