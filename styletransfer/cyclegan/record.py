"""The record of a training: what it holds, and the files of a training's folder."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ..errors import InputError
from ..options import build
from ..pictures.files import atomic_path, check_file
from ..runs.checkpoint import parsed, read_state
from ..runs.schema import NotNegative, Text, checked
from .settings import KINDS, TrainingSettings

CHECKPOINT, RECORD, LOSSES = "checkpoint.npz", "record.json", "losses.csv"

UNDER_WAY = "under way"  # until the training has ended, or for good where it was killed

MOST_BYTES = 2**28  # of a record: two sides of some hundred thousand pictures

Count = Annotated[int, Field(ge=0, le=10**12)]


class _Picture(BaseModel, strict=True):  # other keys may stand beside these, here and below
    name: Text
    sha256: Text


class _Data(BaseModel, strict=True):
    source: Text | list[Text]
    A: list[_Picture]
    B: list[_Picture]
    skipped: dict[str, dict[str, str]] = {}


class _Start(BaseModel, strict=True):
    name: Text
    sha256: Text
    steps: Count


class _Record(BaseModel, strict=True):
    kind: Literal["cycle", "adapted"]
    settings: dict[str, Any]
    data: _Data
    step: Count
    stopped: Text | None
    seconds: NotNegative
    plans: list[dict[str, Count]] = []
    start: _Start | None = None
    lam: NotNegative | None = None
    averaged: list[Count] = []


def check_record(values: Any) -> TrainingSettings:
    """The settings of a record, after a check of everything that is read of it.

    Raises:
        InputError: it is no record of a training; the message names the key.
    """
    checked(_Record, values)
    return build(KINDS[values["kind"]], values["settings"])


def snapshot(name: str, step: int) -> str:
    """The file of a generator as it was after so many steps, in the folder of its training."""
    return f"snapshots/{name}-{step:07d}.npz"


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write the record into the folder of a training, whole or not at all."""
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    with atomic_path(folder / RECORD) as temporary:
        # Names that are not UTF-8 hold surrogates, which this writes as JSON's own \udcff.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of the training in a folder, from the checkpoint where its own file was lost.

    Returns:
        None where neither is there.

    Raises:
        InputError: one is there and is something else.
    """
    path, checkpoint = folder / RECORD, folder / CHECKPOINT
    if not os.path.exists(path):
        if not os.path.exists(checkpoint):
            return None
        _, facts = read_state(checkpoint, what="the checkpoint of a training")
        path, record = checkpoint, {**facts, "stopped": UNDER_WAY}
    try:
        if path != checkpoint:
            check_file(path, most=MOST_BYTES)
            record = parsed(path.read_bytes())
        check_record(record)
    except (InputError, OSError) as error:
        raise InputError(f"{path} is not the record of a training ({error})") from None
    return record
