"""Downloads with pinned checksums, and the user's cache folder."""

import logging
import os
from pathlib import Path
from typing import Any

import pooch
import requests

from ..errors import InputError, log
from .files import check_file


def download(address: str, checksum: str, place: Path) -> Path:
    """The file at `place`, which is downloaded first (whole or not at all) where there is none.

    Raises:
        InputError: the download failed, or the file has another `checksum` ("sha256:…", "md5:…").
            The sentence names no folder: it may come to stand in records and stored notebooks.
    """
    algorithm, digest = checksum.split(":")
    if place.exists():
        check_file(place)
        if pooch.file_hash(str(place), alg=algorithm) != digest:
            raise InputError(
                f"{place.name} has the wrong checksum: it is damaged or another file; delete it"
            )
        return place
    # Pooch's own message would name the folder.
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        pooch.retrieve(address, checksum, place.name, place.parent, downloader=_announced)
    except (OSError, ValueError) as error:
        log.debug("The download of %s failed.", address, exc_info=True)
        reason = why_no_download(error)
        raise InputError(f"{place.name} could not be downloaded: {reason}") from None
    finally:
        logger.setLevel(level)
    return place


def _announced(url: str, file: Any, caller: Any) -> None:
    log.warning("Downloading %s", url)
    pooch.HTTPDownloader(progressbar=True, timeout=10)(url, file, caller)


def why_no_download(error: OSError | ValueError) -> str:
    """What to tell a user of a download that failed."""
    no_answer = isinstance(error, (requests.ConnectionError, requests.Timeout))
    return "no connection" if no_answer else str(error).splitlines()[0]


def cache_folder() -> Path:
    """Where what was computed once stays: STYLETRANSFER_CACHE_DIR, or the user's cache."""
    return Path(os.environ.get("STYLETRANSFER_CACHE_DIR", pooch.os_cache("styletransfer")))


def papers_folder() -> Path:
    """Where the papers' pictures stay: STYLETRANSFER_DATA_DIR, or the user's cache."""
    return Path(os.environ.get("STYLETRANSFER_DATA_DIR") or pooch.os_cache("styletransfer"))
