"""A run's inputs, results and files: the one room that knows where things are."""

import dataclasses
import hashlib
import io
import itertools
import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import __version__
from ..errors import InputError
from ..pictures.files import atomic_path
from ..pictures.images import encode, save_image
from ..pictures.sources import Collection, Source, described, open_picture
from ..settings import Settings, recorded_settings

__all__ = ["Result", "picture_checksum", "read_record", "recorded_picture", "versions"]

_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "pillow")


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
        return " → ".join(
            value for value, _ in itertools.groupby(f"{each['lam']:g}" for each in weights)
        )

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
        inputs = [
            each
            for key in ("content", "style")
            for each in (record[key], *record[key].get("pictures", ()))
        ]
        for about in (*inputs, record["weights"], record["picture"]):
            about["sha256"]
        for about in inputs:
            about["picture"]
        record["history"], record["stopped"]
        return record, recorded_settings(record["settings"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (
        OSError,
        UnicodeDecodeError,
        json.JSONDecodeError,
        AttributeError,
        KeyError,
        TypeError,
    ) as error:
        raise InputError(
            f"{path} is not the record of a run ({type(error).__name__}: {error})"
        ) from None


def recorded_picture(
    record: dict[str, Any], key: str, *, beside: Path
) -> Source | Collection | None:
    """The input of a record, found again and compared with the checksum; None where the run had none.

    Relative paths count from the working folder, or else from the folder that the record is in.

    Raises:
        FileNotFoundError: a file is gone.
        InputError: it was an array, or it has changed since.
    """

    def found(about: dict[str, Any]) -> Source:
        name = about["picture"]
        if name is None:
            raise InputError(
                f"the record's {key} was an array, not a file: the run cannot be made again from it"
            )
        there = beside / name
        source = open_picture(there if not Path(name).exists() and there.is_file() else name)
        if source.about["sha256"] != about["sha256"]:
            raise InputError(
                f"the {key} picture {name} has changed since the record was made; its checksum differs"
            )
        return dataclasses.replace(source, about={**source.about, "picture": name})

    return described(record[key], found) if record.get(key) is not None else None
