"""The parts of the page that ipywidgets does not have; their scripts are in `static`."""

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

__all__ = [
    "Code",
    "Crop",
    "Gallery",
    "Heartbeat",
    "Picture",
    "Upload",
    "Wipe",
    "action",
    "jpeg",
    "tile",
]

STATIC = Path(__file__).parent / "static"

MOST_BYTES = 100 * 2**20
"""Of an uploaded file: more than any photograph that `read_image` takes."""

NARROW = {"max_width": "100%", "width": "fit-content"}


def action(label: str, then: Callable[[], object], about: str = "", **look: Any) -> widgets.Button:
    """A button that calls `then`.

    Args:
        label: on it.
        then: what it does.
        about: where the mouse rests.
        look: traits of ipywidgets' button.
    """
    button = widgets.Button(description=label, tooltip=about, **look)
    button.on_click(lambda _: then())
    return button


class _Scripted(anywidget.AnyWidget):
    _css = STATIC / "style.css"


class Gallery(_Scripted):
    """Pictures to choose from.

    Attributes:
        items: as `tile` makes them; those of a group follow one another, and stand under its name.
        value: the key of the one that was chosen.
        label: what is chosen, for those who cannot see it.
        strip: one row that scrolls, in place of a grid.
    """

    _esm = STATIC / "gallery.js"
    items: list[dict[str, str]] = traitlets.List().tag(sync=True)
    value = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    strip = traitlets.Bool(False).tag(sync=True)

    def on_click(self, then: Callable[[str], None]) -> None:
        """Call `then` with the key of a picture that is clicked, chosen already or not."""

        def clicked(_: Any, message: Any, __: Any) -> None:
            key = message.get("clicked") if isinstance(message, dict) else None
            if any(item["key"] == key for item in self.items):
                then(key)

        self.on_msg(clicked)


class Picture(widgets.Image):
    """An image that is not there while it has no value; ipywidgets' own is shown as broken."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**{"format": "jpeg", "layout": NARROW, **traits})
        self.observe(lambda _: self._hide(), "value")
        self._hide()

    def _hide(self) -> None:
        (self.remove_class if self.value else self.add_class)("st-empty")


class Crop(_Scripted):
    """A picture over which a rectangle is dragged.

    Attributes:
        picture: JPEG.
        corners: left, top, right, bottom as shares of width and height; empty for the whole.
    """

    _esm = STATIC / "crop.js"
    picture = traitlets.Bytes().tag(sync=True)
    corners = traitlets.List(traitlets.Float()).tag(sync=True)


class Wipe(_Scripted):
    """Two pictures, one over the other.

    Attributes:
        left, right: JPEG.
        left_name, right_name: what stands below them.
    """

    _esm = STATIC / "wipe.js"
    left = traitlets.Bytes().tag(sync=True)
    right = traitlets.Bytes().tag(sync=True)
    left_name = traitlets.Unicode().tag(sync=True)
    right_name = traitlets.Unicode().tag(sync=True)


class Upload(_Scripted):
    """A button that takes a file, in pieces.

    (The upload of ipywidgets sends one message, and above 10 MB a Jupyter server drops it.)

    Args:
        then: is called with the file's name and bytes, or None where it is larger than `most`.

    Attributes:
        label: on the button.
        most: bytes that are taken at most.
    """

    _esm = STATIC / "upload.js"
    label = traitlets.Unicode().tag(sync=True)
    most = traitlets.Int(MOST_BYTES).tag(sync=True)

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


class Heartbeat(_Scripted):
    """Tells the page that Python is there.

    Attributes:
        beat: counts up; where it stops for 15 seconds, the page shows `lost`.
        lost: what is shown then.
    """

    _esm = STATIC / "heartbeat.js"
    beat = traitlets.Int(0).tag(sync=True)
    lost = traitlets.Unicode().tag(sync=True)


class Code(_Scripted):
    """Text with a button that copies it.

    Attributes:
        text: what is shown and copied.
    """

    _esm = STATIC / "code.js"
    text = traitlets.Unicode().tag(sync=True)


def jpeg(picture: np.ndarray | Image.Image, *, most: int = 1024) -> bytes:
    """A picture as a JPEG.

    Args:
        picture: float (H, W, 3) in [0, 1], or as Pillow has it.
        most: long side in pixels; a smaller picture stays as it is.
    """
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
