"""The loss network: VGG cut after the deepest layer in use, its weights frozen, its features by layer name."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from . import datasets
from ._tensorflow import keras, tf
from .errors import InputError, nearest
from .images import atomic_path
from .precision import block_dtype
from .settings import block_of
from .weights import Weights
from .winograd import WinogradConv2D

__all__ = ["check_sides", "loss_network", "mean_activations", "smallest_side"]

PADDED_BLOCKS = 2
"""Blocks whose convolutions see a continued picture, with a padding other than "zero". Zeros next to the border are
edges that no painting has: frames come of them. In the first block alone they stay; in all five nothing more is gained,
and an evaluation takes a third longer (notebooks/12_defaults.ipynb)."""

SCALING_SIZE = 256  # long side in pixels of the photographs from which mean activations are taken

_MODES = {"zero": "zero", "replicate": "SYMMETRIC", "reflect": "REFLECT"}
"""Paddings by one position as modes of `tf.pad`: to mirror one position with the border is to repeat it."""


def smallest_side(layers: tuple[str, ...], *, padding: str = "zero") -> int:
    """The fewest pixels that a side must have for every one of `layers` to have a feature.

    Each block halves it. A padded block that "reflect"s needs two positions: one has no neighbour.
    """
    deepest = max(block_of(layer) for layer in layers)
    least = 2 ** (deepest - 1)
    return max(least, 2 ** min(deepest, PADDED_BLOCKS)) if padding == "reflect" else least


def check_sides(
    shape: tuple[int, ...],
    layers: tuple[str, ...],
    *,
    what: str,
    padding: str = "zero",
) -> None:
    """Refuse a picture that is too small.

    Args:
        shape: (H, W, …).
        layers: that need a feature each.
        what: which picture it is.
        padding: see `loss_network`.

    Raises:
        InputError: a side has fewer pixels than the deepest layer needs.
    """
    if min(shape[:2]) < (least := smallest_side(layers, padding=padding)):
        raise InputError(
            f"the {what} picture has {shape[1]} x {shape[0]} pixels, too few for the deepest layer: give a larger size "
            f"(the short side needs {least}) or shallower layers"
        )


# A network is 40 to 200 MB; runs that differ in λ or size alone share one.
@functools.lru_cache(maxsize=4)
def loss_network(
    weights: Weights,
    layers: tuple[str, ...],
    *,
    pooling: Literal["avg", "max"],
    scaled: bool,
    activation: Literal["relu", "linear"] = "relu",
    precision: Literal["float32", "winograd", "mixed"] = "float32",
    padding: Literal["zero", "replicate", "reflect"] = "zero",
    floor: float = 0.0,
) -> keras.Model:
    """Build the network that takes a picture to its features.

    Args:
        weights: the convolutions.
        layers: Keras layer names.
        pooling: "avg" as in Gatys et al. 2016 (Sec. 2), or "max" as VGG was trained.
        scaled: rescale the weights so that each filter's mean activation over the bundled photographs is one
            (Gatys et al. 2016, Sec. 2). W_l[:, i] and b_l[i] are divided by the mean activation μ_l[i] and the next
            layer's W[i, :] multiplied by it, so every layer computes what it did before, divided by μ_l.
        activation: the features are those after the ReLU as in Gatys et al. 2016, or "linear", before it.
        precision: how the convolutions are computed; see `precision.py`.
        padding: what the convolutions of the first `PADDED_BLOCKS` blocks see beyond the border; the others, and all
            with "zero", see zeros, as VGG was trained.
        floor: with `scaled`, the least share of its layer's mean activation that a filter counts as; see `floored`.

    Returns:
        A frozen model from (1, H, W, 3) in [0, 1] to the features (1, H', W', N) by name, for each of `layers`; with
        "mixed" those of the later blocks are bfloat16.

    Raises:
        InputError: the network has no such layer.
    """
    names = list(weights.kernels)
    for layer in layers:
        if layer not in names:
            raise InputError(nearest(layer, names, what=f"layer of {weights.architecture}"))
    names = names[: max(names.index(layer) for layer in layers) + 1]
    means = mean_activations(weights, pooling=pooling) if scaled else {}
    inputs = keras.Input((None, None, 3), dtype="float32")
    # RGB to BGR, less the mean colour
    x = keras.applications.vgg19.preprocess_input(255 * inputs, data_format="channels_last")
    outputs, before = {}, np.ones(3, np.float32)
    for name in names:
        block = block_of(name)
        # Stated here, for a user's own Keras configuration may have other defaults.
        kind = {"dtype": block_dtype(block, precision), "data_format": "channels_last"}
        if name.endswith("conv1") and block > 1:
            pool = keras.layers.AveragePooling2D if pooling == "avg" else keras.layers.MaxPooling2D
            x = pool(2, name=f"pool{block - 1}", **kind)(x)
        kernel, bias = weights.kernels[name], weights.biases[name]
        after = floored(means[name], floor) if scaled else np.ones(kernel.shape[3], np.float32)
        around = _MODES[padding if block <= PADDED_BLOCKS else "zero"]
        kernel, bias = kernel * before[:, None] / after, bias / after
        if precision == "winograd" and block > 1:  # 64 channels are too few for it to be faster
            x = WinogradConv2D(kernel, bias, activation=activation, padding=around, name=name)(x)
        else:
            border = "same" if around == "zero" else "valid"
            convolution = keras.layers.Conv2D(
                kernel.shape[3], 3, padding=border, activation=activation, name=name, **kind
            )
            if around != "zero":
                x = keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=around.lower())
            x = convolution(x)
            convolution.set_weights([kernel, bias])
        outputs[name] = x
        if activation == "linear":
            x = keras.layers.ReLU(name=f"relu{block}_{name[-1]}", dtype=kind["dtype"])(x)
        before = after
    network = keras.Model(inputs, {layer: outputs[layer] for layer in layers}, name=weights.architecture)
    network.trainable = False
    return network


def floored(means: np.ndarray, floor: float) -> np.ndarray:
    """Mean activations (N,) of a layer's filters, none below `floor` times their mean; a dead filter counts as one.

    The paper has no floor, and ImageNet's VGG needs none: over the bundled photographs no filter of a style layer lies
    below a hundredth of its layer's mean. A network with filters that hardly ever fire does: divided by their own tiny
    means, they drown all others in the style loss.
    """
    found = np.maximum(means, floor * means.mean())
    return np.where(found > 0, found, np.float32(1))


def mean_activations(weights: Weights, *, pooling: Literal["avg", "max"]) -> Mapping[str, np.ndarray]:
    """Mean activation of every filter over the bundled photographs, each photograph counting the same.

    They are computed once for a weights file (some ten seconds, with a progress bar) and kept in the user's cache
    folder, or in the one that STYLETRANSFER_CACHE_DIR names. The authors used images of ImageNet (unverified), and
    whether with average or maximum pooling is not known: here with the pooling of the network they are used in.

    Returns:
        By layer name, float32 (N,), in the units of the raw network's activations.
    """
    photos = datasets.photos()
    digest = hashlib.sha256(f"{weights.sha256} {pooling} {SCALING_SIZE}".encode())
    for photo in photos.values():
        digest.update(photo.path.read_bytes())
    kept = datasets.cache_folder() / f"mean-activations-{digest.hexdigest()[:16]}.npz"
    names = tuple(weights.kernels)
    means = _read_means(kept, weights)
    if means is None:
        network = loss_network(weights, names, pooling=pooling, scaled=False)

        @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3))])
        def positions(image: tf.Tensor) -> dict[str, tf.Tensor]:
            return {name: tf.reduce_mean(features, (0, 1, 2)) for name, features in network(image).items()}

        bar = tqdm(photos.values(), desc="mean activations (once per weights file)", leave=False)
        found = [positions(photo.load(size=SCALING_SIZE)[None]) for photo in bar]
        means = {name: np.mean([row[name] for row in found], axis=0, dtype=np.float32) for name in names}
        _keep_means(kept, means)
    return means


def _read_means(path: Path, weights: Weights) -> dict[str, np.ndarray] | None:
    """What the cache holds, or None where there is nothing or something that cannot be right."""
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            means = {name: file[name] for name in file.files}
    except Exception:  # a damaged archive raises anything; what cannot be read is computed again
        return None
    shapes = {name: bias.shape for name, bias in weights.biases.items()}
    whole = {name: mean.shape for name, mean in means.items()} == shapes
    return means if whole and all(np.isfinite(mean).all() for mean in means.values()) else None


def _keep_means(path: Path, means: dict[str, np.ndarray]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            np.savez(temporary, **means)
    except (OSError, InputError):
        pass  # a cache that cannot be written costs ten seconds the next time, and no result
