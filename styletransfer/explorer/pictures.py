"""Choosing a picture: thumbnails, an upload of one's own, and a part of it.

Uploads and parts have no file of their own yet. They are kept in the folder "inputs" beside the
results, under the first digits of their checksum. Records name them relative to the results: a
folder of results can be taken elsewhere, and its records still replay.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image
from traitlets import Any

from ..errors import InputError
from ..pictures import datasets
from ..pictures.files import atomic_path
from ..pictures.images import FORMATS, read_image, save_image
from ..pictures.sources import Collection, Source, array_sha256, open_picture
from .parts import Crop, Gallery, Upload, jpeg, tile

OWN = "your own"


def uploaded(folder: Path, name: str, data: bytes | None) -> Source:
    """A file that came from the browser, checked like any input; `data` is None if too long.

    Raises:
        InputError: it is too large, no picture that can be used, or cannot be kept.
    """
    if data is None:
        raise InputError(f"{name} is too large a file to be uploaded; reduce it first")
    ending = Path(name).suffix.lower()
    path = _place(folder, data, ending if ending[1:].isalnum() else ".img")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
        try:
            read_image(temporary)  # before it is kept
        except InputError as error:
            raise InputError(str(error).replace(str(temporary), name)) from None
    return _source(path)


def part_of(source: Source, corners: list[float], folder: Path) -> Source:
    """A part of a picture, between left, top, right, bottom as shares of width and height.

    Raises:
        InputError: the folder cannot be written.
    """
    height, width = source.picture.shape[:2]
    sides = (width, height, width, height)
    left, top, right, bottom = (round(x * n) for x, n in zip(corners, sides, strict=True))
    part = source.picture[top : max(bottom, top + 1), left : max(right, left + 1)]
    return kept(np.ascontiguousarray(part), folder)


def kept(picture: np.ndarray, folder: Path) -> Source:
    """A picture (H, W, 3) that has a file from now on.

    Raises:
        InputError: the folder cannot be written.
    """
    path = _place(folder, array_sha256(picture).encode(), ".png")
    if not path.exists():
        save_image(picture, path)
    return _source(path)


def _place(folder: Path, data: bytes, ending: str) -> Path:
    folder = folder / "inputs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{folder} cannot be made ({error.strerror})"
        raise InputError(f"{reason}; choose another folder") from None
    return folder / (hashlib.sha256(data).hexdigest()[:16] + ending)


def _source(path: Path) -> Source:
    source = open_picture(path)
    return dataclasses.replace(source, about={**source.about, "picture": f"inputs/{path.name}"})


class Chooser(widgets.VBox):
    """One of the two pictures that go in; `source` is the picture, and can be observed.

    Of a painting a part may be chosen, and the authors' names stand above their pictures, which
    come author by author. `complain` is called with a sentence where something cannot be used, else
    with "".
    """

    source = Any()

    def __init__(
        self,
        title: str,
        pictures: Mapping[str, datasets.Picture],
        chosen: str,
        *,
        folder: Path,
        painting: bool,
    ) -> None:
        self.complain: Callable[[str], None] = lambda message: None
        self._pictures, self._folder = pictures, folder
        self._own: Source | None = None
        items = []
        for name, picture in pictures.items():
            with Image.open(picture.path, formats=FORMATS) as image:
                author = picture.author if painting else ""
                items.append(tile(name, image, picture.title, picture.credit, author))
        self.gallery = Gallery(items=items, label=title)
        upload = Upload(self._upload, label="Upload your own")
        self.about = widgets.HTML().add_class("st-about")
        self.crop = Crop(layout=widgets.Layout(display=None if painting else "none"))
        hint = "Drag over the painting to use a part of it; click on it for the whole."
        below = [self.crop, widgets.HTML(hint if painting else "").add_class("st-about")]
        above = [widgets.HTML(f"<b>{title}</b>"), self.gallery]
        super().__init__([*above, widgets.HBox([upload, self.about]), *below])
        self.choose(chosen)
        self.gallery.on_click(self.choose)
        self.crop.observe(lambda _: self._crop(), "corners")

    def choose(self, name: str) -> None:
        """Take one of the thumbnails."""
        self._take(self._own if name == OWN and self._own else open_picture(name), name)

    def take(self, source: Source | Collection, about: str = "") -> None:
        """Take a thumbnail's picture, or another, which becomes one; of several the first."""
        (source, *_) = source.members
        name = source.about["picture"]
        if name not in self._pictures:
            self._own = source
            others = [item for item in self.gallery.items if item["key"] != OWN]
            self.gallery.items = [tile(OWN, source.picture, OWN, about or name), *others]
            name = OWN
        self._take(source, name)

    def _take(self, source: Source, name: str) -> None:
        self._whole = source
        self.gallery.value = name
        size = "{width} x {height} px".format_map(source.about)
        self.about.value = self._pictures[name].credit if name in self._pictures else size
        self.crop.corners = []
        self.crop.picture = jpeg(source.picture, most=480)
        self.source = source

    def _upload(self, name: str, data: bytes | None) -> None:
        try:
            source = uploaded(self._folder, name, data)
        except InputError as error:
            self.complain(str(error))
        else:
            self.complain("")
            self.take(source, name)

    def _crop(self) -> None:
        corners = list(self.crop.corners)
        try:
            self.source = part_of(self._whole, corners, self._folder) if corners else self._whole
        except InputError as error:
            self.complain(str(error))
