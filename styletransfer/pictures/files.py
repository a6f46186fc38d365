"""Files that are there whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from ..errors import InputError

WRITABLE = MappingProxyType(
    {
        ".png": "PNG",
        ".jpg": "JPEG",
        ".jpeg": "JPEG",
        ".webp": "WEBP",
        ".tif": "TIFF",
        ".tiff": "TIFF",
    }
)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary name beside `path` that becomes `path` when the block ends well and vanishes when it does not.

    Raises:
        InputError: the folder does not exist, or nothing can be written there.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner can read; a result gets the usual permissions.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike, *, endings: Mapping[str, str] = WRITABLE) -> str:
    """The format that `path` ends with, after a trial that something can be written there.

    Args:
        path: the file to be.
        endings: format by ending; by default Pillow's formats of pictures.

    Raises:
        InputError: an unknown ending, a missing folder, or no permission.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise InputError(f"cannot write {path}: the name must end in {', '.join(endings)}")
    with contextlib.suppress(_Trial), atomic_path(path):
        raise _Trial
    return endings[path.suffix.lower()]


class _Trial(Exception):
    """Ends the trial in `check_writable` before the real name is touched."""
