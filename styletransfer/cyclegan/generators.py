"""Trained generators: a picture in, its translation out in a second."""

import functools
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .._tensorflow import keras, tf
from ..errors import InputError, nearest
from ..pictures import datasets
from ..pictures.images import as_picture, fit, resize
from ..pictures.sources import Source, open_picture
from ..runs.record import Result, picture_checksum, versions
from ..runs.states import read_state, write_state
from .networks import MULTIPLE, generator

__all__ = ["SHIPPED", "Generator", "Translation", "write_average", "write_generator"]

SHIPPED = ("photo2vangogh", "vangogh2photo")
"""The generators that come along, in data/generators.

They were trained on eight of the bundled paintings by Van Gogh and on the bundled photographs but
for `HOLD_OUT`. The ninth painting, village_street_in_auvers, came later.
"""

BYTES = 30
"""Bytes of memory for each pixel and each filter of the first layer; 28 and 29 were measured at 1024 and 2048 px with
32 filters (`tests/benchmarks/test_cyclegan.py`)."""

LEAST_SIDE = 16
"""Pixels of the short side that a picture must have: below it, there is nothing to reflect at the borders."""


class Translation(Result):
    """A translated picture and its record: which generator with which checksum, which picture, which size."""

    @property
    def caption(self) -> str:
        """Which generator made the picture, how long it was trained, and the size, in one line."""
        made, training = self.record["generator"], self.record["generator"]["training"]
        terms = ""
        if training["kind"] == "adapted":
            settings = training["settings"]
            terms = (
                f", {settings['form']}, λ = {training['lam']:g}, γ = {settings['adversarial']:g}"
            )
        return (
            f"{made['name']} ({'CycleGAN' if training['kind'] == 'cycle' else 'adapted generator'}{terms}, "
            f"{training['step']} steps at {training['settings']['size']} px"
            + (f", mean of {len(training['averaged'])} snapshots" if "averaged" in training else "")
            + f"), {self.record['size']} px"
        )

    def __repr__(self) -> str:
        return f"<Translation: {self.caption}>"


class Generator:
    """A generator from a file.

    Args:
        name_or_path: one of `SHIPPED`, or the path of an .npz file that a training wrote.

    Attributes:
        name: as given, or the file's name.
        record: of the training.
        sha256: of the file.

    Raises:
        FileNotFoundError: no such file.
        InputError: no such name, or a file that is no generator.
    """

    def __init__(self, name_or_path: str | os.PathLike) -> None:
        """Read the weights and build the network."""
        path = Path(name_or_path)
        self.name = path.stem
        if str(name_or_path) in SHIPPED:
            path = datasets.data_folder() / "generators" / f"{name_or_path}.npz"
        elif not path.suffix and len(path.parts) == 1 and not path.exists():
            raise InputError(
                nearest(self.name, SHIPPED, what="generator") + " (or give the path of a file)"
            )
        if path.is_dir():
            there = [name for name in ("BtoA", "AtoB") if (path / f"{name}.npz").exists()]
            advice = (
                " or ".join(str(path / f"{name}.npz") for name in there)
                or "the file of a generator"
            )
            raise InputError(f"{path} is a folder; name {advice}")
        arrays, facts = read_state(path, what="a trained generator")
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        try:
            self._filters = facts["network"]["filters"]
            self._network = generator(**facts["network"])
            self._network.set_weights(
                [arrays[str(i)].astype(np.float32) for i in range(len(arrays))]
            )
            self.record: dict[str, Any] = facts["training"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a trained generator ({error!r})") from None
        signature = [tf.TensorSpec((1, None, None, 3))]
        self._function = tf.function(
            functools.partial(self._network, training=False), input_signature=signature
        )

    def translate(
        self, picture: str | os.PathLike | np.ndarray | Source, *, size: int | None = None
    ) -> Translation:
        """Translate a picture.

        Args:
            picture: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
            size: long side in pixels of the result; None keeps the picture's own. Strokes have the size that they had
                in the training, in pixels: the larger the picture, the finer they are in it.

        Raises:
            FileNotFoundError: a picture that is not there.
            InputError: one that cannot be used, or one that is too large for the memory.
        """
        source = picture if isinstance(picture, Source) else open_picture(picture)
        shape = source.picture.shape[:2] if size is None else fit(source.picture.shape, size)
        self._check_memory(shape)
        image = self(resize(source.picture, shape))
        record = {
            "generator": {
                "name": self.name,
                "sha256": self.sha256,
                "training": self._short_record(),
            },
            "content": source.about,
            "size": max(shape),
            "versions": versions(),
            "picture": {"width": shape[1], "height": shape[0], "sha256": picture_checksum(image)},
        }
        return Translation(image, record)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """A picture's translation, float32 (H, W, 3) in [0, 1] of the same shape.

        Args:
            picture: (H, W, 3) in [0, 1], or uint8 in 0..255.

        Raises:
            InputError: it is no picture, or its sides are too small.
        """
        picture = as_picture(picture)
        height, width = picture.shape[:2]
        if min(height, width) < LEAST_SIDE:
            raise InputError(
                f"a picture of {width} x {height} px is too small; its sides need {LEAST_SIDE}"
            )
        # Sides that are no multiples are reflected, and what was added is cut off again.
        edges = ((0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0))
        whole = np.pad(picture, edges, mode="reflect")
        found = self._function(tf.constant(whole[None] * 2 - 1)).numpy()[0]
        return np.clip(found[:height, :width] / 2 + 0.5, 0, 1)

    def _check_memory(self, shape: tuple[int, int]) -> None:
        needed, free = (
            shape[0] * shape[1] * self._filters * BYTES,
            psutil.virtual_memory().available,
        )
        if needed > free:
            most = int(max(shape) * (free / needed) ** 0.5)
            raise InputError(
                f"{shape[1]} x {shape[0]} px take {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are "
                f"available; give a size of at most {most}"
            )

    def _short_record(self) -> dict[str, Any]:
        names = ("kind", "settings", "step", "lam", "averaged")
        return {name: self.record[name] for name in names if name in self.record}


def write_average(path: str | os.PathLike, sources: Sequence[str | os.PathLike]) -> None:
    """Write the generator whose weights are the means of those of several, snapshots of one training.

    Izmailov et al. 2018 (arXiv 1803.05407); for GANs, whose networks circle around each other rather than settle,
    Yazıcı et al. 2019 (arXiv 1806.04498). Its record is that of the last one, with all their steps as "averaged".

    Args:
        path: the file to be.
        sources: files that `write_generator` wrote, in the order of their steps.

    Raises:
        FileNotFoundError: one is not there.
        InputError: none is given, one is no generator, or they are of different trainings.
    """
    if not sources:
        raise InputError("there is no generator to average; name at least one file")
    found = [read_state(source, what="a trained generator") for source in sources]
    try:
        known = [
            (facts["network"], facts["training"]["data"], facts["training"]["kind"])
            for _, facts in found
        ]
        steps = [facts["training"]["step"] for _, facts in found]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"one of the files is not a trained generator ({error!r} is missing or wrong)"
        ) from None
    if any(each != known[0] for each in known):
        raise InputError("generators of different networks or trainings cannot be averaged")
    means = {
        name: np.mean([arrays[name].astype(np.float32) for arrays, _ in found], axis=0).astype(
            np.float16
        )
        for name in found[0][0]
    }
    facts = found[-1][1]
    write_state(path, means, {**facts, "training": {**facts["training"], "averaged": steps}})


def write_generator(path: str | os.PathLike, network: keras.Model, record: dict[str, Any]) -> None:
    """Write a generator and the record of its training into one .npz file, the weights in half precision.

    Args:
        path: the file to be.
        network: a generator of `networks.generator`.
        record: of the training; its settings say what network it is.

    Raises:
        InputError, OSError: the place cannot be written.
    """
    settings = record["settings"]
    shape = {
        "filters": settings["filters"],
        "blocks": record["blocks"],
        "upsampling": settings["upsampling"],
    }
    arrays = {
        str(i): np.asarray(values, np.float16) for i, values in enumerate(network.get_weights())
    }
    write_state(path, arrays, {"network": shape, "training": record})
