"""The two sides of a training: pictures in memory, and batches of crops in a `tf.data` pipeline."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from .._tensorflow import tf
from ..errors import InputError, nearest
from ..pictures import datasets
from ..pictures.datasets import Picture
from ..pictures.images import encode, resize
from .published import PUBLISHED, PublishedPicture, splits
from .settings import TrainingSettings

__all__ = ["HOLD_OUT", "SIDES", "Data", "Side", "batches", "named", "open_data"]

log = logging.getLogger("styletransfer")

SIDES = ("A", "B")
"""A are the paintings and B the photographs, as in the published sets (monet2photo, vangogh2photo, …)."""

HOLD_OUT = (
    *("neuschwanstein_castle", "petra", "gateway_of_india", "mont_saint_michel"),
    *("chateau_de_chenonceau", "colosseum", "machu_picchu", "schwerin_palace"),
)
"""The bundled photographs that no training sees; the other 36 are trained on."""

PAINTER = "Vincent van Gogh"
"""Whose bundled paintings are trained on, all nine of them; a collection has one painter."""

FEWEST = 2
"""Pictures that a side needs at least. With one there is nothing to learn that is common to a collection."""

SHARE = 0.5  # of the available memory that the pictures may take

NAMED = 5  # files that are named in a message, however many there are


@dataclass(frozen=True)
class Side:
    """The training pictures of one side.

    Attributes:
        pictures: uint8 (H, W, 3) each, the short side of `TrainingSettings.short_side` pixels.
        about: name, SHA-256 and credit of each, as a record keeps them.
        skipped: by name, why a file was left out.
    """

    pictures: tuple[np.ndarray, ...]
    about: tuple[dict[str, str], ...]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Data:
    """Two sides, and pictures that are kept out of the training.

    Attributes:
        source: "bundled", the folder, the two folders, or the name of the set.
        a, b: the sides.
        hold_out: by side ("A", "B"), pictures that are never trained on; a side may have none.
    """

    source: str | list[str]
    a: Side
    b: Side
    hold_out: Mapping[str, Mapping[str, Picture | PublishedPicture]]

    @property
    def about(self) -> dict[str, Any]:
        """What a record keeps: the source, each picture's checksum, what was left out, and the hold-outs' names."""
        sides = {name: list(side.about) for name, side in zip(SIDES, (self.a, self.b), strict=True)}
        skipped = {
            name: side.skipped
            for name, side in zip(SIDES, (self.a, self.b), strict=True)
            if side.skipped
        }
        hold_out = {name: list(pictures) for name, pictures in self.hold_out.items()}
        return {"source": self.source, **sides, "skipped": skipped, "hold_out": hold_out}


def named(source: str | os.PathLike | Sequence[str | os.PathLike]) -> str | list[str]:
    """What `Data.source` calls a source of `open_data`."""
    return (
        os.fspath(source)
        if isinstance(source, (str, os.PathLike))
        else [os.fspath(each) for each in source]
    )


def open_data(
    source: str | os.PathLike | Sequence[str | os.PathLike] = "bundled",
    *,
    short_side: int,
    least: int = 1,
    progress: bool = True,
) -> Data:
    """Read the pictures of both sides.

    Args:
        source: "bundled" for the paintings by `PAINTER` and the photographs but for `HOLD_OUT`; a
            folder with trainA and trainB, and testA and testB where there are hold-outs; two
            folders, of side A and of side B; or the name of a published set, see `PUBLISHED`.
        short_side: in pixels, to which each picture is brought.
        least: short side in pixels that a picture must have itself; smaller ones are left out.
        progress: show a progress bar.

    Raises:
        InputError: no such folder or set, a side with too few pictures that can be read, or pictures that take more
            memory than there is.
    """
    name = named(source)
    home = Path(name if isinstance(name, str) else "")
    if not isinstance(name, str):
        if len(name) != len(SIDES):
            raise InputError(
                f"{len(name)} folders are given; give one of paintings and one of photographs"
            )
        found = dict(zip(SIDES, map(datasets.folder, name), strict=True))
        training = {side: (len(pictures), pictures.values()) for side, pictures in found.items()}
        hold_out = {side: {} for side in SIDES}
    elif name == "bundled":
        photos = datasets.photos()
        hold_out = {"A": {}, "B": {name: photos[name] for name in HOLD_OUT}}
        paintings = datasets.paintings(artist=PAINTER).values()
        chosen = {"A": paintings, "B": [photos[name] for name in photos if name not in HOLD_OUT]}
        training = {side: (len(pictures), pictures) for side, pictures in chosen.items()}
    elif home.is_dir():
        found = {side: datasets.folder(home / f"train{side}") for side in SIDES}
        training = {side: (len(pictures), pictures.values()) for side, pictures in found.items()}
        hold_out = {side: _pictures_in(home / f"test{side}") for side in SIDES}
    elif name in PUBLISHED:
        found = splits(name)
        training = {side: found[f"train{side}"] for side in SIDES}
        hold_out = {
            side: {picture.name: picture for picture in found[f"test{side}"][1]} for side in SIDES
        }
    elif home.suffix or len(home.parts) > 1:
        raise InputError(f"there is no folder {home}; name one that has trainA and trainB")
    else:
        raise InputError(
            nearest(name, ("bundled", *PUBLISHED), what="set of pictures") + " (or give a folder)"
        )
    options = {"short_side": short_side, "least": least, "progress": progress}
    a, b = (
        read_side(training[side][1], count=training[side][0], what=f"side {side}", **options)
        for side in SIDES
    )
    return Data(name, a, b, hold_out)


def _pictures_in(path: Path) -> Mapping[str, Picture]:
    """Those of a folder, which may be empty or not be there."""
    there = path.is_dir() and any(not file.name.startswith(".") for file in path.iterdir())
    return datasets.folder(path) if there else {}


def read_side(
    pictures: Iterable[Picture | PublishedPicture],
    *,
    count: int,
    what: str,
    short_side: int,
    least: int = 1,
    progress: bool = True,
) -> Side:
    """Read pictures into memory. Files that cannot be read are left out, named and counted in the log.

    Args:
        pictures: the files.
        count: how many they are.
        what: the side's name, for messages.
        short_side: as in `open_data`.
        least: likewise.
        progress: likewise.

    Raises:
        InputError: fewer than `FEWEST` can be read, or they do not fit into memory.
    """
    free, taken = SHARE * psutil.virtual_memory().available, 0
    read, about, skipped = [], [], {}
    bar = tqdm(
        pictures,
        desc=f"reading {what}",
        total=count,
        disable=not progress or count < 100,
        leave=False,
    )
    for file in bar:
        try:
            picture = file.load()
            if min(picture.shape[:2]) < least:
                raise InputError(
                    f"it has {picture.shape[1]} x {picture.shape[0]} px, and its sides need {least}"
                )
            checksum = file.checksum()
        except (InputError, OSError) as error:
            skipped[file.name] = str(error)
            continue
        scale = short_side / min(picture.shape[:2])
        shape = tuple(max(short_side, round(n * scale)) for n in picture.shape[:2])
        taken += 3 * shape[0] * shape[1]
        if (needed := taken * count / (len(read) + 1)) > free:
            raise InputError(
                f"the {count} pictures of {what} take some {needed / 1e9:.1f} GB at {short_side} px, more than "
                f"{free / 1e9:.1f} GB of memory; give a smaller load_size or fewer pictures"
            )
        read.append(encode(resize(picture, shape)))
        about.append({"name": file.name, "sha256": checksum, "credit": file.credit})
    if skipped:
        named = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:NAMED])
        more = f"; and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        log.warning(
            "%d of %d files of %s are left out (%s%s).", len(skipped), count, what, named, more
        )
    if len(read) < FEWEST:
        raise InputError(
            f"{what} has {len(read)} picture(s) that can be used; at least {FEWEST} are needed"
        )
    return Side(tuple(read), tuple(about), skipped)


def batches(
    sides: Sequence[Side], settings: TrainingSettings, *, start: int = 0
) -> tf.data.Dataset:
    """Batches of crops: resized, cropped at random and flipped at random, as in Zhu et al. 2017's code.

    Each side goes through its pictures in an order of its own that changes with every pass. What a step gets depends on
    the seed and on its number alone, so that a training that goes on at a step gets what it would have got.

    Args:
        sides: one or more.
        settings: size, batch, seed, steps, widest.
        start: the first step (counted from 0).

    Returns:
        A dataset of `settings.steps - start` tuples with a tensor float32 (batch, size, size, 3) in [-1, 1] a side.
    """

    def fetched(side: np.ndarray, draw: np.ndarray) -> np.ndarray:
        pictures = sides[side].pictures
        turn, place = divmod(int(draw), len(pictures))
        return pictures[
            np.random.default_rng((settings.seed, side, turn)).permutation(len(pictures))[place]
        ]

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
