"""What an evaluation costs, and where: the measurements behind the notebook 08_cost."""

import functools
import multiprocessing
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil

from .._tensorflow import tf
from ..fast.timing import fastest
from ..layers import CONVOLUTIONS, filters_of
from ..loop import Run
from ..objective import Objective
from ..settings import settings_from

__all__ = [
    "gradient_errors",
    "matrix_rate",
    "operations_by_block",
    "peak_memory",
    "seconds_by_block",
]

BLOCKS = range(1, 6)

LAST = {b: f"block{b}_conv{CONVOLUTIONS['vgg16'][b - 1]}" for b in BLOCKS} | {5: "block5_conv1"}
"""The last convolution that VGG-16 and VGG-19 both have, by block; of block 5, whose others are not
used, the first."""


def matrix_rate(*, side: int = 2048) -> float:
    """Floating-point operations a second in a float32 product of matrices (`side`, `side`)."""
    matrix = tf.random.stateless_normal((side, side), seed=(0, 1))
    (seconds,) = fastest(lambda: tf.matmul(matrix, matrix).numpy(), trials=6)
    return 2 * side**3 / seconds


def operations_by_block(shape: tuple[int, ...], *, architecture: str = "vgg16") -> dict[int, float]:
    """Floating-point operations of one evaluation with its gradient, by block of the network.

    Counted are the convolutions as they are written (two operations for each product, twice for the
    gradient, none for that of the kernels) and the Gram matrices of the first layers (four times N²
    for each position); block 5 has one convolution. The picture is (H, W, …), the architecture
    "vgg16" or "vgg19".
    """
    before, operations = 3, {}
    for block, count in zip(BLOCKS, CONVOLUTIONS[architecture], strict=True):
        filters, positions = filters_of(block), shape[0] * shape[1] / 4 ** (block - 1)
        inputs = [before] + [filters] * (0 if block == 5 else count - 1)
        kernels = sum(9 * channels * filters for channels in inputs)
        operations[block] = 4 * (kernels + filters**2) * positions
        before = filters
    return operations


def seconds_by_block(content: np.ndarray, style: np.ndarray, **options: Any) -> dict[int, float]:
    """Seconds that each block adds to one evaluation with its gradient.

    Measured as the difference between networks that end with one block and with the next (conv5_1
    for block 5), with the style layers conv1_1 … up to there. A content layer makes the network
    reach to the block's end; its own loss is next to nothing. Pictures are (H, W, 3) in [0, 1],
    options those of `Objective` but for its layers; VGG-19's fourth convolutions count for the next
    block.
    """
    seconds, before = {}, 0.0
    for block in BLOCKS:
        first = [f"block{b}_conv1" for b in BLOCKS[:block]]
        layers = {"content_layers": [LAST[block]], "style_layers": first}
        objective = Objective(content, style, **{**options, **layers})
        (now,) = fastest(functools.partial(objective.value_and_gradient, content), trials=6)
        seconds[block], before = now - before, now
    return seconds


def gradient_errors(
    content: np.ndarray,
    style: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    *,
    precisions: Sequence[str] = ("winograd", "mixed"),
    **options: Any,
) -> dict[str, dict[str, float]]:
    """Relative L2 error of the objective's gradient against "float32", by precision and picture.

    Args:
        content: float (H, W, 3) in [0, 1].
        style: likewise.
        pictures: where the gradient is taken, each of the content's shape.
        precisions: what is compared.
        options: of `Objective`.
    """

    def gradients(precision: str) -> dict[str, np.ndarray]:
        objective = Objective(content, style, precision=precision, **options)
        return {name: objective.value_and_gradient(image)[1] for name, image in pictures.items()}

    exact = gradients("float32")
    return {
        precision: {
            name: float(np.linalg.norm(gradient - exact[name]) / np.linalg.norm(exact[name]))
            for name, gradient in gradients(precision).items()
        }
        for precision in precisions
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
    about = {"forecast": forecast, "peak": _peak(), "shape": result.image.shape}
    if save is not None:
        result.save(save)
    return {**about, "tile": run.settings.tile}


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return cast(Any, psutil.Process().memory_info()).peak_wset
    try:  # Linux: what getrusage says includes the process that this one was started from
        status = Path("/proc/self/status").read_text()
        return 1024 * int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if psutil.MACOS else 1024)
