"""Saved states: arrays and facts in one .npz file, which is there whole or not at all."""

import json
import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..pictures.files import atomic_path

MOST_FACTS = 2**28  # bytes of the facts, 4 a character

Headers = dict[str, tuple[tuple[int, ...], np.dtype]]
"""Shape and type of every array of a file, by name."""


def write_state(
    path: str | os.PathLike, arrays: dict[str, np.ndarray], facts: dict[str, Any]
) -> None:
    """Write arrays and facts (anything that JSON holds) into one .npz file, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        named: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **arrays}
        np.savez(file, **named)


def read_state(
    path: str | os.PathLike,
    *,
    what: str = "the saved state of a run",
    check: Callable[[dict[str, Any], Headers], None] | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `write_state` wrote. Nothing is read that the file declares larger than it is.

    Args:
        path: the file.
        what: it should be, for the message where it is not.
        check: sees the facts and the arrays' headers before any array is read, and raises an
            InputError where they are not what they should be.

    Raises:
        FileNotFoundError: no such file.
        InputError: the file is damaged or something else.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if not path.is_file():
            raise InputError("it is no file")
        with zipfile.ZipFile(path) as archive:
            headers = _headers(archive, path.stat().st_size)
            if headers.pop("facts")[1].itemsize > MOST_FACTS:
                raise InputError("its facts are too long")
            facts = parsed(str(_array(archive, "facts")))
            if not isinstance(facts, dict):
                raise InputError("its facts have no names")
            if check is not None:
                check(facts, dict(headers))
            return {name: _array(archive, name) for name in headers}, facts
    except Exception as error:  # zipfile, zlib, NumPy and the system each have their own
        raise InputError(f"{path} is not {what}, or it is damaged ({error})") from None


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _headers(archive: zipfile.ZipFile, most: int) -> Headers:
    """The arrays' headers; raises an error where anything is larger than it is on the disk."""
    headers: Headers = {}
    for member in archive.infolist():
        name, ending = os.path.splitext(member.filename)
        most -= member.compress_size
        stored = member.compress_type == zipfile.ZIP_STORED
        if ending != ".npy" or name in headers or not stored or most < 0:
            raise InputError(f"{member.filename} is not as they are written here")
        with archive.open(member) as file:
            old = np.lib.format.read_magic(file) == (1, 0)
            read = (
                np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read(file)
            headers[name] = shape, dtype
            size = math.prod(shape) * dtype.itemsize
            if dtype.hasobject or size != member.compress_size - file.tell():
                raise InputError(f"{member.filename} is not as long as it says")
    return headers


def parsed(text: str | bytes) -> Any:
    """What JSON says; InputError where it is none, or longer or deeper than Python takes."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is no JSON: {error}") from None


def is_saved_run(path: str | os.PathLike) -> bool:
    """Whether a file is named inside like the saved state of a run; it is not read."""
    try:
        if not Path(path).is_file():
            return False
        with zipfile.ZipFile(path) as archive:
            return {"facts.npy", "content.npy", "style.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
