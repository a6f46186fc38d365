"""Downloads that say what they fetch, and the user's cache folder."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pooch
import requests

log = logging.getLogger("styletransfer")


@contextlib.contextmanager
def announced_downloader() -> Iterator[Callable]:
    """A downloader for pooch that says what it fetches, and only when it does.

    Pooch's own message is held back in the block: it names folders of the user's machine, which would then stand in
    stored notebooks.
    """
    logger = pooch.get_logger()
    level = logger.level

    def download(url: str, file: Any, caller: Any) -> None:
        log.warning("Downloading %s", url)
        pooch.HTTPDownloader(progressbar=True, timeout=10)(url, file, caller)

    logger.setLevel(logging.WARNING)
    try:
        yield download
    finally:
        logger.setLevel(level)


def why_no_download(error: OSError | ValueError) -> str:
    """What to tell a user of a download that failed."""
    no_answer = isinstance(error, (requests.ConnectionError, requests.Timeout))
    return "no connection" if no_answer else str(error).splitlines()[0]


def cache_folder() -> Path:
    """Where what was measured or computed once is kept: STYLETRANSFER_CACHE_DIR, or the user's cache."""
    return Path(os.environ.get("STYLETRANSFER_CACHE_DIR", pooch.os_cache("styletransfer")))
