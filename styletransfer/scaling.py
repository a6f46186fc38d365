"""The rescaled network of Gatys et al. 2016, Sec. 2: the mean activation of every filter is one."""

import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from ._tensorflow import tf
from .errors import InputError
from .losses import Measures
from .network import loss_network
from .pictures import datasets
from .pictures.downloads import cache_folder
from .pictures.files import atomic_path
from .weights.convolutions import Weights

SCALING_SIZE = 256  # long side in pixels of the photographs from which mean activations are taken


@functools.lru_cache(maxsize=4)  # so that runs with the same weights share a network
def rescaled(weights: Weights, *, pooling: Literal["avg", "max"], floor: float = 0.0) -> Weights:
    """The weights with which every filter's mean activation over the bundled photographs is one.

    W_l[:, i] and b_l[i] are divided by the mean activation μ_l[i], and the next layer's W[i, :] is
    multiplied by it: every layer computes what it did before, divided by μ_l.

    For `pooling`, that of the network they are for, see `mean_activations`; for `floor`, `floored`.
    """
    means = mean_activations(weights, pooling=pooling)
    kernels, biases, before = {}, {}, np.ones(3, np.float32)
    for name, kernel in weights.kernels.items():
        after = floored(means[name], floor)
        kernels[name] = kernel * before[:, None] / after
        biases[name] = weights.biases[name] / after
        before = after
    return dataclasses.replace(
        weights, kernels=MappingProxyType(kernels), biases=MappingProxyType(biases)
    )


@functools.lru_cache(maxsize=4)
def in_units(measures: Measures, weights: Weights, *, pooling: Literal["avg", "max"]) -> Measures:
    """The measures with the units of the style layers, where their statistic has a gain.

    A layer's unit is the mean of its filters' `mean_activations`; the rescaled network's is one.
    """
    if measures.statistic.gain is None or measures.form.scaled:
        return measures
    means = mean_activations(weights, pooling=pooling)
    units = tuple(float(means[layer].mean()) for layer in measures.style_layers)
    return dataclasses.replace(measures, units=units)


def floored(means: np.ndarray, floor: float) -> np.ndarray:
    """Mean activations (N,) of a layer's filters, none below `floor` times their mean.

    The paper has no floor, and ImageNet's VGG needs none: no filter of a style layer lies below a
    hundredth of its layer's mean. Filters that hardly ever fire, divided by their own tiny means,
    would drown all others in the style loss. A dead filter counts as one.
    """
    found = np.maximum(means, floor * means.mean())
    return np.where(found > 0, found, np.float32(1))


def mean_activations(
    weights: Weights, *, pooling: Literal["avg", "max"]
) -> Mapping[str, np.ndarray]:
    """Mean activation of every filter over the bundled photographs, each counting the same.

    They are computed once for a weights file (some ten seconds) and kept in the user's cache
    folder. The authors used images of ImageNet (unverified), with which pooling is not known: here
    with that of the network they are used in.

    Returns:
        By layer name, float32 (N,), in the units of the raw network's activations.
    """
    photos = datasets.photos()
    digest = hashlib.sha256(f"{weights.sha256} {pooling} {SCALING_SIZE}".encode())
    for photo in photos.values():
        digest.update(photo.path.read_bytes())
    kept = cache_folder() / f"mean-activations-{digest.hexdigest()[:16]}.npz"
    means = _read_means(kept, weights)
    if means is not None:
        return means
    network = loss_network(weights, tuple(weights.kernels), pooling=pooling)

    @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3))])
    def over_positions(image: tf.Tensor) -> dict[str, tf.Tensor]:
        features = network(image)
        return {name: tf.reduce_mean(values, (0, 1, 2)) for name, values in features.items()}

    bar = tqdm(photos.values(), desc="mean activations (once per weights file)", leave=False)
    rows = [over_positions(photo.load(size=SCALING_SIZE)[None]) for photo in bar]
    means = {
        name: np.stack([row[name] for row in rows]).mean(axis=0, dtype=np.float32)
        for name in weights.kernels
    }
    # A cache that cannot be written costs ten seconds the next time, and no result.
    with contextlib.suppress(OSError, InputError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary:
            named: dict[str, Any] = dict(means)
            np.savez(temporary, **named)
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
