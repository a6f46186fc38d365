"""The two databases in data/, the papers' own pictures, and any folder of pictures."""

import csv
import functools
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, nearest
from .downloads import download, papers_folder
from .files import file_sha256
from .images import read_image

if TYPE_CHECKING:
    from ..study.suggestions import suggest as suggest

# Endings of the files that count as pictures in a folder.
_ENDINGS = "png apng jpg jpeg jpe jfif webp avif gif bmp dib tif tiff jp2 ppm pgm pbm tga ico"
PICTURES = frozenset(f".{ending}" for ending in _ENDINGS.split())


def __getattr__(name: str) -> Any:
    # `suggest` looks through the loss network: it is of a higher floor, and looked up when used.
    if name == "suggest":
        return importlib.import_module("styletransfer.study.suggestions").suggest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class Picture:
    """One picture of a database; a text that is not known is empty."""

    name: str  # what it is called here, such as "petra"
    path: Path  # where the file is, or will be when it is downloaded
    title: str = ""
    author: str = ""
    year: str = ""
    licence: str = ""
    source: str = ""
    sha256: str = ""  # of the file, for a picture of the papers

    @property
    def credit(self) -> str:
        """Title, author, year and licence in one line, as a caption needs it."""
        known = (self.title or self.name, self.author, self.year, self.licence)
        return ", ".join(part for part in known if part)

    def fetch(self) -> Path:
        """The path of the file; InputError where one of the papers' cannot be downloaded whole."""
        if not self.sha256:
            return self.path
        try:
            return download(self.source, f"sha256:{self.sha256}", self.path)
        except InputError as error:
            raise InputError(
                f"the paper's picture {self.name!r} could not be had from {self.source} ({error}); "
                f"with no network, put the file there yourself: {self.path}"
            ) from None

    def load(self, *, size: int | None = None) -> np.ndarray:
        """The picture as float32 (H, W, 3) in [0, 1], its long side `size` pixels where given."""
        return read_image(self.fetch(), size=size)

    def checksum(self) -> str:
        """SHA-256 of the file's bytes."""
        return file_sha256(self.fetch())


def data_folder() -> Path:
    """Where the bundled pictures are: in an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "data", package.parent / "data") if folder.is_dir())


@functools.cache
def _rows(table: str) -> list[dict[str, str]]:
    with (data_folder() / table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _picture(path: Path, row: Mapping[str, str]) -> Picture:
    known = ("title", "author", "year", "licence", "source", "sha256")
    return Picture(path.stem, path, **{key: row[key] for key in known if key in row})


@functools.cache
def _bundled(kind: str) -> Mapping[str, Picture]:
    pictures = [_picture(data_folder() / row["file"], row) for row in _rows("SOURCES.csv")]
    return MappingProxyType({p.name: p for p in pictures if p.path.parent.name == kind})


def photos() -> Mapping[str, Picture]:
    """The bundled photographs of buildings and places, by name: 44 of about 1024 px, all free."""
    return _bundled("photos")


def paintings(*, artist: str | None = None) -> Mapping[str, Picture]:
    """The bundled paintings, by name: 17 by eight painters, about 500 px, public domain.

    Of an `artist` the surname is enough, in capitals or not. The InputError where no painting is by
    that artist says which names come closest.
    """
    everybodys = _bundled("paintings")
    if artist is None:
        return everybodys
    wanted = " ".join(str(artist).casefold().split())
    # Whole words: "Gogh" is Van Gogh, and "go" is nobody.
    fitting = [name for name in artists() if f" {wanted} " in f" {name.casefold()} "]
    if len(fitting) != 1:
        raise InputError(nearest(artist, artists(), what="artist"))
    return MappingProxyType({n: p for n, p in everybodys.items() if p.author == fitting[0]})


def artists() -> tuple[str, ...]:
    """Who made the bundled paintings: by their number, then by the year of the first one."""
    years: dict[str, list[str]] = {}
    for painting in _bundled("paintings").values():
        years.setdefault(painting.author, []).append(painting.year)
    return tuple(sorted(years, key=lambda name: (-len(years[name]), min(years[name]))))


def paper() -> Mapping[str, Picture]:
    """The pictures that the papers use, by name; loading one downloads it to `papers_folder`.

    Addresses are pinned to a commit and files to a SHA-256 (data/PAPERS.csv). Two are missing:
    Picasso's *Femme nue assise* (Fig. 3 E) is in copyright in many countries, and Feininger's
    *Jesuiten III* (Fig. 5) has no pinned source.
    """
    rows = _rows("PAPERS.csv")
    return {row["name"]: _picture(papers_folder() / f"{row['name']}.jpg", row) for row in rows}


def folder(path: str | os.PathLike) -> Mapping[str, Picture]:
    """Every picture file in a folder (not below it), by file name without ending, sorted by name.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"there is no folder {path}")
    visible = sorted(file for file in path.iterdir() if not file.name.startswith("."))
    files = [file for file in visible if file.suffix.lower() in PICTURES and file.is_file()]
    if not files:
        raise InputError(f"there is no picture in the folder {path}")
    stems = [file.stem for file in files]
    # Two files that differ in their ending alone have it in their names.
    names = [file.name if stems.count(file.stem) > 1 else file.stem for file in files]
    return {name: Picture(name, file) for name, file in zip(names, files, strict=True)}


def locate(path_or_name: str | os.PathLike) -> Picture:
    """A picture by path, or by its name in the databases; a file wins over a name.

    Raises:
        FileNotFoundError: it looks like a path, and there is no such file.
        InputError: it looks like a name, and there is no such picture.
    """
    path, name = Path(path_or_name), str(path_or_name)
    known = {**paper(), **paintings(), **photos()}
    if os.path.isfile(path) or (os.path.exists(path) and name not in known):
        return Picture(name, path)
    if name in known:
        return known[name]
    if path.suffix or len(path.parts) > 1:
        hint = f"; the database has a picture named {path.stem!r}" if path.stem in known else ""
        raise FileNotFoundError(f"there is no file {path}{hint}")
    raise InputError(nearest(name, known, what="picture") + " (or give the path of a file)")


def load_image(path_or_name: str | os.PathLike, *, size: int | None = None) -> np.ndarray:
    """Load a picture by path, or by its name in the databases, such as "petra".

    A file wins over a name. `size` is the long side in pixels; None leaves the picture's own size.

    Returns:
        float32 (H, W, 3), RGB in [0, 1].

    Raises:
        FileNotFoundError: no such file.
        InputError: no such name, or a file that is no readable picture.
    """
    return locate(path_or_name).load(size=size)
