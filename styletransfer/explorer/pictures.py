"""Choosing a picture: thumbnails, an upload of one's own, and a part of it."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image

from ..errors import InputError
from ..pictures.datasets import Picture
from ..pictures.files import atomic_path
from ..pictures.images import read_image, save_image
from ..pictures.sources import Source, open_picture
from .parts import Crop, Gallery, Upload, jpeg, tile

__all__ = ["Chooser", "Inputs"]

OWN = "your own"


class Inputs:
    """Pictures that have no file of their own yet: uploads and parts of others.

    They are kept in the folder "inputs" beside the results, under the first digits of their checksum, and records name
    them relative to the results: a folder of results can be taken elsewhere, and its records still replay.

    Args:
        folder: of the results.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        """Nothing is written before there is something to keep."""
        self._folder = Path(folder)

    def upload(self, name: str, data: bytes | None) -> Source:
        """A file that came from the browser, checked like any input.

        Raises:
            InputError: it is too large, no picture that can be used, or cannot be kept.
        """
        if data is None:
            raise InputError(f"{name} is too large a file to be uploaded; reduce it first")
        ending = Path(name).suffix.lower() or ".img"
        path = self._place(data, ending if ending[1:].isalnum() else ".img")
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
            try:
                read_image(temporary)  # before it is kept
            except InputError as error:
                raise InputError(str(error).replace(str(temporary), name)) from None
        return self._source(path)

    def part(self, source: Source, corners: list[float]) -> Source:
        """A part of a picture.

        Args:
            source: the picture.
            corners: left, top, right, bottom as shares of width and height.

        Raises:
            InputError: the folder cannot be written.
        """
        height, width = source.picture.shape[:2]
        left, top, right, bottom = (
            round(x * n) for x, n in zip(corners, (width, height) * 2, strict=True)
        )
        cut = source.picture[top : max(bottom, top + 1), left : max(right, left + 1)]
        path = self._place(cut.tobytes(), ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            save_image(np.ascontiguousarray(cut), path)
        return self._source(path)

    def _place(self, data: bytes, ending: str) -> Path:
        place = self._folder / "inputs" / (hashlib.sha256(data).hexdigest()[:16] + ending)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{place.parent} cannot be made ({error.strerror}); choose another folder"
            ) from None
        return place

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
        cut: whether a part of the picture may be chosen.
        by_author: whether the authors' names stand above their pictures, which then come author by
            author.
        complain: is called with a sentence where something cannot be used, and with "" where it can.

    Attributes:
        source: the picture as it goes in.
    """

    def __init__(
        self,
        title: str,
        pictures: Mapping[str, Picture],
        chosen: str,
        *,
        inputs: Inputs,
        cut: bool,
        by_author: bool,
        complain: Callable[[str], None],
    ) -> None:
        """Load the thumbnails."""
        self._pictures, self._inputs, self._complain = pictures, inputs, complain
        self._told: list[Callable[[], None]] = []
        self._own: Source | None = None
        items = []
        for name, picture in pictures.items():
            with Image.open(picture.path) as image:
                label, group = name.replace("_", " "), picture.author if by_author else ""
                items.append(tile(name, image, label, picture.credit, group=group))
        self.gallery = Gallery(items=items, label=title)
        self.upload = Upload(self._uploaded, label="Upload your own")
        self.about = widgets.HTML().add_class("st-about")
        self.crop = Crop(layout=widgets.Layout(display=None if cut else "none"))
        self.whole: Source | None = None
        self.source: Source | None = None
        hint = (
            "Drag over the painting to use a part of it; click on it for the whole." if cut else ""
        )
        super().__init__(
            [
                widgets.HTML(f"<b>{title}</b>"),
                self.gallery,
                widgets.HBox([self.upload, self.about]),
                self.crop,
                widgets.HTML(hint).add_class("st-about"),
            ]
        )
        self.gallery.on_click(lambda key: self.choose(key))
        self.crop.observe(lambda _: self._cut(), "corners")
        self.choose(chosen)

    def on_change(self, then: Callable[[], None]) -> None:
        """Call `then` whenever another picture, or another part, was chosen."""
        self._told.append(then)

    def choose(self, name: str) -> None:
        """Take one of the thumbnails."""
        self.take(self._own if name == OWN and self._own else open_picture(name), name)

    def take(self, source: Source, name: str) -> None:
        """Take a picture.

        Args:
            source: the whole of it.
            name: the thumbnail that stands for it.
        """
        self.whole = self.source = source
        self.gallery.value = name
        known = self._pictures.get(name)
        self.about.value = (
            known.credit if known else f"{source.about['width']} x {source.about['height']} px"
        )
        self.crop.corners = []
        self.crop.picture = jpeg(source.picture, most=480)
        self._tell()

    def _uploaded(self, name: str, data: bytes | None) -> None:
        try:
            source = self._inputs.upload(name, data)
        except InputError as error:
            self._complain(str(error))
            return
        self._complain("")
        self.own(source, name)

    def own(self, source: Source, name: str) -> None:
        """Take a picture that is none of the thumbnails, and make it one.

        Args:
            source: the picture.
            name: where the mouse rests.
        """
        self._own = source
        others = [item for item in self.gallery.items if item["key"] != OWN]
        self.gallery.items = [tile(OWN, source.picture, OWN, name), *others]
        self.take(source, OWN)

    def again(self, source: Source) -> None:
        """Take a picture that was taken before: a thumbnail, or another."""
        name = source.about["picture"]
        if name in self._pictures:
            self.take(source, name)
        else:
            self.own(source, name)

    def _cut(self) -> None:
        try:
            corners = list(self.crop.corners)
            self.source = self._inputs.part(self.whole, corners) if corners else self.whole
        except InputError as error:
            self._complain(str(error))
        self._tell()

    def _tell(self) -> None:
        for then in self._told:
            then()
