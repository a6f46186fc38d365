"""The parts of the page that ipywidgets does not have; their scripts are in `static`."""

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
from PIL import Image
from traitlets import Bool, Bytes, Dict, Float, Int, List, Unicode

from ..pictures.images import encode

STATIC = Path(__file__).parent / "static"

MOST_BYTES = 100 * 2**20  # of an upload: more than any photograph that `read_image` takes

WITHIN = {"max_width": "100%", "width": "fit-content"}


def action(label: str, then: Callable[[], object], about: str = "", **look: Any) -> widgets.Button:
    """A button that calls `then`; where the mouse rests on it, it says what it is about."""
    button = widgets.Button(description=label, tooltip=about, **look)
    button.on_click(lambda _: then())
    return button


class Picture(widgets.Image):
    """An image that is not there while it has no value; ipywidgets' own is shown as broken."""

    def __init__(self, *, format: str = "jpeg", layout: Any = WITHIN) -> None:
        super().__init__(format=format, layout=layout)
        self.observe(lambda _: self._hide(), "value")
        self._hide()

    def _hide(self) -> None:
        (self.remove_class if self.value else self.add_class)("st-empty")


class _Scripted(anywidget.AnyWidget):
    _css = STATIC / "style.css"


class Gallery(_Scripted):
    """Pictures to choose from, in a grid or in one strip that scrolls.

    The items are made by `tile`; those of a group follow one another, and stand under its name. The
    value is the key of the one that was chosen, and the label says what is chosen, for those who
    cannot see it.
    """

    _esm = STATIC / "gallery.js"
    items: Any = List().tag(sync=True)
    value = Unicode().tag(sync=True)
    label = Unicode().tag(sync=True)
    strip = Bool(False).tag(sync=True)

    def on_click(self, then: Callable[[str], None]) -> None:
        """Call `then` with the key of a picture that is clicked, chosen already or not."""

        def clicked(_: Any, message: Any, __: Any) -> None:
            keys = [item["key"] for item in self.items]
            if isinstance(message, dict) and message.get("clicked") in keys:
                then(message["clicked"])

        self.on_msg(clicked)


class Crop(_Scripted):
    """A JPEG over which a rectangle is dragged.

    Its corners are left, top, right, bottom as shares of width and height; none for the whole.
    """

    _esm = STATIC / "crop.js"
    picture = Bytes().tag(sync=True)
    corners = List(Float()).tag(sync=True)


class Brush(_Scripted):
    """A JPEG that is painted on with brushes of some colours.

    Each of the strokes has its "brush" and its "points", shares (x, y) of width and height; their
    width is a share of the picture's. What came of them is a PNG that is laid over it.
    """

    _esm = STATIC / "brush.js"
    picture = Bytes().tag(sync=True)
    regions = Bytes().tag(sync=True)
    colours = List(Unicode()).tag(sync=True)
    names = List(Unicode()).tag(sync=True)
    strokes = List(Dict()).tag(sync=True)
    width = Float().tag(sync=True)


class Wipe(_Scripted):
    """Two JPEGs, one over the other, with their names below."""

    _esm = STATIC / "wipe.js"
    left = Bytes().tag(sync=True)
    right = Bytes().tag(sync=True)
    left_name = Unicode().tag(sync=True)
    right_name = Unicode().tag(sync=True)


class Heartbeat(_Scripted):
    """Tells the page that Python is there: where `beat` stops for 15 seconds, it shows `lost`."""

    _esm = STATIC / "heartbeat.js"
    beat = Int(0).tag(sync=True)
    lost = Unicode().tag(sync=True)


class Code(_Scripted):
    """Text with a button that copies it."""

    _esm = STATIC / "code.js"
    text = Unicode().tag(sync=True)


class Upload(_Scripted):
    """A button that takes a file, in pieces: ipywidgets' own is cut off by Jupyter above 10 MB.

    `then` is called with the file's name and its bytes, or None where they are above `most`.
    """

    _esm = STATIC / "upload.js"
    label = Unicode().tag(sync=True)
    most = Int(MOST_BYTES).tag(sync=True)

    def __init__(self, then: Callable[[str, bytes | None], None], **traits: Any) -> None:
        super().__init__(**traits)
        self._then = then
        self._pieces: list[bytes] = []
        self.on_msg(self._receive)

    def _receive(self, _: Any, message: Any, buffers: Sequence[memoryview] | None) -> None:
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


def jpeg(picture: np.ndarray | Image.Image, *, most: int = 1024) -> bytes:
    """A picture, float (H, W, 3) in [0, 1] or Pillow's, with a long side of `most` px at most."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(encode(picture))
    image = image.convert("RGB")
    image.thumbnail((most, most))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, subsampling=0)  # strokes differ in colour
    return buffer.getvalue()


def tile(
    key: str, picture: np.ndarray | Image.Image, label: str, about: str = "", group: str = ""
) -> dict[str, str]:
    """An item of a `Gallery`; `about` is where the mouse rests, and the group's name above."""
    address = "data:image/jpeg;base64," + base64.b64encode(jpeg(picture, most=160)).decode()
    return {"key": key, "picture": address, "label": label, "about": about or label, "group": group}
