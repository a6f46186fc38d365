"""A baked page: kept runs as one HTML file, which needs neither Python nor a network."""

import base64
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from ..errors import InputError
from ..pictures.files import atomic_path, check_writable
from ..pictures.images import encode, fit, resize
from ..pictures.sources import Source
from ..runs.code import code_of
from ..runs.record import Result
from ..runs.request import Request
from ..settings import title as title_of
from ..weights.backbones import networks
from .grid import shown
from .judge import lpips, style_distance_to

__all__ = ["PAGES", "Kept", "bake"]

PAGES = {".html": "HTML", ".htm": "HTML"}
"""Endings of the files."""

MOST_SIDE = 1024  # pixels of a picture's long side on the page; larger ones are reduced
THUMBNAIL = 320  # of a painting's
MOST_PAINTINGS = 6  # of one style that are shown

QUALITY = 85
"""Of WebP: pictures of 512 px take 57 kB on average and 79 at most, so that 60 stay below 10 MB."""


@dataclass(frozen=True)
class Kept:
    """A run as a page shows it."""

    point: Mapping[str, Any]  # what it has of the grid
    result: Result
    request: Request  # its pictures are shown beside the result


def bake(
    runs: Iterable[Kept],
    path: str | os.PathLike,
    *,
    title: str = "",
    judged: bool = True,
    missing: Sequence[str] = (),
    count: int | None = None,
    progress: bool = True,
) -> None:
    """Write runs as one page with a control for every setting in which they differ.

    Args:
        runs: are read one after another, so that one picture is in memory at a time.
        path: of the page; the name ends in .html.
        title: its heading; by default the names of the two pictures where all runs have the same.
        judged: write the judge's two numbers beside the losses, where its networks are here.
        missing: what is said of runs that are not there.
        count: how many runs there are, for the time left.
        progress: show a progress bar where it takes more than two seconds.

    Raises:
        InputError: there is no run, or the page cannot be written; nothing is left of it.
    """
    check_writable(path, endings=PAGES)
    judge = _Judge(judged)
    entries: list[dict[str, Any]] = []
    sources: dict[str, tuple[Source, int]] = {}
    bar: Any = {"desc": "Writing the page", "total": count, "delay": 2, "disable": not progress}
    for run in tqdm(runs, **bar):
        image, record = run.result.image, run.result.record
        photo, paintings = run.request.content, run.request.style.members[:MOST_PAINTINGS]
        for source in (photo, *paintings):
            side = max(image.shape) if source is photo else THUMBNAIL
            known = sources.get(source.about["sha256"], (source, 0))[1]
            sources[source.about["sha256"]] = source, max(side, known)
        entries += [
            {
                "point": {name: shown(value, short=False) for name, value in run.point.items()},
                "picture": _address(image, MOST_SIDE),
                "caption": run.result.caption,
                "content": photo.about["sha256"],
                "style": [painting.about["sha256"] for painting in paintings],
                "judged": judge(run),
                "code": code_of(record),
                "record": json.dumps(record, ensure_ascii=False),  # text: JavaScript rounds ints
            }
        ]
    if not entries:
        first = f" ({missing[0]})" if missing else ""
        raise InputError(f"{path} is not written: none of its runs is made yet{first}")
    names = dict.fromkeys(name for entry in entries for name in entry["point"])
    data = {
        "title": title,
        "titles": {name: title_of(name) for name in names},
        "runs": entries,
        "sources": {key: _source(*source) for key, source in sources.items()},
        "missing": missing,
        "unjudged": judge.silent,
    }
    # No "<" is left that could end the script.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    with atomic_path(path) as temporary:
        temporary.write_text(template.replace("{{data}}", text), encoding="utf-8")


def _source(source: Source, side: int) -> dict[str, str]:
    label = source.about.get("credit") or source.label
    return {"picture": _address(source.picture, min(side, MOST_SIDE)), "label": label}


def _address(picture: np.ndarray, most: int) -> str:
    """A picture (H, W, 3) in [0, 1] as an address that holds it, with a long side of `most` px."""
    if max(picture.shape) > most:
        picture = resize(picture, fit(picture.shape, most))
    buffer = io.BytesIO()
    Image.fromarray(encode(picture)).save(buffer, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


class _Judge:
    """Gives the judge's numbers of a run, or None from where on it cannot; `silent` says why."""

    def __init__(self, wanted: bool) -> None:
        absent = "" if networks()["judge"].here else "Its networks were not here."
        self.silent = absent if wanted else "They were not asked for."
        self._distances: dict[tuple, Callable[[np.ndarray], float]] = {}

    def __call__(self, run: Kept) -> dict[str, float] | None:
        if self.silent:
            return None
        image, content, style = run.result.image, run.request.content, run.request.style
        photo = resize(content.picture, image.shape[:2])
        key = (content.about["sha256"], style.about["sha256"], image.shape)
        try:
            if key not in self._distances:
                paintings = [member.picture for member in style.members]
                paintings = [resize(p, fit(p.shape, max(image.shape))) for p in paintings]
                self._distances[key] = style_distance_to(paintings, photo)
            return {"style": self._distances[key](image), "lpips": lpips(image, photo)}
        except InputError as error:  # the pictures are too small for it, or its file is damaged
            self.silent = f"{error}."
            return None
