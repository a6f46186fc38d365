"""Moving through runs that were kept: nothing is computed, so every move is there at once."""

import asyncio
import functools
import html
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import InputError
from ..forms import FORMS
from ..pictures import datasets
from ..pictures.sources import Source, recorded_picture
from ..runs.request import Request
from ..runs.schema import replayable
from ..runs.store import Store
from ..settings import Settings, title
from ..study.grid import PICTURES, shown
from ..study.page import Kept, bake
from .parts import Picture, action, jpeg
from .views import free_place, minutes

log = logging.getLogger("styletransfer")

IGNORED = ("sizes", "steps", "history", "precision", "tile", "learning_rate", "backbone", "box")
"""Settings that say how a picture was computed, or follow from others: they get a slider where all
else is equal."""


class SweepBrowser(widgets.VBox):
    """A slider for every setting that differs among the kept runs of two pictures.

    Where no pictures have two runs in the store, the runs that come with the package are shown.
    They can be saved as one page in `folder`, which uploads are looked for in, too.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._own = self._store = store
        self._folder = folder
        self._records: dict[str, dict[str, dict[str, Any]]] = {}  # by pair and identity
        self._runs: dict[tuple, str] = {}  # identities by the sliders' values
        self._moving = False
        wide = {"width": "auto", "max_width": "calc(100% - 4px)"}
        self.pair = widgets.Dropdown(description="Pictures", layout=wide)
        self.sliders: dict[str, widgets.SelectionSlider] = {}
        self._place = widgets.VBox()
        self.picture = Picture(layout={"max_width": "100%"}).add_class("st-kept")
        self.sources = [Picture(layout={"max_width": "240px", "margin": "2px"}) for _ in PICTURES]
        self.caption = widgets.HTML().add_class("st-sweep-caption")
        again = action("Read again", self.read, "Look for runs that were kept meanwhile")
        about = "Write these runs as one file that any browser shows, without Python"
        self.save_button = action("Save as page", self.save, about)
        self.message = widgets.HTML().add_class("st-message")
        self._saving: asyncio.Task | None = None
        self._read = 0  # pictures that are on the page being saved
        buttons = [self.pair, again, self.save_button]
        top = widgets.HBox(buttons, layout={"flex_flow": "row wrap"})
        self.about = widgets.HTML()
        above = [self.about, top, self.message]
        pictures = [self.picture, widgets.VBox(self.sources)]
        look = {"flex_flow": "row wrap", "align_items": "flex-start"}
        shown_at_once = widgets.HBox(pictures, layout=look)
        super().__init__([*above, self._place, shown_at_once, self.caption])
        self.pair.observe(lambda _: self._pair_chosen(), "value")
        self._jpeg = functools.lru_cache(maxsize=256)(self._read_jpeg)
        self.read()

    def read(self) -> None:
        """Look what is kept."""
        about = "Move a slider: every picture was made before, so it is there at once."
        self._store, self._records = self._own, _pairs(self._own)
        if not self._records:
            self._store = Store(datasets.data_folder() / "runs", read_only=True)
            self._records = _pairs(self._store)
            lams = ", ".join(f"{factor * FORMS[Settings.form].lam:g}" for factor in (0.1, 1, 10))
            about += (
                " These runs come with the package. Your own take their place once two of the same "
                "pictures are stored: change a setting and run again under Make, or in a notebook "
                f'sweep("petra", "night_cafe", {{"lam": [{lams}]}}, store="{self._own.folder}").'
            )
        self.about.value = html.escape(about)
        chosen, several = self.pair.value, sorted(self._records, key=str.lower)
        self.pair.options = several
        self.pair.value = chosen if chosen in several else next(iter(several), None)

    def _pair_chosen(self) -> None:
        runs: dict[str, dict[str, Any]] = {
            identity: {name: _comparable(value) for name, value in record["settings"].items()}
            for identity, record in self._records.get(self.pair.value, {}).items()
        }
        known = next(iter(runs.values()), {})
        values = {name: {settings[name] for settings in runs.values()} for name in known}
        varied = [name for name in values if len(values[name]) > 1]
        names = [name for name in varied if name not in IGNORED] or varied
        self._runs = {tuple(map(settings.get, names)): key for key, settings in runs.items()}
        self.sliders = {name: self._slider(name, values[name]) for name in names}
        self._place.children = tuple(self.sliders.values())
        if self._runs:
            record = self._records[self.pair.value][next(iter(self._runs.values()))]
            for place, name in zip(self.sources, PICTURES, strict=True):
                place.value = self._source(record, name)
            middle = [values.options[len(values.options) // 2] for values in self.sliders.values()]
            self._go(_most_alike(self._runs, [value for _, value in middle]))

    def _source(self, record: dict[str, Any], name: str) -> bytes:
        """The photograph or painting, small; empty where its file is gone or they are several."""
        try:
            source = recorded_picture(record, name, beside=self._folder)
        except (InputError, OSError):
            log.debug("The %s of a kept run is not there.", name, exc_info=True)
            return b""
        return jpeg(source.picture, most=480) if isinstance(source, Source) else b""

    def _slider(self, name: str, values: set) -> widgets.SelectionSlider:
        ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
        slider = widgets.SelectionSlider(
            options=[(shown(value), value) for value in ordered],
            description=title(name),
            layout={"width": "auto"},
            style={"description_width": "130px"},
        )
        slider.observe(lambda _: self._moved(name), "value")
        return slider

    def _moved(self, name: str) -> None:
        """Show the run, or the one with the chosen value that is like it in most settings."""
        if self._moving:
            return
        wanted = {other: slider.value for other, slider in self.sliders.items()}
        place = list(wanted).index(name)
        near = [key for key in self._runs if key[place] == wanted[name]]
        exact = tuple(wanted.values())
        nearest = _most_alike(near, exact)
        alone = f" (no run is kept that differs in {title(name)} alone)"
        self._go(nearest, "" if nearest == exact else alone)

    def _go(self, key: tuple, remark: str = "") -> None:
        self._moving = True
        for slider, value in zip(self.sliders.values(), key, strict=True):
            slider.value = value
        self._moving = False
        identity = self._runs[key]
        record = self._records[self.pair.value][identity]
        losses, settings = record["picture"]["losses"], record["settings"]
        self.picture.value = self._jpeg(identity)
        self.picture.layout.width = f"{min(max(record['picture']['width'], 512), 768)}px"
        self.caption.value = html.escape(
            f"{record['weights']['name']}, {settings['form']}, λ = {settings['lam']:g}, "
            f"{settings['size']} px, {len(record['history'])} steps: "
            f"content {losses['content']:.3g}, style {losses['style']:.3g}{remark}"
        )

    def save(self) -> None:
        """Write the chosen pictures' runs as a page, beside the event loop."""
        if self._runs:
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def _save(self) -> None:
        self.save_button.disabled, self._read, began = True, 0, time.monotonic()
        name, count = self.pair.value.replace(" in the manner of ", "-"), len(self._runs)
        runs = self._kept(self._records[self.pair.value], list(self.sliders), dict(self._runs))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            place = free_place(self._folder / f"{Path(name.replace(' ', '_')).name}.html")
            work = asyncio.ensure_future(asyncio.to_thread(bake, runs, place, progress=False))
            while not work.done():
                left = (time.monotonic() - began) * (count / max(self._read, 1) - 1)
                self.message.value = f"{self._read} of {count}, about {minutes(left)} left"
                await asyncio.wait([work], timeout=0.5)
            work.result()
        except (InputError, OSError) as error:
            log.debug("A page was not saved.", exc_info=True)
            self.message.value = html.escape(f"Not saved: {error}")
        else:
            self.message.value = html.escape(f"Saved as {place}; any browser opens it.")
        finally:
            self.save_button.disabled = False

    def _kept(
        self, records: Mapping[str, dict[str, Any]], names: Sequence[str], runs: Mapping[tuple, str]
    ) -> Iterator[Kept]:
        for values, identity in runs.items():
            record, result = records[identity], self._store.get(identity)
            if result is not None:
                recorded = functools.partial(recorded_picture, record, beside=self._folder)
                pictures: Any = {name: recorded(name) for name in PICTURES}
                request = Request.open(**pictures, settings=replayable(record["settings"]))
                yield Kept(dict(zip(names, values, strict=True)), result, request)
            self._read += 1

    def _read_jpeg(self, identity: str) -> bytes:
        result = self._store.get(identity)
        return b"" if result is None else jpeg(result.image)


def _pairs(store: Store) -> dict[str, dict[str, dict[str, Any]]]:
    """Records by identity, by what to call their pictures; of pictures with two runs or more."""
    known = {**datasets.photos(), **datasets.paintings()}
    pairs: dict[str, dict[str, dict[str, Any]]] = {}
    for identity, record in store.records():
        names = [record[key]["picture"] or "an array" for key in ("content", "style")]
        titles = (known[name].title if name in known else name for name in names)
        pairs.setdefault(" in the manner of ".join(titles), {})[identity] = record
    return {pair: runs for pair, runs in pairs.items() if len(runs) > 1}


def _most_alike(runs: Iterable[tuple], wanted: Sequence[Any]) -> tuple:
    """The first of the runs' values that has most of those that are wanted."""
    return max(runs, key=lambda key: sum(a == b for a, b in zip(key, wanted, strict=True)))


def _comparable(value: Any) -> float | str:
    return value if isinstance(value, (int, float)) else shown(value)
