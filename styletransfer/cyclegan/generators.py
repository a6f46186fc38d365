"""Trained generators: a picture in, its translation out in a second."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from .._tensorflow import keras, tf
from ..errors import InputError, NonFiniteError, nearest
from ..options import check_number
from ..pictures import datasets
from ..pictures.files import file_sha256
from ..pictures.images import as_picture, fit, resize
from ..pictures.sources import Source, open_picture
from ..runs.checkpoint import read_state, write_state
from ..runs.record import Result, picture_checksum, versions
from .networks import BYTES, MULTIPLE, generator, parameters
from .record import check_record
from .settings import ADAPTED, SHIPPED

__all__ = ["Generator", "Translation", "generator_of", "write_average", "write_generator"]

SCALE = ".scale"  # the unit of a kernel that is written as integers

LEAST_DEVIATION = 1e-3  # of a channel behind instance norm, where 1 is usual; less is rounding

LEAST_SIDE = 16  # pixels, below which there is nothing to reflect at the borders


def _read(path: str | os.PathLike) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Weights and facts of a generator's file."""

    def check(facts: dict[str, Any], headers: Mapping[str, Any]) -> None:
        settings = check_record(facts.get("training"))
        if facts.get("network") != settings.network:
            raise InputError("its network is not that of its settings")
        weights = {name: shape for name, (shape, _) in headers.items() if not name.endswith(SCALE)}
        count = sum(map(math.prod, weights.values()))
        if count != parameters(filters=settings.filters, blocks=settings.depth):
            raise InputError(f"{count} weights are not those of its network")

    arrays, facts = read_state(path, what="a trained generator", check=check)
    try:
        count = sum(not name.endswith(SCALE) for name in arrays)
        weights = [arrays[str(i)].astype(np.float32) for i in range(count)]
        scales = [arrays.get(f"{i}{SCALE}", np.ones(1)).astype(np.float32) for i in range(count)]
        return [w * s for w, s in zip(weights, scales, strict=True)], facts
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is not a trained generator ({error!r})") from None


def _shipped(name: str) -> Path:
    return datasets.data_folder() / "generators" / f"{name}.npz"


class Translation(Result):
    """A translated picture and its record: which generator, which picture, which size."""

    @property
    def caption(self) -> str:
        """Which generator made the picture, how long it was trained, and the size, in one line."""
        made = self.record["generator"]
        training, settings = made["training"], made["training"]["settings"]
        kind = "CycleGAN"
        if training["kind"] == "adapted":
            weights = f"λ = {training.get('lam') or 0:g}, γ = {settings['adversarial']:g}"
            kind = f"adapted generator, {settings['form']}, {weights}"
        several = set(training.get("averaged", ()))
        mean = f", mean of {len(several)} snapshots" if several else ""
        return (
            f"{made['name']} ({kind}, {training['step']} steps at {settings['size']} px{mean}), "
            f"{self.record['size']} px"
        )

    def __repr__(self) -> str:
        return f"<Translation: {self.caption}>"


class Generator:
    """A generator from a file: one of `SHIPPED`, or the path of an .npz file that a training wrote.

    It has its name, the `record` of its training, the SHA-256 of the file, and the `shape` of its
    network: the arguments of `networks.generator`.

    Raises:
        FileNotFoundError: no such file.
        InputError: no such name, or a file that is no generator.
    """

    def __init__(self, name_or_path: str | os.PathLike) -> None:
        path = Path(name_or_path)
        self.name = path.stem
        if str(name_or_path) in SHIPPED:
            path = _shipped(str(name_or_path))
        elif not path.suffix and len(path.parts) == 1 and not os.path.exists(path):
            known = nearest(self.name, SHIPPED, what="generator")
            raise InputError(f"{known} (or give the path of a file)")
        if path.is_dir():
            files = [str(path / name) for name in ("BtoA.npz", "AtoB.npz")]
            names = " or ".join(filter(os.path.exists, files)) or "the file of a generator"
            raise InputError(f"{path} is a folder; name {names}")
        weights, facts = _read(path)
        self.sha256, self.shape = file_sha256(path), facts["network"]
        self._network = generator(**self.shape)
        try:
            self._network.set_weights(weights)
        except ValueError as error:
            raise InputError(f"{path} is not a trained generator ({error})") from None
        self.record: dict[str, Any] = facts["training"]
        signature = [tf.TensorSpec((1, None, None, 3))]
        self._function = tf.function(self._network, input_signature=signature)

    @property
    def weights(self) -> list[np.ndarray]:
        """The network's weights, float32, in the order of Keras."""
        return self._network.get_weights()

    def translate(
        self, picture: str | os.PathLike | np.ndarray | Source, *, size: int | None = None
    ) -> Translation:
        """Translate a picture.

        Args:
            picture: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
            size: long side in pixels of the result; None is the picture's own. Strokes have the
                size that they had in the training, in pixels: the larger the picture, the finer
                they are in it.

        Raises:
            FileNotFoundError: a picture that is not there.
            InputError: one that cannot be used, or one that is too large for the memory.
        """
        if size is not None:
            check_number("size", size, whole=True, low=1, high=100_000)
        source = picture if isinstance(picture, Source) else open_picture(picture)
        height, width = fit(source.picture.shape, size or max(source.picture.shape))
        needed = height * width * self.shape["filters"] * BYTES
        if needed > (free := psutil.virtual_memory().available):
            most = int(max(height, width) * (free / needed) ** 0.5)
            raise InputError(
                f"{width} x {height} px take {needed / 1e9:.1f} GB of memory, and "
                f"{free / 1e9:.1f} GB are available; give a size of at most {most}"
            )
        image = self(resize(source.picture, (height, width)))
        names = ("kind", "settings", "step", "lam", "averaged")
        training = {name: self.record[name] for name in names if name in self.record}
        record = {
            "generator": {"name": self.name, "sha256": self.sha256, "training": training},
            "content": source.about,
            "size": max(height, width),
            "versions": versions(),
            "picture": {"width": width, "height": height, "sha256": picture_checksum(image)},
        }
        return Translation(image, record)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The translation of a picture (H, W, 3), in [0, 1] or uint8, as float32 in [0, 1].

        Raises:
            InputError: it is no picture, or its sides are too small.
        """
        picture = as_picture(picture)
        height, width = picture.shape[:2]
        made = self._function(_padded(picture)).numpy()[0]
        return np.clip(made[:height, :width] / 2 + 0.5, 0, 1)

    def save(self, path: str | os.PathLike) -> None:
        """Write it as the shipped ones are: kernels as whole numbers of a unit for each filter.

        Raises:
            InputError, OSError: the place cannot be written.
        """
        arrays = {}
        for i, weights in enumerate(self.weights):
            arrays[str(i)] = weights.astype(np.float16)
            if weights.ndim == 4:
                scale = np.maximum(np.abs(weights).max((0, 1, 2)) / 127, 1e-7).astype(np.float16)
                arrays[str(i)] = np.round(weights / scale.astype(np.float32)).astype(np.int8)
                arrays[f"{i}{SCALE}"] = scale
        write_state(path, arrays, {"network": self.shape, "training": self.record})

    def spikes(self, picture: np.ndarray) -> pd.DataFrame:
        """Where single positions outshine all others of a channel, in each normalising layer.

        Karras et al. 2020 (arXiv 1912.04958), Sec. 2: behind instance normalisation a generator can
        carry the strength of a signal past it in a spike, which is seen as a droplet. A value's
        deviation is |a - μ|/σ with mean and standard deviation of its channel over the positions, σ
        at least `LEAST_DEVIATION`.

        Args:
            picture: (H, W, 3), in [0, 1] or uint8, as of a call; it takes twice a call's memory.

        Returns:
            By layer, from 1 at the input: `largest`, the largest deviation; `row` and `column`
            where it is, in pixels of the picture; `share`, the largest part of a channel's energy
            (sum of squared deviations) in a thousandth of its positions, from 0 to 1.

        Raises:
            InputError: it is no picture, or its sides are too small.
        """
        picture = as_picture(picture)
        norms, network = keras.layers.GroupNormalization, self._network
        layers = [layer for layer in network.layers if isinstance(layer, norms)]
        found, whole = [], _padded(picture)
        for values in keras.Model(network.inputs, [layer.output for layer in layers])(whole):
            a = np.asarray(values, np.float64)[0]
            deviations = np.abs(a - a.mean((0, 1))) / np.maximum(a.std((0, 1)), LEAST_DEVIATION)
            row, column, _ = np.unravel_index(deviations.argmax(), a.shape)
            # A position of a reduced layer is around that pixel; one in the padding is at the edge.
            scale = whole.shape[1] // a.shape[0]
            place = np.minimum((row * scale, column * scale), np.subtract(picture.shape[:2], 1))
            energy = np.sort(deviations.reshape(-1, a.shape[-1]) ** 2, axis=0)
            most = energy[-math.ceil(len(energy) / 1000) :].sum(0) / len(energy)
            found.append((deviations.max(), *place, most.max()))
        index = pd.RangeIndex(1, len(found) + 1, name="layer")
        return pd.DataFrame(found, index, ["largest", "row", "column", "share"])


def generator_of(paintings: Sequence[Source]) -> Generator:
    """The shipped generator for the study's objective whose training had just these paintings.

    Raises:
        InputError: there is none.
    """
    wanted = {painting.about["sha256"] for painting in paintings}
    for name in ADAPTED:
        _, facts = _read(_shipped(name))
        if wanted == {painting["sha256"] for painting in facts["training"]["data"]["A"]}:
            return Generator(name)
    raise InputError(
        f"no generator was trained on {', '.join(p.label for p in paintings)}; there are those of "
        f"{', '.join(ADAPTED)} (choose another init)"
    )


def _padded(picture: np.ndarray) -> tf.Tensor:
    """A picture as a network takes it: (1, H', W', 3) in [-1, 1], sides reflected to multiples.

    Raises:
        InputError: its sides are too small.
    """
    height, width = picture.shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise InputError(
            f"a picture of {width} x {height} px is too small; its sides need {LEAST_SIDE}"
        )
    edges = ((0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0))
    return tf.constant(np.pad(picture, edges, mode="reflect")[None] * 2 - 1)


def write_average(path: str | os.PathLike, sources: Sequence[str | os.PathLike]) -> None:
    """Write the generator with the mean weights of several, snapshots of one training.

    Izmailov et al. 2018 (arXiv 1803.05407); for GANs, whose networks circle around each other
    rather than settle, Yazıcı et al. 2019 (arXiv 1806.04498). Its record is that of the last one,
    with all steps as "averaged". Sources: in the order of steps; one given twice counts twice.

    Raises:
        FileNotFoundError: one is not there.
        InputError: none is given, one is no generator, or they are of different trainings.
    """
    if not sources:
        raise InputError("there is no generator to average; name at least one file")
    several, facts = zip(*map(_read, sources), strict=True)
    trainings = [fact["training"] for fact in facts]
    kinds = [(f["network"], f["training"]["data"], f["training"]["kind"]) for f in facts]
    if any(kind != kinds[0] for kind in kinds):
        raise InputError("generators of different networks or trainings cannot be averaged")
    means = [np.mean(arrays, axis=0) for arrays in zip(*several, strict=True)]
    record = {**trainings[-1], "averaged": [training["step"] for training in trainings]}
    _write(path, means, record)


def write_generator(path: str | os.PathLike, network: keras.Model, record: dict[str, Any]) -> None:
    """Write a generator and the record of its training into one .npz file, in half precision.

    The settings of the record say what network it is.

    Raises:
        InputError, OSError: the place cannot be written.
        NonFiniteError: a weight is beyond the range of half precision.
    """
    _write(path, network.get_weights(), record)


def _write(path: str | os.PathLike, weights: Sequence[np.ndarray], record: dict[str, Any]) -> None:
    with np.errstate(over="ignore"):
        arrays = {str(i): np.asarray(values, np.float16) for i, values in enumerate(weights)}
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise NonFiniteError(
            "a weight of the generator is too large for its file; train again in another folder, "
            "with a smaller learning_rate"
        )
    network = check_record(record).network
    write_state(path, arrays, {"network": network, "training": record})
