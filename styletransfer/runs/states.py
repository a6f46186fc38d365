"""Saved states: arrays and facts in one .npz file, which is there whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..pictures.files import atomic_path

__all__ = ["read_state", "write_state"]


def write_state(
    path: str | os.PathLike, arrays: dict[str, np.ndarray], facts: dict[str, Any]
) -> None:
    """Write arrays and facts (anything that JSON holds) into one .npz file, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **arrays)


def read_state(
    path: str | os.PathLike, *, what: str = "the saved state of a run"
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `write_state` wrote.

    Args:
        path: the file.
        what: it should be, for the message where it is not.

    Raises:
        FileNotFoundError: no such file.
        InputError: the file is damaged or something else.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with Path(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return arrays, json.loads(str(arrays.pop("facts")))
    except Exception as error:  # zipfile, zlib, NumPy and JSON each have their own
        raise InputError(f"{path} is not {what}, or it is damaged ({error})") from None
