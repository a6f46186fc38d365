"""Files: what may be opened, checksums, and writing that leaves a whole file or none."""

import contextlib
import glob
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import psutil

from ..errors import InputError

_JPEG, _TIFF = dict.fromkeys((".jpg", ".jpeg"), "JPEG"), dict.fromkeys((".tif", ".tiff"), "TIFF")
WRITABLE = MappingProxyType({".png": "PNG", **_JPEG, ".webp": "WEBP", **_TIFF})
"""Formats of pictures that can be written, by the endings of their files."""

STALE = 60
"""Seconds after which a temporary file whose process is gone is removed. Younger ones stay: in a
shared folder the process may run on another machine."""

_OURS = re.compile(r"-([0-9]{1,9})-[0-9a-f]{8}")  # process and random digits end a temporary name


def check_file(path: Path, *, most: int | None = None) -> None:
    """Refuse what is no file before it is opened: a pipe would wait for ever, a device never end.

    Raises:
        FileNotFoundError: there is nothing.
        InputError: it is a folder, a pipe or a device, or has more than `most` bytes.
    """
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder; name one file in it")
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path}")
    if not os.path.isfile(path):
        raise InputError(f"{path} is a pipe or a device; write what it gives into a file first")
    if most and (size := path.stat().st_size) > most:
        raise InputError(f"{path} has {size / 1e9:.1f} GB, and at most {most / 1e9:.1f} are read")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes; errors as `check_file`, or InputError where it cannot be read."""
    check_file(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary name beside `path`, which becomes `path` when the block ends well, or vanishes.

    When the process is killed, the next that writes to `path` removes it (see `STALE`).

    Raises:
        InputError: the folder does not exist, or nothing can be written there.
    """
    temporary = _temporary(Path(path))
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike, *, endings: Mapping[str, str] = WRITABLE) -> str:
    """The format of `endings` that `path` has, after a trial that something can be written there.

    Raises:
        InputError: an unknown ending, a missing folder, or no permission.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise InputError(f"cannot write {path}: the name must end in {', '.join(endings)}")
    _temporary(path).unlink()
    return endings[path.suffix.lower()]


def _temporary(path: Path) -> Path:
    """A new empty file beside `path`, with the permissions that the process gives to new files."""
    if os.path.exists(path) and not os.path.isfile(path):
        kind = "folder" if path.is_dir() else "pipe or a device"
        raise InputError(f"cannot write {path}: it is a {kind}; name a file")
    if not os.path.isdir(path.parent):
        raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    for old in path.parent.glob(f".{glob.escape(path.stem)}-*{glob.escape(path.suffix)}"):
        owner = _OURS.fullmatch(old.name[1 + len(path.stem) :].removesuffix(path.suffix))
        with contextlib.suppress(OSError):  # another process may remove it at the same time
            stale = owner and time.time() - old.stat().st_mtime > STALE
            if owner and stale and not psutil.pid_exists(int(owner[1])):
                old.unlink()
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.stem}-{unique}{path.suffix}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    return temporary
