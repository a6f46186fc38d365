"""Pictures that go into a run, and what a record says of them."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageColor

from ..errors import InputError
from . import datasets
from .files import file_sha256
from .images import as_picture, encode, read_image

NAMED = 3
"""A collection of up to so many pictures is called by their names, a larger one by their number."""

LEAST_SIDE = 16  # pixels of a picture's long side, below which there is nothing to see

Pictures = str | os.PathLike | np.ndarray | Sequence[str | os.PathLike | np.ndarray]
"""A picture: a path, a name in the databases, or an array (H, W, 3) in [0, 1]. Or several: a list
of these, or the path of a folder."""


def array_sha256(array: np.ndarray) -> str:
    """SHA-256 of type, shape and values: the same bytes in another shape are another picture."""
    head = f"{array.dtype.str} {array.shape} "
    return hashlib.sha256(head.encode() + array.tobytes()).hexdigest()


@dataclass(frozen=True)
class Source:
    """A picture that goes into a run, and what its record says of it.

    That is where it came from ("picture": path or name, or None for an array), its SHA-256 (of the
    file, or see `array_sha256`), width, height, and its credit where one is known.
    """

    picture: np.ndarray  # float32 (H, W, 3) in [0, 1], at its own size
    about: dict[str, Any]

    @property
    def members(self) -> tuple["Source", ...]:
        """Itself: where several pictures may stand, one is a collection of one."""
        return (self,)

    @property
    def label(self) -> str:
        """What a table calls it."""
        return self.about["picture"] or f"{self.picture.shape[1]} x {self.picture.shape[0]} array"

    @property
    def compact(self) -> np.ndarray:
        """The picture as 8 bits, a quarter of the space, where that loses nothing."""
        compact = encode(self.picture)
        return compact if np.array_equal(as_picture(compact), self.picture) else self.picture

    def __reduce__(self) -> tuple:
        return _source, (self.compact, self.about)


def _source(compact: np.ndarray, about: dict[str, Any]) -> Source:
    return Source(as_picture(compact), about)


@dataclass(frozen=True)
class Collection:
    """Several pictures that are one style: its statistics are means over them (see `Objective`).

    They stand in the order given, on which the checksum does not depend. By default the label that
    a table has is the names joined by " + ", or their number and the first digits of the checksum
    where they are more than `NAMED`.
    """

    members: tuple[Source, ...]
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            count = len(self.members)
            several = f"{count} pictures ({self.checksum[:6]})"
            names = " + ".join(sorted(member.label for member in self.members))
            object.__setattr__(self, "label", names if count <= NAMED else several)

    @property
    def checksum(self) -> str:
        """SHA-256 of the pictures' checksums."""
        lines = "\n".join(sorted(member.about["sha256"] for member in self.members))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def about(self) -> dict[str, Any]:
        """What a record says: the label ("picture"), the checksum, and "pictures" (`Source`'s)."""
        pictures = [member.about for member in self.members]
        return {"picture": self.label, "sha256": self.checksum, "pictures": pictures}


def described(
    about: dict[str, Any], picture: Callable[[dict[str, Any]], Source]
) -> Source | Collection:
    """What a `Source.about` or a `Collection.about` describes; `picture` opens one of them."""
    if not about.get("pictures"):
        return picture(about)
    return Collection(tuple(picture(member) for member in about["pictures"]), about["picture"])


def open_picture(source: str | os.PathLike | np.ndarray, what: str = "the picture") -> Source:
    """A picture given as a path, as a name or as an array.

    Raises:
        FileNotFoundError: no such file.
        InputError: an unknown name or one that no record can hold, what is no picture or cannot be
            read, or a long side below `LEAST_SIDE`.
    """
    about: dict[str, Any]
    if isinstance(source, (str, os.PathLike)):
        name = _recordable(source)
        known = datasets.locate(source)
        path = known.fetch()
        picture = read_image(path)
        about = {"picture": name, "sha256": file_sha256(path)}
        if known.licence:
            about["credit"] = known.credit
    else:
        picture = as_picture(source, what)
        about = {"picture": None, "sha256": array_sha256(picture)}
    height, width = picture.shape[:2]
    if max(height, width) < LEAST_SIDE:
        raise InputError(
            f"{what} has {width} x {height} pixels, too few to see anything: "
            f"its long side needs {LEAST_SIDE}"
        )
    return Source(picture, {**about, "width": width, "height": height})


def open_mask(source: str | os.PathLike | np.ndarray, what: str = "the label picture") -> Source:
    """A label picture, as `open_picture`; or a colour's name, for a picture that is all of it."""
    if isinstance(source, str) and not os.path.exists(source):
        with contextlib.suppress(ValueError):
            colour = np.array(ImageColor.getcolor(source, "RGB"), np.uint8)
            named = open_picture(np.broadcast_to(colour, (LEAST_SIDE, LEAST_SIDE, 3)))
            return Source(named.picture, {**named.about, "picture": source})
    return open_picture(source, what)


def _recordable(path: str | os.PathLike) -> str:
    if (name := str(path)).encode(errors="ignore").decode() != name:
        raise InputError(f"the name {name!a} is not UTF-8, and no record can hold it; rename it")
    return name


def open_pictures(
    source: Pictures | Sequence[Source], what: str = "the picture"
) -> Source | Collection:
    """One picture or several: see `Pictures`; some in a list may be open already.

    One in a list, or alone in a folder, is that picture. A picture of the databases wins over a
    folder of its name. In an error they are called `what`.

    Raises:
        FileNotFoundError: no such file.
        InputError: an empty list, a folder without pictures, or what `open_picture` refuses.
    """
    label, several = "", source
    if isinstance(source, (str, os.PathLike)):
        if not str(source) or not datasets.locate(source).path.is_dir():
            return open_picture(source, what)
        label = _recordable(source)
        several = [picture.path for picture in datasets.folder(source).values()]
    if not isinstance(several, Sequence):
        return open_picture(several, what)
    if not several:
        raise InputError(f"{what} is an empty list; name at least one picture")
    opened = []
    for number, one in enumerate(several, 1):
        name = f"{what} ({number} of {len(several)})"
        opened.append(one if isinstance(one, Source) else open_picture(one, name))
    return opened[0] if len(opened) == 1 else Collection(tuple(opened), label)


def recorded_picture(
    record: dict[str, Any],
    key: str,
    *,
    beside: Path,
    open_it: Callable[[str | os.PathLike], Source] = open_picture,
) -> Source | Collection | None:
    """An input of a record, by its key, compared with its checksum; None where the run had none.

    Relative paths count from the folder `beside`, that of the record, or else from the working one;
    `open_it` opens them.

    Raises:
        FileNotFoundError: a file is gone.
        InputError: it was an array, or it has changed since.
    """

    def recorded(about: dict[str, Any]) -> Source:
        name = about["picture"]
        if name is None:
            raise InputError(
                f"the record's {key} was an array, not a file: the run cannot be made again from it"
            )
        files = [file for file in dict.fromkeys((beside / name, Path(name))) if file.is_file()]
        for file in files or [name]:
            source = open_it(file)
            if source.about["sha256"] == about["sha256"]:
                return Source(source.picture, {**source.about, "picture": name})
        raise InputError(
            f"the {key} picture {name} has changed since the record was made; its checksum differs"
        )

    return described(record[key], recorded) if record.get(key) is not None else None
