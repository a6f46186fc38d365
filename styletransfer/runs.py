"""A run's inputs, results and files: the one room that knows where things are."""

import dataclasses
import hashlib
import io
import itertools
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import __version__, datasets
from .errors import InputError
from .images import as_picture, atomic_path, encode, read_image, save_image
from .settings import Settings, recorded_settings

__all__ = [
    *("Collection", "Pictures", "Result", "Source", "described", "open_picture", "open_pictures", "read_record"),
    *("recorded_picture", "versions"),
]

_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "pillow")

NAMED = 3
"""A collection of up to so many pictures is called by their names, a larger one by their number."""

Pictures = str | os.PathLike | np.ndarray | Sequence[str | os.PathLike | np.ndarray]
"""A picture: a path, a name in the databases, or an array (H, W, 3) in [0, 1]. Or several: a list of these, or the path
of a folder."""


@dataclass(frozen=True)
class Source:
    """A picture that goes into a run, and what its record says of it.

    Attributes:
        picture: float32 (H, W, 3) in [0, 1], at its own size.
        about: where it came from ("picture": path or name, or None for an array), its SHA-256 (of the file, or of
            the array's bytes), width, height, and its credit where one is known.
    """

    picture: np.ndarray
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
        """Travels to another process as compact as it can."""
        return _source, (self.compact, self.about)


def _source(compact: np.ndarray, about: dict[str, Any]) -> Source:
    return Source(as_picture(compact), about)


@dataclass(frozen=True)
class Collection:
    """Several pictures that are one style: its statistics are the means of theirs (see `Objective`).

    Attributes:
        members: the pictures, in the order of their checksums: the mean does not depend on the order, and so neither
            does the last digit of it.
        label: what a table calls it; by default the names joined by " + ", or the number and the first digits of the
            checksum where they are more than `NAMED`.
    """

    members: tuple[Source, ...]
    label: str = ""

    def __post_init__(self) -> None:
        """Put the pictures in their order."""
        members = tuple(sorted(self.members, key=lambda member: member.about["sha256"]))
        object.__setattr__(self, "members", members)
        if not self.label:
            several = f"{len(members)} pictures ({self.checksum[:6]})"
            names = " + ".join(sorted(member.label for member in members))
            object.__setattr__(self, "label", names if len(members) <= NAMED else several)

    @property
    def checksum(self) -> str:
        """SHA-256 of the pictures' checksums."""
        return hashlib.sha256("\n".join(member.about["sha256"] for member in self.members).encode()).hexdigest()

    @property
    def about(self) -> dict[str, Any]:
        """What a record says: the label ("picture"), the checksum, and of each of the "pictures" what `Source` has."""
        pictures = [member.about for member in self.members]
        return {"picture": self.label, "sha256": self.checksum, "pictures": pictures}


def described(about: dict[str, Any], picture: Callable[[dict[str, Any]], Source]) -> Source | Collection:
    """What a `Source.about` or a `Collection.about` describes.

    Args:
        about: of a record.
        picture: finds one picture from what is said of it.
    """
    if not about.get("pictures"):
        return picture(about)
    return Collection(tuple(picture(each) for each in about["pictures"]), about["picture"])


def open_picture(source: str | os.PathLike | np.ndarray, what: str = "the picture") -> Source:
    """A picture given as a path, as a name or as an array.

    Raises:
        FileNotFoundError: no such file.
        InputError: no such name, an unreadable file, or an array that is no picture.
    """
    if isinstance(source, (str, os.PathLike)):
        found = datasets.locate(source)
        path = found.fetch()
        picture = read_image(path)
        about = {"picture": str(source), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        if found.licence:
            about["credit"] = found.credit
    else:
        picture = as_picture(source, what)
        about = {"picture": None, "sha256": hashlib.sha256(picture.tobytes()).hexdigest()}
    return Source(picture, {**about, "width": picture.shape[1], "height": picture.shape[0]})


def open_pictures(source: Pictures | Sequence[Source], what: str = "the picture") -> Source | Collection:
    """One picture or several.

    Args:
        source: see `Pictures`; pictures that are open already may be in the list. One in a list, or alone in a folder,
            is that picture. A picture of the databases wins over a folder of its name.
        what: what to call it in an error.

    Raises:
        FileNotFoundError: no such file.
        InputError: an empty list, a folder without pictures, or a picture that `open_picture` refuses.
    """
    if isinstance(source, (str, os.PathLike)):
        if not str(source) or not datasets.locate(source).path.is_dir():
            return open_picture(source, what)
        label, several = str(source), [picture.path for picture in datasets.folder(source).values()]
    elif isinstance(source, Sequence):
        label, several = "", source
    else:
        return open_picture(source, what)
    if not several:
        raise InputError(f"{what} is an empty list; name at least one picture")
    opened = tuple(
        each if isinstance(each, Source) else open_picture(each, f"{what} ({number} of {len(several)})")
        for number, each in enumerate(several, 1)
    )
    return opened[0] if len(opened) == 1 else Collection(opened, label)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # the same module may come from a package of another name
        return "unknown"


def versions() -> dict[str, str]:
    """Versions of Python, of the packages that compute, and of the system; a record keeps them."""
    return {
        "python": platform.python_version(),
        "styletransfer": __version__,
        **{package: _version(package) for package in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
    }


@dataclass(frozen=True, repr=False)
class Result:
    """What a run leaves.

    Attributes:
        image: the picture, float32 (H, W, 3) in [0, 1].
        record: how it was made: settings, inputs, weights, versions, history (see the README).
    """

    image: np.ndarray
    record: dict[str, Any]

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture to `path` and the record beside it, with the ending .json.

        Raises:
            InputError: a place that cannot be written, or an ending that names no picture format.
        """
        text = json.dumps(self.record, indent=1, ensure_ascii=False) + "\n"
        with atomic_path(Path(path).with_suffix(".json")) as temporary:
            temporary.write_text(text, encoding="utf-8")
            save_image(self.image, path)

    @property
    def caption(self) -> str:
        """Which network, form, λ, size and steps made the picture, in one line."""
        settings = self.record["settings"]
        return (
            f"{self.record['weights']['name']} ({self.record['weights']['architecture']}), {settings['form']}, "
            f"λ = {self.lam}, {settings['size']} px, {len(self.record['history'])} steps"
        )

    @property
    def lam(self) -> str:
        """λ in words: where it was changed during the run, every value that it had, such as "1 → 1.5"."""
        weights = (self.record["settings"], *self.record.get("changes", ()))
        return " → ".join(value for value, _ in itertools.groupby(f"{each['lam']:g}" for each in weights))

    def __repr__(self) -> str:
        return f"<Result: {self.caption}>"

    def _repr_jpeg_(self) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(encode(self.image)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()


def picture_checksum(image: np.ndarray) -> str:
    """SHA-256 of the picture's 8-bit pixels: two files with the same sum show the same picture."""
    return hashlib.sha256(encode(image).tobytes()).hexdigest()


def read_record(path: str | os.PathLike) -> tuple[dict[str, Any], Settings]:
    """A record as `Result.save` wrote it, and its settings.

    Raises:
        FileNotFoundError: no such file.
        InputError: it is no record, or it names settings that do not exist.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no record {path}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        inputs = [each for key in ("content", "style") for each in (record[key], *record[key].get("pictures", ()))]
        for about in (*inputs, record["weights"], record["picture"]):
            about["sha256"]
        for about in inputs:
            about["picture"]
        record["history"], record["stopped"]
        return record, recorded_settings(record["settings"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the record of a run ({type(error).__name__}: {error})") from None


def recorded_picture(record: dict[str, Any], key: str, *, beside: Path) -> Source | Collection | None:
    """The input of a record, found again and compared with the checksum; None where the run had none.

    Relative paths count from the working folder, or else from the folder that the record is in.

    Raises:
        FileNotFoundError: a file is gone.
        InputError: it was an array, or it has changed since.
    """

    def found(about: dict[str, Any]) -> Source:
        name = about["picture"]
        if name is None:
            raise InputError(f"the record's {key} was an array, not a file: the run cannot be made again from it")
        there = beside / name
        source = open_picture(there if not Path(name).exists() and there.is_file() else name)
        if source.about["sha256"] != about["sha256"]:
            raise InputError(f"the {key} picture {name} has changed since the record was made; its checksum differs")
        return dataclasses.replace(source, about={**source.about, "picture": name})

    return described(record[key], found) if record.get(key) is not None else None
