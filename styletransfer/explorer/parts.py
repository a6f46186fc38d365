"""The parts of the page that ipywidgets does not have, each with its own small script in `static`."""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from PIL import Image

from ..pictures.images import encode

__all__ = ["Code", "Crop", "Gallery", "Picture", "Pulse", "Upload", "Wipe", "jpeg", "tile"]

STATIC = Path(__file__).parent / "static"
STYLE = STATIC / "style.css"

MOST_BYTES = 100 * 2**20
"""Of an uploaded file: more than any photograph that `read_image` takes."""


class Gallery(anywidget.AnyWidget):
    """Pictures to choose from.

    Attributes:
        items: as `tile` makes them; those of one group follow one another and stand under its name.
        value: the key of the one that was chosen.
        label: what is chosen, for those who cannot see it.
        strip: one row that scrolls, in place of a grid.
    """

    _esm = STATIC / "gallery.js"
    _css = STYLE
    items = traitlets.List().tag(sync=True)
    value = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    strip = traitlets.Bool(False).tag(sync=True)

    def on_click(self, then: Callable[[str], None]) -> None:
        """Call `then` with the key of each picture that is clicked, also where it was chosen already."""

        def heard(_: Any, message: Any, __: Any) -> None:
            if isinstance(message, dict) and message.get("clicked") in {
                item["key"] for item in self.items
            }:
                then(message["clicked"])

        self.on_msg(heard)


class Picture(widgets.Image):
    """An image that is not there while it has no value; ipywidgets' own is shown as a broken one."""

    def __init__(self, **traits: Any) -> None:
        """Nothing is shown yet, unless a value is given."""
        super().__init__(**{"format": "jpeg", **traits})
        self.observe(lambda _: self._hide(), "value")
        self._hide()

    def _hide(self) -> None:
        (self.remove_class if self.value else self.add_class)("st-empty")


class Crop(anywidget.AnyWidget):
    """A picture over which a rectangle is dragged.

    Attributes:
        picture: JPEG.
        corners: left, top, right, bottom as shares of width and height; empty for the whole picture.
    """

    _esm = STATIC / "crop.js"
    _css = STYLE
    picture = traitlets.Bytes().tag(sync=True)
    corners = traitlets.List(traitlets.Float()).tag(sync=True)


class Wipe(anywidget.AnyWidget):
    """Two pictures, one over the other.

    Attributes:
        left, right: JPEG.
        left_name, right_name: what stands below them.
    """

    _esm = STATIC / "wipe.js"
    _css = STYLE
    left = traitlets.Bytes().tag(sync=True)
    right = traitlets.Bytes().tag(sync=True)
    left_name = traitlets.Unicode().tag(sync=True)
    right_name = traitlets.Unicode().tag(sync=True)


class Upload(anywidget.AnyWidget):
    """A button that takes a file, in pieces.

    (The upload of ipywidgets sends one message, and a Jupyter server drops the connection where it is above 10 MB.)

    Args:
        then: is called with the file's name and bytes; the bytes are None where it is larger than `most`.
        label: on the button.

    Attributes:
        most: bytes that are taken at most.
    """

    _esm = STATIC / "upload.js"
    _css = STYLE
    label = traitlets.Unicode().tag(sync=True)
    most = traitlets.Int(MOST_BYTES).tag(sync=True)

    def __init__(self, then: Callable[[str, bytes | None], None], **traits: Any) -> None:
        """Nothing is taken yet."""
        super().__init__(**traits)
        self._then = then
        self._pieces: list[bytes] = []
        self.on_msg(self._heard)

    def _heard(self, _: Any, message: Any, buffers: Sequence[memoryview] | None) -> None:
        if not isinstance(message, dict):
            return
        if "begin" in message:
            self._pieces = []
            if message.get("size", 0) > self.most:
                self._then(str(message["begin"]), None)
        elif "piece" in message and sum(map(len, self._pieces)) <= self.most:
            self._pieces += [bytes(buffer) for buffer in buffers or ()]
        elif "end" in message:
            pieces, self._pieces = self._pieces, []
            self._then(str(message["end"]), b"".join(pieces))


class Pulse(anywidget.AnyWidget):
    """Tells the page that Python is there.

    Attributes:
        beat: counts up; where it stops for 15 seconds, the page shows `lost`.
        lost: what is shown then.
    """

    _esm = STATIC / "pulse.js"
    _css = STYLE
    beat = traitlets.Int(0).tag(sync=True)
    lost = traitlets.Unicode().tag(sync=True)


class Code(anywidget.AnyWidget):
    """Text with a button that copies it.

    Attributes:
        text: what is shown and copied.
    """

    _esm = STATIC / "code.js"
    _css = STYLE
    text = traitlets.Unicode().tag(sync=True)


def jpeg(picture: np.ndarray | Image.Image, *, most: int = 1024) -> bytes:
    """A picture, float (H, W, 3) in [0, 1] or as Pillow has it, as a JPEG whose long side has `most` pixels at most."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(encode(picture))
    image = image.convert("RGB")
    image.thumbnail((most, most))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def tile(
    key: str,
    picture: np.ndarray | Image.Image,
    label: str,
    about: str = "",
    *,
    group: str = "",
    most: int = 128,
) -> dict[str, str]:
    """What a `Gallery` shows.

    Args:
        key: what `value` will be.
        picture: as for `jpeg`.
        label: below it.
        about: where the mouse rests.
        group: the name above it and its like; "" where there is none.
        most: long side in pixels.
    """
    address = "data:image/jpeg;base64," + base64.b64encode(jpeg(picture, most=most)).decode()
    return {"key": key, "picture": address, "label": label, "about": about or label, "group": group}
