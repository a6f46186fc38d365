"""The runs of a page: a strip of pictures, two of which can be compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets

from ..errors import InputError
from ..runs.record import Result
from ..runs.request import Request
from ..runs.state import Step
from .parts import Gallery, Wipe, jpeg, tile

__all__ = ["PastRun", "PastRuns", "saved"]


@dataclass(frozen=True)
class PastRun:
    """A run that was made on the page.

    Attributes:
        request: what was asked for.
        result: the picture and its record.
        steps: that were made.
    """

    request: Request
    result: Result
    steps: tuple[Step, ...]


class PastRuns(widgets.VBox):
    """Shows them.

    Args:
        then: is called with the run that is clicked.

    Attributes:
        runs: by their names.
    """

    def __init__(self, then: Callable[[PastRun], None]) -> None:
        self.runs: dict[str, PastRun] = {}
        self.strip = Gallery(strip=True, label="runs of this page")
        self.strip.on_click(lambda name: then(self.runs[name]))
        self.left, self.right = (widgets.Dropdown(layout={"width": "48%"}) for _ in range(2))
        self.wipe = Wipe()
        for side in (self.left, self.right):
            side.observe(lambda _: self._compare(), "value")
        title = "<b>Runs of this page</b>; a click brings one back, with its pictures and settings."
        compare = widgets.VBox([widgets.HBox([self.left, self.right]), self.wipe])
        below = widgets.Accordion([compare], titles=("Compare two runs",))
        super().__init__([widgets.HTML(title), self.strip, below])

    def add(self, *runs: PastRun) -> None:
        """Put runs at the end of the strip, and compare the last two."""
        for run in runs:
            name = f"Run {len(self.runs) + 1}"
            self.runs[name] = run
            settings, caption = run.result.record["settings"], run.result.caption
            label = f"{name}: λ = {run.result.lam}, {settings['form']}\n"
            label += f"{settings['size']} px, {settings['init']}"
            item = tile(name, run.result.image, label, caption, most=200)
            self.strip.items = [*self.strip.items, item]
        names = list(self.runs)
        for side, chosen in ((self.left, names[-2:][:1]), (self.right, names[-1:])):
            side.options = names
            side.value = chosen[0] if chosen else None

    def mark(self, run: PastRun) -> None:
        """Mark the one that is shown."""
        self.strip.value = next(name for name, other in self.runs.items() if other is run)

    def _compare(self) -> None:
        for side, name in ((self.left, "left"), (self.right, "right")):
            if side.value in self.runs:
                result = self.runs[side.value].result
                setattr(self.wipe, name, jpeg(result.image))
                setattr(self.wipe, f"{name}_name", f"{side.value}: {result.caption}")


def saved(result: Result, folder: Path, name: str) -> Path:
    """Write a picture and its record, never over another picture: name, name-2, name-3 …

    Args:
        result: what is written.
        folder: where; it is made where it does not exist.
        name: of the file; where it is empty, photograph, painting and λ make one.

    Returns:
        The picture's path.

    Raises:
        InputError, OSError: no name for a file, or nothing can be written there.
    """
    if not name:
        parts = [Path(result.record[key]["picture"] or key).stem for key in ("content", "style")]
        name = "-".join([*parts, f"{result.record['settings']['lam']:g}"])
    if Path(name).name != name or name.startswith("."):
        advice = "leave out folders, and do not begin with a dot"
        raise InputError(f"{name} is no name for a file: {advice}")
    folder.mkdir(parents=True, exist_ok=True)
    name = name if Path(name).suffix.lower() == ".png" else f"{name}.png"
    place = next(path for path in _numbered(folder / name) if not _taken(path))
    result.save(place)
    return place


def _numbered(path: Path) -> Iterable[Path]:
    yield path
    number = 1
    while True:
        number += 1
        yield path.with_stem(f"{path.stem}-{number}")


def _taken(path: Path) -> bool:
    return path.exists() or path.with_suffix(".json").exists()
