"""Nearest neighbours: a painting's feature for every position of a picture, the one most like it.

After Kolkin et al. 2022 (arXiv 2203.13215), "Neural Neighbor Style Transfer", and the authors' code
(nkolkin13/NeuralNeighborStyleTransfer@60ad2e1). A hypercolumn is what all style layers say of one
position, at a quarter of the picture's size; it comes in parts, (1, H/4, W/4, N_l) of each layer.
"""

from collections.abc import Sequence

import numpy as np

from ._tensorflow import tf
from .errors import InputError
from .layers import block_of

GRID = 3  # the block whose positions are the picture's at a quarter of its size

ITERATE = 0.25
"""Of the picture that is searched for: its share of the picture so far, the rest the photograph's
(the authors' --alpha 0.75). At the first size it is the photograph alone, as in their code."""

BLOCK = 2**26  # bytes of cosines that are held at once


def hypercolumns(
    features: Sequence[tf.Tensor], layers: Sequence[str], size: tf.Tensor, *, unit: bool
) -> list[tf.Tensor]:
    """Parts of hypercolumns, from the features (1, H_l, W_l, N_l) of each layer.

    A layer is divided by N_l, so that many filters do not count for more, and averaged or
    interpolated to `size`, a quarter of the picture's. With `unit` a column's norm is 1: half the
    squared distance of two is then their cosine distance, ½ Σ_l |a_l − b_l|² = 1 − cos.
    """
    parts = []
    for F, layer in zip(features, layers, strict=True):
        if (coarser := GRID - block_of(layer)) > 0:
            F = tf.nn.avg_pool2d(F, 2**coarser, 2**coarser, "VALID")
        elif coarser < 0:
            F = tf.image.resize(F, size)
        parts.append(F / F.shape[-1])
    if not unit:
        return parts
    squares = tf.add_n([tf.reduce_sum(tf.square(part), -1, keepdims=True) for part in parts])
    return [part * tf.math.rsqrt(tf.maximum(squares, 1e-8)) for part in parts]


def nearest_rows(rows: tf.Tensor, pool: tf.Tensor) -> tf.Tensor:
    """For each of `rows` (Q, C) the number of the one in `pool` (S, C) that is nearest, int32 (Q,).

    By the centred cosine: of what is left when each set's own mean is taken away. Cosines are
    computed by blocks of rows (see `BLOCK`), 2·Q·S·C operations in all.
    """
    rows, pool = (tf.math.l2_normalize(x - tf.reduce_mean(x, 0), 1, 1e-12) for x in (rows, pool))
    step = max(1, BLOCK // (4 * pool.shape[0]))
    blocks = [rows[begin : begin + step] for begin in range(0, rows.shape[0], step)]
    cosines = (tf.matmul(block, pool, transpose_b=True) for block in blocks)
    return tf.concat([tf.argmax(each, 1, tf.int32) for each in cosines], 0)


def matched(parts: Sequence[tf.Tensor], paintings: Sequence[Sequence[tf.Tensor]]) -> np.ndarray:
    """Which position of the paintings is nearest to each of a picture, int32 (H/4, W/4).

    Args:
        parts: of the picture's hypercolumns.
        paintings: those of each painting. Their positions count on from one to the next, row by
            row.
    """
    pool = tf.concat([_rows(painting) for painting in paintings], 0)
    return nearest_rows(_rows(parts), pool).numpy().reshape(parts[0].shape[1:3])


def taken(
    paintings: Sequence[Sequence[tf.Tensor]], matches: np.ndarray, shape: tuple[int, ...]
) -> list[tf.Tensor]:
    """The parts of the hypercolumns (1, H/4, W/4, N_l) that stand at the paintings' `matches`.

    Raises:
        InputError: they do not fit a picture of `shape` (H, W, 3), or no position has that number.
    """
    grid = shape[0] // 4, shape[1] // 4
    count = sum(painting[0].shape[1] * painting[0].shape[2] for painting in paintings)
    if matches.shape != grid or matches.min() < 0 or matches.max() >= count:
        raise InputError(f"matches must have the shape {grid} and be from 0 to {count - 1}")
    layers = zip(*paintings, strict=True)
    pools = [tf.concat([_rows([part]) for part in layer], 0) for layer in layers]
    return [tf.gather(pool, matches)[None] for pool in pools]


def _rows(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Hypercolumns (positions, Σ N_l) from their parts."""
    return tf.concat([tf.reshape(part, (-1, part.shape[-1])) for part in parts], 1)
