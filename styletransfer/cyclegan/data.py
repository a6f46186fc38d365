"""The two sides of a training: which pictures they have, read into memory."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from ..errors import InputError, nearest
from ..pictures import datasets
from ..pictures.datasets import Picture
from ..pictures.images import encode, resize
from .published import PUBLISHED, PublishedPicture, splits
from .settings import TrainingSettings

__all__ = ["HOLD_OUT", "SIDES", "Data", "Side", "data_for", "difference", "open_data"]

log = logging.getLogger("styletransfer")

SIDES = ("A", "B")
"""A are the paintings and B the photographs, as in the published sets (monet2photo, …)."""

HOLD_OUT = (
    "neuschwanstein_castle",
    "petra",
    "gateway_of_india",
    "mont_saint_michel",
    "chateau_de_chenonceau",
    "colosseum",
    "machu_picchu",
    "schwerin_palace",
)
"""The bundled photographs that no training sees; the other 36 are trained on."""

PAINTER = "Vincent van Gogh"
"""Whose bundled paintings are trained on, all nine of them; a collection has one painter."""

FEWEST = 2
"""Pictures that a side needs at least. With one there is nothing to learn that is common to a
collection."""

SHARE = 0.5  # of the available memory that the pictures may take

NAMED = 5  # files that are named in a message, however many there are

File = Picture | PublishedPicture
Origin = str | os.PathLike | Sequence[str | os.PathLike]


@dataclass(frozen=True)
class Side:
    """The training pictures of one side.

    Attributes:
        pictures: uint8 (H, W, 3), the short sides of `TrainingSettings.short_side` pixels.
        about: name, SHA-256 and credit of each, for a record.
        skipped: by name, why a file was left out.
    """

    pictures: tuple[np.ndarray, ...]
    about: tuple[dict[str, str], ...]
    skipped: dict[str, str]


@dataclass(frozen=True)
class Data:
    """Two sides, and pictures that are held out of the training.

    Attributes:
        source: "bundled", the folder, the two folders, or the name of the set.
        a, b: the sides.
        hold_out: by side ("A", "B"), pictures that are never trained on; a side may have none.
    """

    source: str | list[str]
    a: Side
    b: Side
    hold_out: Mapping[str, Mapping[str, File]]

    @property
    def about(self) -> dict[str, Any]:
        """For a record: the source, checksums, what was left out, and the hold-outs' names."""
        sides = dict(zip(SIDES, (self.a, self.b), strict=True))
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
    source: Origin = "bundled", *, short_side: int, least: int = 1, progress: bool = True
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
        InputError: no such folder or set, a side with too few pictures that can be read, or
            pictures that take more memory than there is.
    """
    name = source_name(source)
    training, hold_out = _files(name)
    a, b = (
        _read_side(*training[side], f"side {side}", short_side, least, progress) for side in SIDES
    )
    return Data(name, a, b, hold_out)


def data_for(source: Origin | Data, settings: TrainingSettings, *, progress: bool) -> Data:
    """The data of a source as settings need it; `Data` is given back as it is."""
    if isinstance(source, Data):
        return source
    short_side, least = settings.short_side, settings.size // 2
    return open_data(source, short_side=short_side, least=least, progress=progress)


def _files(
    source: str | list[str],
) -> tuple[dict[str, tuple[int, Iterable[File]]], dict[str, Mapping[str, File]]]:
    """By side: how many training pictures there are, and they; and the hold-outs by name."""
    home = Path(source if isinstance(source, str) else "")
    hold_out: dict[str, Mapping[str, File]] = {"A": {}, "B": {}}
    files: dict[str, Mapping[str, File]]
    if not isinstance(source, str):
        if len(source) != len(SIDES):
            raise InputError(
                f"{len(source)} folders are given; give one of paintings and one of photographs"
            )
        files = dict(zip(SIDES, map(datasets.folder, source), strict=True))
    elif source == "bundled":
        photos = datasets.photos()
        hold_out["B"] = {name: photos[name] for name in HOLD_OUT}
        others = {name: photos[name] for name in photos if name not in HOLD_OUT}
        files = {"A": datasets.paintings(artist=PAINTER), "B": others}
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


def _read_side(
    count: int, pictures: Iterable[File], what: str, short_side: int, least: int, progress: bool
) -> Side:
    """Read a side's pictures, `count` of them. What cannot be read is left out, and logged."""
    free, taken = SHARE * psutil.virtual_memory().available, 0
    read: list[np.ndarray] = []
    about: list[dict[str, str]] = []
    skipped: dict[str, str] = {}
    hidden = not progress or count < 100
    for file in tqdm(pictures, f"reading {what}", total=count, disable=hidden, leave=False):
        try:
            picture = file.load()
            if min(picture.shape[:2]) < least:
                raise InputError(
                    f"it has {picture.shape[1]} x {picture.shape[0]} px, and its sides need {least}"
                )
            checksum = file.checksum()
        except (InputError, OSError) as error:
            log.debug("%s is left out.", file.name, exc_info=True)
            skipped[file.name] = str(error)
            continue
        scale = short_side / min(picture.shape[:2])
        height, width = (max(short_side, round(n * scale)) for n in picture.shape[:2])
        taken += 3 * height * width
        if (needed := taken * count / (len(read) + 1)) > free:
            raise InputError(
                f"the {count} pictures of {what} take some {needed / 1e9:.1f} GB at {short_side} "
                f"px, more than {free / 1e9:.1f} GB of memory; give a smaller load_size or fewer "
                "pictures"
            )
        read.append(encode(resize(picture, (height, width))))
        about.append({"name": file.name, "sha256": checksum, "credit": file.credit})
    if skipped:
        named = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:NAMED])
        more = f"; and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
        said = "%d of %d files of %s are left out (%s%s)."
        log.warning(said, len(skipped), count, what, named, more)
    if len(read) < FEWEST:
        raise InputError(
            f"{what} has {len(read)} picture(s) that can be used; at least {FEWEST} are needed"
        )
    return Side(tuple(read), tuple(about), skipped)


def difference(before: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> str:
    """In which pictures two trainings differ, in words; empty where in none.

    Args:
        before: `Data.about` of the one.
        now: likewise; by default what is in the files of `before` today, which are not decoded.
            Published sets never change, and of files that are gone nothing can be said.
    """
    source = before["source"]
    try:
        if now is None and source in PUBLISHED and not Path(source).is_dir():
            return ""
        now = now or _about_today(source, before.get("skipped", {}))
    except (InputError, OSError):
        log.debug("The pictures of %s cannot be compared.", source, exc_info=True)
        return ""
    for side in SIDES:
        old, new = ([picture["sha256"] for picture in about[side]] for about in (before, now))
        if old != new:
            changes = len(set(new) - set(old)), len(set(old) - set(new))
            said = "{} are new, {} are gone".format(*changes) if any(changes) else "another order"
            return f"the pictures of side {side} are not those that were trained on ({said})"
    return ""


def _about_today(source: str | list[str], skipped: Mapping[str, Any]) -> dict[str, Any]:
    """The checksums of a source's files, without those that were skipped."""
    return {
        side: [
            {"sha256": file.checksum()} for file in files if file.name not in skipped.get(side, ())
        ]
        for side, (_, files) in _files(source)[0].items()
    }
