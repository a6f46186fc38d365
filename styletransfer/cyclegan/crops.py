"""Batches of crops of the two sides, in a `tf.data` pipeline."""

from collections.abc import Sequence

import numpy as np

from .._tensorflow import tf
from .data import Side
from .settings import TrainingSettings

__all__ = ["batches"]


def batches(
    sides: Sequence[Side], settings: TrainingSettings, *, start: int = 0
) -> tf.data.Dataset:
    """Batches of crops: resized, cropped and flipped at random, as in Zhu et al. 2017's code.

    A side goes through its pictures in an order of its own that changes with every pass. What a
    step gets depends on the seed and on its number alone, so that a training that goes on at a step
    gets what it would have got.

    Args:
        sides: one or more.
        settings: size, batch, seed, steps, widest.
        start: the first step (counted from 0).

    Returns:
        A dataset of `settings.steps - start` tuples with a tensor float32 (batch, size, size, 3) in
        [-1, 1] a side.
    """

    def fetched(side: int, draw: int) -> np.ndarray:
        pictures = sides[side].pictures
        turn, place = divmod(int(draw), len(pictures))
        order = np.random.default_rng((settings.seed, side, turn)).permutation(len(pictures))
        return pictures[order[place]]

    def crop(side: int, draw: tf.Tensor) -> tf.Tensor:
        picture = tf.numpy_function(fetched, (side, draw), tf.uint8)
        picture.set_shape((None, None, 3))
        picture = tf.cast(picture, tf.float32)
        seed = tf.stack([tf.constant(settings.seed * len(sides) + side, tf.int64), draw])
        wide, down, right, mirror = tf.unstack(tf.random.stateless_uniform((4,), seed))
        window = tf.cast(tf.round(settings.size * (1 + wide * (settings.widest - 1))), tf.int32)
        free = tf.cast(tf.shape(picture)[:2] - window + 1, tf.float32)
        top, left = (tf.cast(share * free[i], tf.int32) for i, share in enumerate((down, right)))
        picture = picture[top : top + window, left : left + window]
        if settings.widest > 1:
            picture = tf.image.resize(picture, (settings.size, settings.size), antialias=True)
        picture = tf.where(mirror < 0.5, picture, picture[:, ::-1])
        picture.set_shape((settings.size, settings.size, 3))
        return picture / 127.5 - 1

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        draws = [step * settings.batch + i for i in range(settings.batch)]
        return tuple(tf.stack([crop(side, draw) for draw in draws]) for side in range(len(sides)))

    numbers = tf.data.Dataset.range(start, settings.steps)
    return numbers.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4)
