"""What a run leaves: the picture, and the record of how it was made."""

import contextlib
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
from ..pictures.files import WRITABLE, atomic_path
from ..pictures.images import encode, read_image, save_image
from ..settings import Settings
from . import schema
from .checkpoint import parsed

MOST_BYTES = 2**26  # of a record: the history of some 400,000 steps


def versions() -> dict[str, str]:
    """Versions of Python, of the packages that compute, and of the system; a record keeps them."""
    found = {"python": platform.python_version(), "styletransfer": __version__}
    for package in ("tensorflow", "keras", "numpy", "scipy", "pillow"):
        found[package] = "unknown"  # the same module may come from a package of another name
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return {**found, "system": f"{platform.system()} {platform.machine()}"}


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """What a run leaves: a picture, and how it was made. A result equals none but itself."""

    image: np.ndarray  # float32 (H, W, 3) in [0, 1]
    record: dict[str, Any]  # settings, inputs, weights, versions, history (docs/runs.md)

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture to `path` and the record beside it, with the ending .json.

        Raises:
            InputError: see `save_image` and `check_record_place`.
        """
        check_record_place(path, checksum=picture_checksum(self.image))
        text = json.dumps(self.record, indent=1, ensure_ascii=False) + "\n"
        with atomic_path(Path(path).with_suffix(".json")) as temporary:
            # Names that are not UTF-8 hold surrogates, which this writes as JSON's own \udcff.
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
            save_image(self.image, path)

    @property
    def caption(self) -> str:
        """Which network, form, λ, size and steps made the picture, in one line."""
        settings, weights = self.record["settings"], self.record["weights"]
        color = settings.get("color", "painting")  # older records have none
        return (
            f"{weights['name']} ({weights['architecture']}), {settings['form']}, λ = {self.lam}, "
            f"{settings['size']} px, {len(self.record['history'])} steps"
            + (f", colours: {color}" if color != "painting" else "")
            + (", in regions" if settings.get("regions") else "")
        )

    @property
    def lam(self) -> str:
        """λ in words; where it was changed during the run, all its values, such as "1 → 1.5"."""
        weights = (self.record["settings"], *self.record.get("changes", ()))
        values = (f"{weighting['lam']:g}" for weighting in weights)
        return " → ".join(value for value, _ in itertools.groupby(values))

    def __repr__(self) -> str:
        return f"<Result: {self.caption}>"

    def _repr_jpeg_(self) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(encode(self.image)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()


def picture_checksum(image: np.ndarray) -> str:
    """SHA-256 of the picture's 8-bit pixels: two files with the same sum show the same picture."""
    return hashlib.sha256(encode(image).tobytes()).hexdigest()


def check_record_place(path: str | os.PathLike, *, checksum: str | None = None) -> None:
    """Raise InputError where a picture's record would replace what is no record, or another's.

    With its `checksum` a picture's own record may be written again.
    """
    path = Path(path)
    record = path.with_suffix(".json")
    if not record.exists():
        return
    try:
        known = _loaded(record, schema.Pictured)["picture"]["sha256"]
    except InputError:
        raise InputError(
            f"{record} is there and is not a record; choose another name for {path}"
        ) from None
    others = [p for p in map(path.with_suffix, WRITABLE) if p.exists() and p != path]
    owners = [other for other in others if not path.exists() or _shows(other, known)]
    if known != checksum and owners:
        raise InputError(f"{record} is the record of {owners[0]}; choose another name for {path}")


def _shows(path: Path, checksum: str) -> bool:
    # All formats but JPEG keep a picture's very pixels.
    with contextlib.suppress(InputError, OSError):
        return picture_checksum(read_image(path)) == checksum
    return False


def _loaded(path: Path, model: type[schema.BaseModel] = schema.Record) -> dict[str, Any]:
    """A record whose keys are as they should be; its settings are not looked at."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise InputError(f"it is no file of at most {MOST_BYTES >> 20} MB")
        record = parsed(path.read_bytes())
        schema.checked(model, record)
    except (InputError, OSError) as error:
        raise InputError(f"{path} is not the record of a run ({error})") from None
    return record


def read_record(path: str | os.PathLike) -> tuple[dict[str, Any], Settings]:
    """A record as `Result.save` wrote it, and its settings.

    Raises:
        FileNotFoundError: no such file.
        InputError: it is no record, or it names settings that do not exist.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no record {path}")
    record = _loaded(path)
    try:
        settings = schema.replayable(record["settings"])
        schema.check_weights(record.get("changes", ()), settings)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return record, settings
