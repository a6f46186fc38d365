"""In which arithmetic the loss network is computed, and what this machine is good at.

"float32" is TensorFlow's own convolution, the reference. "winograd" is float32 too, with a quarter
of the multiplications; its gradient differs from the reference by some 10⁻⁵. "mixed" computes
blocks 3 to 5 in bfloat16; its gradient is off by up to some per cent near a minimum, so the last
steps of a run are made in another precision (see `schedule.py`).
"""

import functools
from collections.abc import Callable

from .._tensorflow import tf
from ..errors import log
from .timing import fastest

FIRST_LOW_BLOCK = 3
"""Where "mixed" begins. In the first two blocks bfloat16 spoils the Gram matrices: the gradient is
off by a tenth."""

WINOGRAD_FROM = 100
"""Long side in pixels. One evaluation takes 1.3 times as long as in "float32" at 64 px, as long at
96 px and 0.86 of it at 128 px (two cores); the first takes 3 s in place of 1 s."""

WORTHWHILE = 1.2
"""So much faster than float32 bfloat16 must be: without it in hardware it is slower."""


def block_dtype(block: int, precision: str) -> str:
    """Keras' dtype policy for a block (1 to 5) of VGG."""
    return "mixed_bfloat16" if precision == "mixed" and block >= FIRST_LOW_BLOCK else "float32"


@functools.cache
def has_bfloat16() -> bool:
    """Whether this machine convolves faster in bfloat16 than in float32; it is measured once."""

    def convolution(dtype: tf.DType) -> Callable[[], object]:
        features, kernel = tf.ones((1, 64, 64, 256), dtype), tf.ones((3, 3, 256, 256), dtype)
        return lambda: tf.nn.conv2d(features, kernel, 1, "SAME").numpy()

    single, half = fastest(convolution(tf.float32), convolution(tf.bfloat16), trials=6)
    return single >= WORTHWHILE * half


def resolve_precision(precision: str, *, size: int) -> str:
    """What a setting means on this machine.

    "auto" is "winograd", or "float32" for pictures whose long side `size` is below `WINOGRAD_FROM`
    and on a graphics card, whose libraries have Winograd's algorithm themselves. "mixed" falls back
    on "auto" where the processor has no bfloat16, and says so in the log.
    """
    if precision == "mixed" and not has_bfloat16():
        log.warning(
            "This processor is not faster in bfloat16, so precision 'mixed' falls back on 'auto'."
        )
        precision = "auto"
    if precision == "auto":
        small = size < WINOGRAD_FROM
        return "float32" if small or tf.config.list_logical_devices("GPU") else "winograd"
    return precision
