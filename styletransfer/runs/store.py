"""Results kept by the identity of their runs: what was made once is not made again."""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError, log
from ..pictures.downloads import cache_folder
from ..pictures.images import read_image
from .record import Result, picture_checksum, read_record

PICTURE, RECORD = "picture.png", "picture.json"
ABANDONED = 24 * 3600
"""Seconds after which a half-written entry is taken to be that of a process that was killed."""


class Store:
    """A folder of results, one folder for each, by identity.

    An entry is written under another name and renamed: it is there whole or not at all. Of two
    processes that write the same one, the first wins, and the other's is the same.

    Args:
        folder: is made where it does not exist; by default "runs" in `cache_folder`.
        read_only: nothing is made, kept or removed there.

    Raises:
        InputError: the folder cannot be made, or nothing can be written there.
    """

    def __init__(self, folder: str | os.PathLike | None = None, *, read_only: bool = False) -> None:
        self.folder = cache_folder() / "runs" if folder is None else Path(folder)
        self._read_only = read_only
        if read_only:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._half():  # can anything be written?
                pass
            for path in self.folder.glob(".half-*"):
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > ABANDONED:
                        shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(
                f"results cannot be kept in {self.folder}: {reason}; name another folder"
            ) from None

    def __contains__(self, identity: str) -> bool:
        """Whether there is an entry; `get` tells whether it is sound."""
        return (self.folder / identity / RECORD).is_file()

    def get(self, identity: str) -> Result | None:
        """The result of a run, or None; a damaged one is removed, with a word in the log."""
        entry = self.folder / identity
        if not entry.exists():
            return None
        try:
            record, _ = read_record(entry / RECORD)
            image = read_image(entry / PICTURE)
            sums = record.get("identity"), picture_checksum(image)
            if sums != (identity, record["picture"]["sha256"]):
                raise InputError("its checksum differs")
            return Result(image, record)
        except (InputError, OSError) as error:
            log.warning("The result %s is damaged and is made again (%s).", identity, error)
            self.remove(identity)
            return None

    def record(self, identity: str) -> dict[str, Any] | None:
        """The record of a result, or None; its picture is not looked at."""
        with contextlib.suppress(InputError, OSError):
            record, _ = read_record(self.folder / identity / RECORD)
            return record if record.get("identity") == identity else None
        return None

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Identity and record of every result; those that cannot be read are left out."""
        for path in self._records():
            with contextlib.suppress(InputError, OSError):
                yield path.parent.name, read_record(path)[0]

    def put(self, identity: str, result: Result) -> Result:
        """Keep a result, and return it as `get` gives it: rounded to 8 bits, with its identity.

        Raises:
            OSError, InputError: it could not be written; nothing is left of it.
        """
        with self._half() as half:
            Result(result.image, {**result.record, "identity": identity}).save(half / PICTURE)
            if identity not in self:
                self.remove(identity)  # a folder without a record
            with contextlib.suppress(OSError):  # the folder is not empty: another process was first
                os.rename(half, self.folder / identity)
        kept = self.get(identity)
        if kept is None:
            raise InputError(f"the result could not be kept in {self.folder}")
        return kept

    def remove(self, identity: str) -> None:
        """Forget a result, if it is there."""
        with contextlib.suppress(OSError), self._half() as half:
            # In one go: no reader finds half of it.
            os.rename(self.folder / identity, half / "removed")

    def __len__(self) -> int:
        return len(self._records())

    def _records(self) -> list[Path]:
        return sorted(self.folder.glob(f"[!.]*/{RECORD}"))

    @contextlib.contextmanager
    def _half(self) -> Iterator[Path]:
        """A folder for what is not finished; what is left of it in the end goes."""
        if self._read_only:
            raise PermissionError(f"{self.folder} is only read")
        path = self.folder / f".half-{uuid.uuid4().hex}"
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def kept_in(
    store: Store | str | os.PathLike | None, identity: str, make: Callable[[], Result]
) -> Result:
    """The result of a run from a store, or else made now and kept there.

    A result that was interrupted is not kept, and one that cannot be written is returned all the
    same, with a word in the log: a full disk must not cost the picture. A `store` of None keeps
    nothing.
    """
    if store is None:
        return make()
    store = store if isinstance(store, Store) else Store(store)
    if (result := store.get(identity)) is not None:
        return result
    result = make()
    if result.record["stopped"] in (None, "converged"):
        try:
            return store.put(identity, result)
        except (OSError, InputError) as error:
            log.warning("The result could not be kept in %s (%s).", store.folder, error)
    return result
