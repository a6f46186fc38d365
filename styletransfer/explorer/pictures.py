"""Choosing a picture: thumbnails, an upload of one's own, and a part of it."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image

from ..errors import InputError
from ..pictures import datasets
from ..pictures.files import atomic_path
from ..pictures.images import FORMATS, read_image, save_image
from ..pictures.sources import Collection, Source, array_sha256, open_picture
from .parts import Crop, Gallery, Upload, jpeg, tile

OWN = "your own"


class Inputs:
    """Pictures that have no file of their own yet: uploads and parts of others.

    They are kept in the folder "inputs" beside the results, under the first digits of their
    checksum. Records name them relative to the results: a folder of results can be taken
    elsewhere, and its records still replay.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "inputs"

    def upload(self, name: str, data: bytes | None) -> Source:
        """A file that came from the browser, checked like any input; `data` is None if too long.

        Raises:
            InputError: it is too large, no picture that can be used, or cannot be kept.
        """
        if data is None:
            raise InputError(f"{name} is too large a file to be uploaded; reduce it first")
        ending = Path(name).suffix.lower()
        path = self._place(data, ending if ending[1:].isalnum() else ".img")
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
            try:
                read_image(temporary)  # before it is kept
            except InputError as error:
                raise InputError(str(error).replace(str(temporary), name)) from None
        return self._source(path)

    def part(self, source: Source, corners: list[float]) -> Source:
        """A part of a picture, between left, top, right, bottom as shares of width and height.

        Raises:
            InputError: the folder cannot be written.
        """
        height, width = source.picture.shape[:2]
        sides = (width, height, width, height)
        left, top, right, bottom = (round(x * n) for x, n in zip(corners, sides, strict=True))
        part = source.picture[top : max(bottom, top + 1), left : max(right, left + 1)]
        path = self._place(array_sha256(part).encode(), ".png")
        if not path.exists():
            save_image(np.ascontiguousarray(part), path)
        return self._source(path)

    def _place(self, data: bytes, ending: str) -> Path:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"{self._folder} cannot be made ({error.strerror})"
            raise InputError(f"{reason}; choose another folder") from None
        return self._folder / (hashlib.sha256(data).hexdigest()[:16] + ending)

    def _source(self, path: Path) -> Source:
        source = open_picture(path)
        return dataclasses.replace(source, about={**source.about, "picture": f"inputs/{path.name}"})


class Chooser(widgets.VBox):
    """One of the two pictures that go in.

    Args:
        title: above it.
        pictures: to choose from, by name.
        chosen: the first choice.
        inputs: where uploads and parts are kept.
        painting: whether a part of the picture may be chosen, and the authors' names stand above
            their pictures, which then come author by author.
        complain: is called with a sentence where something cannot be used, else with "".

    Attributes:
        source: the picture as it goes in.
    """

    source: Source

    def __init__(
        self,
        title: str,
        pictures: Mapping[str, datasets.Picture],
        chosen: str,
        *,
        inputs: Inputs,
        painting: bool,
        complain: Callable[[str], None],
    ) -> None:
        self._pictures, self._inputs, self._complain = pictures, inputs, complain
        self._callbacks: list[Callable[[], None]] = []
        self._own: Source | None = None
        items = []
        for name, picture in pictures.items():
            with Image.open(picture.path, formats=FORMATS) as image:
                author = picture.author if painting else ""
                items.append(tile(name, image, name.replace("_", " "), picture.credit, author))
        self.gallery = Gallery(items=items, label=title)
        upload = Upload(self._uploaded, label="Upload your own")
        self.about = widgets.HTML().add_class("st-about")
        self.crop = Crop(layout=widgets.Layout(display=None if painting else "none"))
        hint = "Drag over the painting to use a part of it; click on it for the whole."
        below = [self.crop, widgets.HTML(hint if painting else "").add_class("st-about")]
        above = [widgets.HTML(f"<b>{title}</b>"), self.gallery]
        super().__init__([*above, widgets.HBox([upload, self.about]), *below])
        self.choose(chosen)
        self.gallery.on_click(self.choose)
        self.crop.observe(lambda _: self._crop(), "corners")

    def on_change(self, then: Callable[[], None]) -> None:
        """Call `then` whenever another picture, or another part, was chosen."""
        self._callbacks.append(then)

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
        self._whole = self.source = source
        self.gallery.value = name
        size = "{width} x {height} px".format_map(source.about)
        self.about.value = self._pictures[name].credit if name in self._pictures else size
        self.crop.corners = []
        self.crop.picture = jpeg(source.picture, most=480)
        self._notify()

    def _uploaded(self, name: str, data: bytes | None) -> None:
        try:
            source = self._inputs.upload(name, data)
        except InputError as error:
            self._complain(str(error))
        else:
            self._complain("")
            self.take(source, name)

    def _crop(self) -> None:
        try:
            corners = list(self.crop.corners)
            self.source = self._inputs.part(self._whole, corners) if corners else self._whole
        except InputError as error:
            self._complain(str(error))
        self._notify()

    def _notify(self) -> None:
        for then in self._callbacks:
            then()
