"""The two databases in data/, the papers' own pictures, and any folder of pictures."""

import csv
import functools
import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pooch

from ..errors import InputError, nearest
from .downloads import announced_downloader, why_no_download
from .images import read_image

__all__ = ["Picture", "artists", "find", "folder", "load_image", "paintings", "paper", "photos"]

log = logging.getLogger("styletransfer")

_NEURAL_STYLE = "https://raw.githubusercontent.com/jcjohnson/neural-style/07c4b8299f8fbdafec0c514fc820ff1d7ff62e46/examples/inputs/"
_FAST_NEURAL_STYLE = (
    "https://raw.githubusercontent.com/jcjohnson/fast-neural-style/"
    "813c83441953ead2adb3f65f4cc2d5599d735fa7/images/styles/"
)

# name: (folder at a pinned commit, SHA-256, title, author, year, licence)
_PAPER = {
    "tubingen": (
        _NEURAL_STYLE,
        "e67d1869f01fd805385c681a80d9ebcf0f70ea4a5fe6127f0606bb1c7f4bf506",
        *("Tübingen, Neckarfront", "Andreas Praefcke", "", "CC BY 3.0"),
    ),
    "shipwreck": (
        _NEURAL_STYLE,
        "4f7cf34e3cd4a5daaf3f421f059ca9a01aaa2a3afd7243d6670c9c8bc001a213",
        *("The Shipwreck of the Minotaur", "J. M. W. Turner", "c. 1810", "Public domain"),
    ),
    "starry_night_google": (
        _NEURAL_STYLE,
        "c31741a09141c2e2d07fc7aa6bdf135c369b804f9433e43fa3ceac19386d1ee6",
        *("The Starry Night", "Vincent van Gogh", "1889", "Public domain"),
    ),
    "the_scream": (
        _NEURAL_STYLE,
        "f3075cddeb974a9ee1d6418f7f33fd05185a7ac7dcb4288bd2805d499a9dcaee",
        *("The Scream", "Edvard Munch", "1893", "Public domain"),
    ),
    "composition_vii": (
        _FAST_NEURAL_STYLE,
        "8f992ed4aecd6dd56972d7bc8166761de7c94e670ee6effa8fd05f3daeb33409",
        *("Composition VII", "Wassily Kandinsky", "1913", "Public domain"),
    ),
    "wave": (
        _FAST_NEURAL_STYLE,
        "14bcf58a39b7095168f27756d76d0c615bb8954acc5eae9e62c66a9684c2ee2b",
        *("The Great Wave off Kanagawa", "Katsushika Hokusai", "", "Public domain"),
    ),
}

_STORE = pooch.create(
    path=pooch.os_cache("styletransfer"),
    env="STYLETRANSFER_DATA_DIR",
    base_url="",
    registry={f"{name}.jpg": f"sha256:{entry[1]}" for name, entry in _PAPER.items()},
    urls={f"{name}.jpg": f"{entry[0]}{name}.jpg" for name, entry in _PAPER.items()},
)


@dataclass(frozen=True)
class Picture:
    """One picture of a database.

    Attributes:
        name: what it is called here, such as "petra".
        path: its file; for a picture of the papers, where the file is kept once it has been downloaded.
        title, author, year, licence, source: as known; empty where not.
    """

    name: str
    path: Path
    title: str = ""
    author: str = ""
    year: str = ""
    licence: str = ""
    source: str = ""

    @property
    def credit(self) -> str:
        """Title, author, year and licence in one line, as a caption needs it."""
        known = (self.title or self.name, self.author, self.year, self.licence)
        return ", ".join(part for part in known if part)

    def fetch(self) -> Path:
        """The path of the file, which is downloaded first where it is one of the papers' and not here yet.

        Raises:
            InputError: the download failed, or what came has another checksum.
        """
        if self.name not in _PAPER or self.path != Path(_STORE.abspath) / f"{self.name}.jpg":
            return self.path
        try:
            with announced_downloader() as downloader:
                return Path(_STORE.fetch(self.path.name, downloader=downloader))
        except (OSError, ValueError) as error:
            reason = why_no_download(error)
            raise InputError(
                f"the paper's picture {self.name!r} could not be had from {self.source} ({reason}); "
                f"with no network, put the file there yourself: {self.path}"
            ) from None

    def load(self, *, size: int | None = None) -> np.ndarray:
        """The picture as float32 (H, W, 3) in [0, 1], with a long side of `size` pixels where one is given."""
        return read_image(self.fetch(), size=size)

    def checksum(self) -> str:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.fetch().read_bytes()).hexdigest()


def data_folder() -> Path:
    """Where the bundled pictures are: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "data", package.parent / "data") if folder.is_dir())


@functools.cache
def _bundled(kind: str) -> Mapping[str, Picture]:
    home = data_folder()
    with (home / "SOURCES.csv").open(newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["file"].startswith(f"{kind}/")]
    about = ("title", "author", "year", "licence", "source")
    pictures = (
        Picture(Path(r["file"]).stem, home / r["file"], **{key: r[key] for key in about})
        for r in rows
    )
    return MappingProxyType({picture.name: picture for picture in pictures})


def photos() -> Mapping[str, Picture]:
    """The bundled photographs of buildings and places (44, about 1024 px, public domain or CC0), by name."""
    return _bundled("photos")


def paintings(*, artist: str | None = None) -> Mapping[str, Picture]:
    """The bundled paintings (17 by eight painters, about 500 px, public domain), by name.

    Args:
        artist: whose paintings; None for everybody's. The surname is enough, in capitals or not:
            "Vincent van Gogh", "van gogh", "Hokusai".

    Raises:
        InputError: no painting is by that artist; the message says which names come closest.
    """
    everybodys = _bundled("paintings")
    if artist is None:
        return everybodys
    wanted = " ".join(str(artist).casefold().split())
    # Whole words: "Gogh" is Van Gogh, and "go" is nobody.
    found = [name for name in artists() if f" {wanted} " in f" {name.casefold()} "]
    if len(found) != 1:
        raise InputError(nearest(artist, artists(), what="artist"))
    chosen = {name: each for name, each in everybodys.items() if each.author == found[0]}
    return MappingProxyType(chosen)


def artists() -> tuple[str, ...]:
    """Who made the bundled paintings: who made most of them first, then by the first one's year."""
    years: dict[str, list[str]] = {}
    for painting in _bundled("paintings").values():
        years.setdefault(painting.author, []).append(painting.year)
    return tuple(sorted(years, key=lambda name: (-len(years[name]), min(years[name]))))


def paper() -> Mapping[str, Picture]:
    """The pictures that the papers use, by name; loading one downloads it where it is not here yet.

    They are kept in the user's cache folder, or in the folder that STYLETRANSFER_DATA_DIR names. Addresses are
    pinned to a commit and files to a SHA-256. Picasso's *Femme nue assise* (Fig. 3 E) and Feininger's
    *Jesuiten III* (Fig. 5) are missing: the one is in copyright in many countries, the other has no pinned source.
    """
    return {
        name: Picture(
            name,
            Path(_STORE.abspath) / f"{name}.jpg",
            title,
            author,
            year,
            licence,
            f"{home}{name}.jpg",
        )
        for name, (home, _, title, author, year, licence) in _PAPER.items()
    }


PICTURES = frozenset(
    f".{ending}"
    for ending in (
        *(
            "png",
            "apng",
            "jpg",
            "jpeg",
            "jpe",
            "jfif",
            "webp",
            "avif",
            "gif",
            "bmp",
            "dib",
            "tif",
            "tiff",
        ),
        *("jp2", "ppm", "pgm", "pbm", "tga", "ico"),
    )
)
"""Endings of the files that count as pictures in a folder."""


def folder(path: str | os.PathLike) -> Mapping[str, Picture]:
    """Every picture file in a folder (not below it), by file name without ending, in alphabetical order.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"there is no folder {path}")
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        raise InputError(f"there is no picture in the folder {path}")
    stems = [file.stem for file in files]
    # Two files that differ in their ending alone keep it in their names.
    names = [file.name if stems.count(file.stem) > 1 else file.stem for file in files]
    return {name: Picture(name, file) for name, file in zip(names, files, strict=True)}


def find(name: str) -> Picture:
    """The picture of that name in the databases or among the papers' pictures.

    Raises:
        InputError: no picture has that name; the message says which come closest.
    """
    known = {**paper(), **paintings(), **photos()}
    if name not in known:
        raise InputError(nearest(name, known, what="picture") + " (or give the path of a file)")
    return known[name]


def locate(path_or_name: str | os.PathLike) -> Picture:
    """A picture by path or by name; a file wins over a name.

    Raises:
        FileNotFoundError: it looks like a path, and there is no such file.
        InputError: it looks like a name, and there is no such picture.
    """
    path = Path(path_or_name)
    known = {**paper(), **paintings(), **photos()}
    if path.is_file() or (path.exists() and str(path_or_name) not in known):
        return Picture(str(path_or_name), path)
    if path.suffix or len(path.parts) > 1:
        hint = f"; the database has a picture named {path.stem!r}" if path.stem in known else ""
        raise FileNotFoundError(f"there is no file {path}{hint}")
    return find(str(path_or_name))


def load_image(path_or_name: str | os.PathLike, *, size: int | None = None) -> np.ndarray:
    """Load a picture by path, or by its name in the databases.

    Args:
        path_or_name: a file's path, or a name such as "petra", "night_cafe" or "tubingen".
        size: long side in pixels; None keeps the picture's own size.

    Returns:
        float32 (H, W, 3), RGB in [0, 1].

    Raises:
        FileNotFoundError: no such file.
        InputError: no such name, or a file that is no readable picture.
    """
    return locate(path_or_name).load(size=size)
