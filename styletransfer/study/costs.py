"""What an evaluation costs, and where: the measurements behind the notebook 08_cost."""

import functools
import multiprocessing
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .._tensorflow import tf
from ..fast.timing import fastest
from ..layers import CONVOLUTIONS, LAYERS, filters_of
from ..loop import Run
from ..objective import Objective
from ..settings import settings_from

__all__ = [
    "errors_by_layer",
    "gradient_errors",
    "matrix_rate",
    "operations_by_block",
    "peak_memory",
    "seconds_by_block",
]

BLOCKS = range(1, 6)


def matrix_rate(*, side: int = 2048) -> float:
    """Floating-point operations a second in a float32 product of two matrices of `side` rows and columns."""
    matrix = tf.random.stateless_normal((side, side), seed=(0, 1))
    (seconds,) = fastest(lambda: tf.matmul(matrix, matrix).numpy(), trials=6)
    return 2 * side**3 / seconds


def _first_layers(last: int) -> list[str]:
    return [f"block{block}_conv1" for block in range(1, last + 1)]


def _last_layer(block: int) -> str:
    """The last convolution that VGG-16 and VGG-19 both have; of block 5, whose others are not used, the first."""
    return "block5_conv1" if block == 5 else f"block{block}_conv{CONVOLUTIONS['vgg16'][block - 1]}"


def operations_by_block(shape: tuple[int, ...], *, architecture: str = "vgg16") -> dict[int, float]:
    """Floating-point operations of one evaluation with its gradient, by block of the network.

    Counted are the convolutions as they are written (two operations for each product, twice for the gradient, none for
    that of the kernels) and the Gram matrices of the first layers (four times N² for each position); block 5 has one
    convolution.

    Args:
        shape: of the picture (H, W, …).
        architecture: "vgg16" or "vgg19".
    """
    pixels, before, found = shape[0] * shape[1], 3, {}
    for block, count in zip(BLOCKS, CONVOLUTIONS[architecture], strict=True):
        filters, positions, total = filters_of(block), pixels / 4 ** (block - 1), 0.0
        for _ in range(1 if block == 5 else count):
            total += 2 * 2 * 9 * before * filters * positions
            before = filters
        found[block] = total + 2 * 2 * filters**2 * positions
    return found


def seconds_by_block(content: np.ndarray, style: np.ndarray, **options: Any) -> dict[int, float]:
    """Seconds that each block adds to one evaluation with its gradient.

    Measured as the difference between networks that end with one block and with the next (conv5_1 for block 5), with
    the style layers conv1_1 … up to there. A content layer makes the network reach to the block's end; its own loss is
    next to nothing.

    Args:
        content: float (H, W, 3) in [0, 1].
        style: likewise.
        options: of `Objective`, but for its layers; of VGG-19 the fourth convolutions count for the next block.
    """
    found, before = {}, 0.0
    for block in BLOCKS:
        layers = {"content_layers": [_last_layer(block)], "style_layers": _first_layers(block)}
        objective = Objective(content, style, **layers, **options)
        (now,) = fastest(functools.partial(objective.value_and_gradient, content), trials=6)
        found[block], before = now - before, now
    return found


def errors_by_layer(
    content: np.ndarray,
    style: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    *,
    precisions: Sequence[str],
    **options: Any,
) -> dict[tuple[str, str], dict[str, float]]:
    """Relative L2 error of the gradient of each layer's own style loss, against precision "float32".

    Args:
        content: float (H, W, 3) in [0, 1].
        style: likewise.
        pictures: where the gradient is taken, each of the content's shape.
        precisions: what is compared.
        options: of `Objective`, but for its layers.

    Returns:
        The errors by layer, for each precision and picture.
    """
    layers = [name for name in LAYERS if name <= "block5_conv1" and not name.endswith("conv4")]
    gradients = {}
    for each in ("float32", *precisions):
        objective = Objective(
            content, style, content_layers=(), style_layers=layers, precision=each, **options
        )
        for i, layer in enumerate(layers):
            objective.omega = [float(k == i) for k in range(len(layers))]
            for where, picture in pictures.items():
                gradients[each, where, layer] = objective.value_and_gradient(picture)[1]
    found: dict[tuple[str, str], dict[str, float]] = {
        (p, where): {} for p in precisions for where in pictures
    }
    for (each, where), by_layer in found.items():
        for layer in layers:
            exact = gradients["float32", where, layer]
            by_layer[layer] = float(
                np.linalg.norm(gradients[each, where, layer] - exact) / np.linalg.norm(exact)
            )
    return found


def gradient_errors(
    content: np.ndarray,
    style: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    *,
    precisions: Sequence[str] = ("winograd", "mixed"),
    **options: Any,
) -> dict[str, dict[str, float]]:
    """Relative L2 error of the objective's gradient against precision "float32", by precision and picture.

    Args:
        content: float (H, W, 3) in [0, 1].
        style: likewise.
        pictures: where the gradient is taken, each of the content's shape.
        precisions: what is compared.
        options: of `Objective`.
    """
    gradients = {}
    for precision in ("float32", *precisions):
        objective = Objective(content, style, precision=precision, **options)
        gradients[precision] = {
            name: objective.value_and_gradient(image)[1] for name, image in pictures.items()
        }
    exact = gradients.pop("float32")
    return {
        precision: {
            name: float(np.linalg.norm(found[name] - exact[name]) / np.linalg.norm(exact[name]))
            for name in pictures
        }
        for precision, found in gradients.items()
    }


def peak_memory(
    content: str, style: str, options: Mapping[str, Any], *, save: str | None = None
) -> dict[str, Any]:
    """Make a run in a process of its own, and see how much memory it had at most.

    Args:
        content: name or path of the photograph.
        style: name or path of the painting.
        options: settings of the run.
        save: where its picture goes.

    Returns:
        "forecast" and "peak" in bytes, "shape" of the picture, and "tile".
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_peak_memory, content, style, dict(options), save).result()


def _peak_memory(
    content: str, style: str, options: dict[str, Any], save: str | None
) -> dict[str, Any]:
    run = Run(content, style, settings_from(options))
    forecast = run.forecast().bytes
    result = run.finish()
    peak = _peak()
    if save is not None:
        result.save(save)
    return {
        "forecast": forecast,
        "peak": peak,
        "shape": result.image.shape,
        "tile": run.settings.tile,
    }


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset
    try:  # Linux: what getrusage says includes the process that this one was started from
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if psutil.MACOS else 1024)
