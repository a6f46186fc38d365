"""The runs of a page: a strip of pictures, two of which can be compared."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets

from ..errors import InputError
from ..runs.record import Result
from ..runs.request import Request
from ..runs.state import Step
from .parts import Gallery, Wipe, jpeg, tile


@dataclass(frozen=True)
class PastRun:
    """A run that was made on the page: what was asked for, and what came of it."""

    request: Request
    result: Result
    steps: tuple[Step, ...]


class PastRuns(widgets.VBox):
    """Shows them, and calls `then` with the one that is clicked; `runs` has them by name."""

    def __init__(self, then: Callable[[PastRun], None]) -> None:
        self.runs: dict[str, PastRun] = {}
        self.strip = Gallery(strip=True, label="runs of this page")
        self.strip.on_click(lambda name: then(self.runs[name]))
        self.sides = {side: widgets.Dropdown(layout={"width": "48%"}) for side in ("left", "right")}
        self.wipe = Wipe()
        for side, field in self.sides.items():
            field.observe(lambda _, side=side: self._show_side(side), "value")
        title = "<b>Runs of this page</b>; a click brings one back, with its pictures and settings."
        compare = widgets.VBox([widgets.HBox(list(self.sides.values())), self.wipe])
        below = widgets.Accordion([compare], titles=("Compare two runs",))
        super().__init__([widgets.HTML(title), self.strip, below])

    def add(self, *runs: PastRun) -> None:
        """Put runs at the end of the strip, and compare the last two."""
        for run in runs:
            name = f"Run {len(self.runs) + 1}"
            self.runs[name] = run
            settings, result = run.result.record["settings"], run.result
            label = f"{name}: λ = {result.lam}, {settings['form']}\n"
            label += f"{settings['size']} px, {settings['init']}"
            item = tile(name, result.image, label, result.caption)
            self.strip.items = [*self.strip.items, item]
        names = list(self.runs)
        for field, place in zip(self.sides.values(), (-2, -1), strict=True):
            field.options = names
            field.value = names[max(place, -len(names))] if names else None

    def mark(self, run: PastRun) -> None:
        """Mark the one that is shown."""
        self.strip.value = next(name for name, other in self.runs.items() if other is run)

    def _show_side(self, side: str) -> None:
        name = self.sides[side].value
        if name in self.runs:
            result = self.runs[name].result
            setattr(self.wipe, side, jpeg(result.image))
            setattr(self.wipe, f"{side}_name", f"{name}: {result.caption}")


def save(result: Result, folder: Path, name: str) -> Path:
    """Write a picture and its record, never over another picture: name, name-2, name-3 …

    Args:
        result: what is written.
        folder: where; it is made where it does not exist.
        name: of the file; where it is empty, photograph, painting and λ make one.

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
    first = folder / (name if Path(name).suffix.lower() == ".png" else f"{name}.png")
    for number in itertools.count(1):
        place = first if number == 1 else first.with_stem(f"{first.stem}-{number}")
        if not place.exists() and not place.with_suffix(".json").exists():
            break
    result.save(place)
    return place
