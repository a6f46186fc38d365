"""What the page shows of runs: their curves, and a strip of those that were made."""

import io
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from ..errors import InputError
from ..pictures.sources import Source
from ..runs.record import Result
from ..runs.request import Request
from ..runs.state import Step
from .parts import Gallery, Wipe, jpeg, tile

PHOTOGRAPH = "the photograph"

COLOURS = {"total": "#888888", "content": "#1f9e89", "style": "#d1495b"}


def curves(steps: Sequence[Step]) -> bytes:
    """The losses of a run, step by step, as a PNG that can be read on light and on dark."""
    figure = Figure(figsize=(6.4, 2.4), layout="constrained")
    axis = figure.add_subplot()
    numbers = [step.step for step in steps]
    for name, colour in COLOURS.items():
        values = [getattr(step.losses, name) for step in steps]
        axis.plot(numbers, values, color=colour, label=name, linewidth=1.6)
    for layer in steps[-1].losses.layers["style"]:
        values = [step.losses.layers["style"][layer] for step in steps]
        axis.plot(numbers, values, linewidth=0.9, linestyle=":", label=layer)
    axis.set(yscale="log", xlabel="step")
    axis.tick_params(colors="0.5", which="both")
    axis.xaxis.label.set_color("0.5")
    axis.spines[:].set_color("0.5")
    where = (1.0, 0.5)
    axis.legend(
        frameon=False, labelcolor="0.5", fontsize=7, loc="center left", bbox_to_anchor=where
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, transparent=True)
    return buffer.getvalue()


def minutes(seconds: float) -> str:
    """A time in words: "1 min 26 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@dataclass(frozen=True)
class PastRun:
    """A run that was made on the page: what was asked for, and what came of it."""

    request: Request
    result: Result
    steps: tuple[Step, ...]


class PastRuns(widgets.VBox):
    """Shows them, and calls `then` with the one that is clicked; `runs` has them by name.

    The `wipe` compares a picture with its photograph, or with the run that `against` names.
    """

    def __init__(self, then: Callable[[PastRun], None]) -> None:
        self.runs: dict[str, PastRun] = {}
        self.wipe, self._photo = Wipe(right_name="the picture"), b""
        self.strip = Gallery(strip=True, label="runs of this page")
        self.strip.on_click(lambda name: then(self.runs[name]))
        look = {"description_width": "initial"}
        self.against = widgets.Dropdown(
            options=[PHOTOGRAPH], description="Compare with", style=look
        )
        self.against.observe(lambda _: self._lay_against(), "value")
        title = "<b>Runs of this page</b>; a click brings one back, with its pictures and settings."
        super().__init__(
            [self.against, widgets.HTML(title), self.strip], layout={"display": "none"}
        )

    def add(self, run: PastRun) -> None:
        """Put a run at the end of the strip."""
        name, result = f"Run {len(self.runs) + 1}", run.result
        self.runs[name] = run
        settings = result.record["settings"]
        label = f"{name}: λ = {result.lam}, {settings['form']}\n"
        label += f"{settings['size']} px, {settings['init']}"
        item = tile(name, result.image, label, result.caption)
        self.strip.items = [*self.strip.items, item]
        chosen = self.against.value
        self.against.options = [PHOTOGRAPH, *self.runs]
        self.against.value = chosen
        self.layout.display = ""

    def lay(self, photo: Source, picture: np.ndarray | None = None) -> None:
        """Lay a picture over its photograph; before there is one, the photograph itself."""
        self._photo = jpeg(photo.picture)
        self.wipe.right = self._photo if picture is None else jpeg(picture)
        self._lay_against()

    def _lay_against(self) -> None:
        run = self.runs.get(self.against.value)
        self.wipe.left = self._photo if run is None else jpeg(run.result.image)
        self.wipe.left_name = self.against.value

    def mark(self, run: PastRun) -> None:
        """Mark the one that is shown."""
        self.strip.value = next(name for name, other in self.runs.items() if other is run)


def save(result: Result, folder: Path, name: str) -> Path:
    """Write a picture and its record, never over another picture: name, name-2, name-3 …

    Where the name is empty, photograph, painting and λ make one; the folder is made.

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
    place = free_place(folder / (name if Path(name).suffix.lower() == ".png" else f"{name}.png"))
    result.save(place)
    return place


def free_place(first: Path) -> Path:
    """The first of name, name-2, name-3 … that is not there, and has no record beside it."""
    place, numbers = first, itertools.count(2)
    while place.exists() or place.with_suffix(".json").exists():
        place = first.with_stem(f"{first.stem}-{next(numbers)}")
    return place
