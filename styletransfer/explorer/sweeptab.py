"""Moving through runs that were kept: nothing is computed, so every move is there at once."""

import functools
import html
from typing import Any

import ipywidgets as widgets

from ..forms import FORMS
from ..runs.store import Store
from ..settings import Settings
from ..study.sweeps import shown
from .parts import Picture, jpeg

__all__ = ["SweepBrowser"]

IGNORED = ("sizes", "steps", "history", "precision", "tile", "learning_rate", "backbone", "box")
"""Settings that say how a picture was computed, or follow from others: they get a slider where all else is equal."""


class SweepBrowser(widgets.VBox):
    """A slider for every setting that differs among the kept runs of a photograph and a painting.

    Args:
        store: where runs are kept.
    """

    def __init__(self, store: Store) -> None:
        """Read the records."""
        self._store = store
        self.pair = widgets.Dropdown(description="Pictures", layout={"width": "auto"})
        self.sliders: dict[str, widgets.SelectionSlider] = {}
        self._place, self._going = widgets.VBox(), False
        self.picture = Picture(layout={"max_width": "100%", "width": "fit-content"}).add_class(
            "st-preview"
        )
        self.caption = widgets.HTML().add_class("st-sweep-caption")
        again = widgets.Button(
            description="Read again", tooltip="Look for runs that were kept meanwhile"
        )
        again.on_click(lambda _: self.read())
        super().__init__(
            [widgets.HBox([self.pair, again]), self._place, self.picture, self.caption]
        )
        self.pair.observe(lambda _: self._pair_chosen(), "value")
        self.picture_of = functools.lru_cache(maxsize=256)(self._picture_of)
        self.read()

    def read(self) -> None:
        """Look what is kept."""
        self._records: dict[str, dict[str, dict[str, Any]]] = {}
        for identity, record in self._store.records():
            names = [record[key]["picture"] or "an array" for key in ("content", "style")]
            self._records.setdefault(" in the manner of ".join(names), {})[identity] = record
        several = sorted(
            (pair for pair, runs in self._records.items() if len(runs) > 1), key=str.lower
        )
        chosen = self.pair.value
        self.pair.options = several
        if not several:
            lams = ", ".join(f"{factor * FORMS[Settings.form].lam:g}" for factor in (0.1, 1, 10))
            self.caption.value = html.escape(
                f"No sweep is kept in {self._store.folder} yet. Make one in a notebook: "
                f'sweep("petra", "night_cafe", {{"lam": [{lams}]}}, size=256)'
            )
        else:
            self.pair.value = chosen if chosen in several else several[0]

    def _pair_chosen(self) -> None:
        runs = self._records.get(self.pair.value, {})
        settings = {identity: record["settings"] for identity, record in runs.items()}
        varied = [
            name
            for name in next(iter(settings.values()), {})
            if len({_key(s[name]) for s in settings.values()}) > 1
        ]
        names = [name for name in varied if name not in IGNORED] or varied
        self._runs: dict[tuple, str] = {}
        for identity, found in settings.items():
            self._runs[tuple(_key(found[name]) for name in names)] = identity
        self.sliders = {}
        for name in names:
            values = sorted(
                {_key(s[name]) for s in settings.values()},
                key=lambda key: (isinstance(key, str), key),
            )
            options = [(str(shown(value)), value) for value in values]
            slider = widgets.SelectionSlider(
                options=options, description=_title(name), layout={"width": "auto"}
            )
            slider.style.description_width = "110px"
            slider.observe(lambda _, name=name: self._moved(name), "value")
            self.sliders[name] = slider
        self._place.children = tuple(self.sliders.values())
        if self._runs:
            self._go(next(iter(self._runs)))

    def _moved(self, name: str) -> None:
        """Show the run; where there is none, the one that is like it in most and has the value that was chosen."""
        if self._going:
            return
        wanted = {each: slider.value for each, slider in self.sliders.items()}
        near = [
            key for key in self._runs if dict(zip(wanted, key, strict=True))[name] == wanted[name]
        ]
        found = max(
            near, key=lambda key: sum(a == b for a, b in zip(key, wanted.values(), strict=True))
        )
        others = [each for each, value in zip(wanted, found, strict=True) if value != wanted[each]]
        self._go(found, f" (no run is kept that differs in {_title(name)} alone)" if others else "")

    def _go(self, key: tuple, remark: str = "") -> None:
        self._going = True
        for slider, value in zip(self.sliders.values(), key, strict=True):
            slider.value = value
        self._going = False
        identity = self._runs[key]
        record = self._records[self.pair.value][identity]
        losses = record["picture"]["losses"]
        self.picture.value = self.picture_of(identity)
        self.caption.value = html.escape(
            f"{record['weights']['name']}, {record['settings']['form']}, λ = {record['settings']['lam']:g}, "
            f"{record['settings']['size']} px, {len(record['history'])} steps: content {losses['content']:.3g}, "
            f"style {losses['style']:.3g}{remark}"
        )

    def _picture_of(self, identity: str) -> bytes:
        result = self._store.get(identity)
        return b"" if result is None else jpeg(result.image)


def _title(name: str) -> str:
    return "λ" if name == "lam" else name.replace("_", " ")


def _key(value: Any) -> Any:
    """Something that can be compared and put in order."""
    return (
        ", ".join(map(str, value))
        if isinstance(value, (list, tuple))
        else "none"
        if value is None
        else value
    )
