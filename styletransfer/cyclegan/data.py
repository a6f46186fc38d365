"""The two sides of a training: their pictures, read into memory, and batches of crops of them."""

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
from ..errors import InputError, first_few, nearest
from ..pictures import datasets
from ..pictures.datasets import Picture
from ..pictures.images import encode, resize
from .published import PUBLISHED, PublishedPicture, splits
from .settings import HOLD_OUT, VALIDATION, TrainingSettings

__all__ = [
    "HOLD_OUT",
    "SIDES",
    "VALIDATION",
    "Data",
    "Side",
    "batches",
    "data_for",
    "difference",
    "open_data",
]

log = logging.getLogger("styletransfer")

SIDES = ("A", "B")
"""A are the paintings and B the photographs, as in the published sets (monet2photo, …)."""

PAINTER = "Vincent van Gogh"  # whose nine bundled paintings are trained on

BUNDLED = "bundled"  # and bundled:great_wave+spring names the paintings
SHARE = 0.5  # of the available memory that the pictures may take

File = Picture | PublishedPicture
Files = dict[str, Mapping[str, File]]
Origin = str | os.PathLike | Sequence[str | os.PathLike]


@dataclass(frozen=True)
class Side:
    """The training pictures of one side, uint8 (H, W, 3), with short sides of `short_side` pixels.

    A record has name, SHA-256 and credit of each (`about`), and why files were `skipped`, by name.
    """

    pictures: tuple[np.ndarray, ...]
    about: tuple[dict[str, str], ...]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Data:
    """Two sides, and pictures that are held out of the training.

    The source is "bundled", the folder, the two folders, or the name of the set. A side ("A", "B")
    may have no pictures that are held out.
    """

    source: str | list[str]
    a: Side
    b: Side
    hold_out: Mapping[str, Mapping[str, File]]

    @property
    def about(self) -> dict[str, Any]:
        """For a record: the source, checksums, what was left out, and the hold-outs' names."""
        sides = {"A": self.a, "B": self.b}
        return {
            "source": self.source,
            **{name: list(side.about) for name, side in sides.items()},
            "skipped": {name: side.skipped for name, side in sides.items() if side.skipped},
            "hold_out": {name: list(pictures) for name, pictures in self.hold_out.items()},
        }


def source_name(source: Origin) -> str | list[str]:
    """What `Data.source` calls a source of `open_data`."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return [os.fspath(path) for path in source]


def open_data(
    source: Origin = BUNDLED,
    *,
    short_side: int,
    least: int = 1,
    fewest: int = TrainingSettings.fewest,
    progress: bool = True,
) -> Data:
    """Read the pictures of both sides.

    Args:
        source: "bundled" for the paintings by `PAINTER` and the photographs but for `HOLD_OUT` and
            `VALIDATION`;
            "bundled:great_wave+spring" for other paintings; a folder with trainA and trainB, and
            testA and testB where there are hold-outs; two folders, of side A and of side B; or one
            of `PUBLISHED`.
        short_side: in pixels, to which each picture is brought.
        least: short side in pixels that a picture must have itself; smaller ones are left out.
        fewest: paintings that there must be.
        progress: show a progress bar.

    Raises:
        InputError: no such folder or set, a side with too few pictures that can be read, or
            pictures that take more memory than there is.
    """
    name = source_name(source)
    training, hold_out = _files(name)
    hidden, sizes = not progress, (short_side, least)
    a, b = (
        _read_side(*training[side], f"side {side}", *sizes, number, hidden)
        for side, number in zip(SIDES, (fewest, TrainingSettings.fewest), strict=True)
    )
    return Data(name, a, b, hold_out)


def data_for(source: Origin | Data, settings: TrainingSettings, *, progress: bool) -> Data:
    """The data of a source as settings need it; `Data` is given back as it is."""
    if isinstance(source, Data):
        return source
    sizes = {"short_side": settings.short_side, "least": settings.size // 2}
    return open_data(source, **sizes, fewest=settings.fewest, progress=progress)


def _files(source: str | list[str]) -> tuple[dict[str, tuple[int, Iterable[File]]], Files]:
    """By side: how many training pictures there are, and they; and the hold-outs by name."""
    home = Path(source if isinstance(source, str) else "")
    hold_out: Files = {"A": {}, "B": {}}
    files: Files
    if not isinstance(source, str):
        if len(source) != len(SIDES):
            raise InputError(
                f"{len(source)} folders are given; give one of paintings and one of photographs"
            )
        files = dict(zip(SIDES, map(datasets.folder, source), strict=True))
    elif source == BUNDLED or source.startswith(f"{BUNDLED}:"):
        photos, names = datasets.photos(), source.partition(":")[2]
        hold_out["B"] = {name: photos[name] for name in HOLD_OUT}
        others = {n: photos[n] for n in photos if n not in HOLD_OUT and n not in VALIDATION}
        files = {"A": _paintings(names.split("+") if names else []), "B": others}
    elif home.is_dir():
        files = {side: datasets.folder(home / f"train{side}") for side in SIDES}
        for side in SIDES:
            tests = home / f"test{side}"
            if tests.is_dir() and any(not path.name.startswith(".") for path in tests.iterdir()):
                hold_out[side] = datasets.folder(tests)
    elif source in PUBLISHED:
        parts = splits(source)
        for side in SIDES:
            hold_out[side] = {picture.name: picture for picture in parts[f"test{side}"][1]}
        return {side: parts[f"train{side}"] for side in SIDES}, hold_out
    elif home.suffix or len(home.parts) > 1:
        raise InputError(f"there is no folder {home}; name one that has trainA and trainB")
    else:
        known = ("bundled", *PUBLISHED)
        raise InputError(nearest(source, known, what="set of pictures") + " (or give a folder)")
    return {side: (len(pictures), pictures.values()) for side, pictures in files.items()}, hold_out


def _paintings(names: Sequence[str]) -> Mapping[str, Picture]:
    """Bundled paintings: those that are named, or all by `PAINTER`."""
    if not names:
        return datasets.paintings(artist=PAINTER)
    known = datasets.paintings()
    if unknown := [name for name in names if name not in known]:
        raise InputError(nearest(unknown[0], known, what="painting"))
    return {name: known[name] for name in names}


def _read_side(
    count: int,
    pictures: Iterable[File],
    what: str,
    short_side: int,
    least: int,
    fewest: int,
    hidden: bool,
) -> Side:
    """Read a side's pictures, `count` of them. What cannot be read is left out, and logged."""
    free, taken = SHARE * psutil.virtual_memory().available, 0
    read: list[np.ndarray] = []
    about: list[dict[str, str]] = []
    skipped: dict[str, str] = {}
    hidden = hidden or count < 100
    for file in tqdm(pictures, f"reading {what}", total=count, disable=hidden, leave=False):
        try:
            picture = file.load()
            height, width = picture.shape[:2]
            if min(height, width) < least:
                raise InputError(f"it has {width} x {height} px, and its sides need {least}")
            checksum = file.checksum()
        except (InputError, OSError) as error:
            log.debug("%s is left out.", file.name, exc_info=True)
            skipped[file.name] = str(error)
            continue
        scale = short_side / min(height, width)
        shape = max(short_side, round(height * scale)), max(short_side, round(width * scale))
        taken += 3 * shape[0] * shape[1]
        if (needed := taken * count / (len(read) + 1)) > free:
            raise InputError(
                f"the {count} pictures of {what} take some {needed / 1e9:.1f} GB at {short_side} "
                f"px, more than {free / 1e9:.1f} GB of memory; give a smaller load_size or fewer "
                "pictures"
            )
        read.append(encode(resize(picture, shape)))
        about.append({"name": file.name, "sha256": checksum, "credit": file.credit})
    if skipped:
        named = first_few([f"{name}: {why}" for name, why in skipped.items()], "; ")
        log.warning("%d of %d files of %s are left out (%s).", len(skipped), count, what, named)
    if len(read) < fewest:
        raise InputError(
            f"{what} has {len(read)} picture(s) that can be used; at least {fewest} are needed"
        )
    return Side(tuple(read), tuple(about), skipped)


def difference(before: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> str:
    """In which pictures two trainings (`Data.about`) differ, in words; empty where in none.

    Without the second it is what is in the files of the first today, which are not decoded.
    Published sets never change, and of files that are gone nothing can be said.
    """
    source, skipped = before["source"], before.get("skipped", {})
    old = {side: [picture["sha256"] for picture in before[side]] for side in SIDES}
    try:
        if now is not None:
            new = {side: [picture["sha256"] for picture in now[side]] for side in SIDES}
        elif source in PUBLISHED and not Path(source).is_dir():
            return ""
        else:
            new = {
                side: [f.checksum() for f in files if f.name not in skipped.get(side, ())]
                for side, (_, files) in _files(source)[0].items()
            }
    except (InputError, OSError):
        log.debug("The pictures of %s cannot be compared.", source, exc_info=True)
        return ""
    for side in SIDES:
        if old[side] != new[side]:
            come, gone = len(set(new[side]) - set(old[side])), len(set(old[side]) - set(new[side]))
            said = f"{come} are new, {gone} are gone" if come or gone else "another order"
            return f"the pictures of side {side} are not those that were trained on ({said})"
    return ""


def batches(
    sides: Sequence[Side], settings: TrainingSettings, *, start: int = 0
) -> tf.data.Dataset:
    """Batches of crops: resized, cropped and flipped at random, as in Zhu et al. 2017's code.

    A side goes through its pictures in an order of its own that changes with every pass. What a
    step gets depends on the seed and on its number alone, so that a training that goes on at a step
    gets what it would have got.

    Returns:
        A dataset of tuples with a tensor float32 (batch, size, size, 3) in [-1, 1] a side, from the
        step `start` (counted from 0) to `settings.steps`.
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
        top, left = tf.unstack(tf.cast(tf.stack([down, right]) * free, tf.int32))
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
