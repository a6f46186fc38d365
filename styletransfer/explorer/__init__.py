"""The page on which style transfer can be played with, in a notebook or alone with Voilà."""

import asyncio
import contextlib
import functools
import logging
import os
import time
import weakref
from pathlib import Path

import ipywidgets as widgets

from ..pictures import datasets
from ..runs.store import Store
from .controls import Controls
from .parts import Heartbeat, action
from .pictures import Chooser
from .sweeptab import SweepBrowser
from .votetab import Candidates, Voting
from .workbench import Workbench

__all__ = ["Explorer"]

log = logging.getLogger("styletransfer")

TICK = 0.25  # seconds between two looks at the run
BEAT = 2.0  # seconds between two signs of life

_PAGES: "weakref.WeakSet[Explorer]" = weakref.WeakSet()
"""The pages of this process: a notebook that is opened again has no page, but its runs go on."""

LOST = (
    "Python no longer answers: it was stopped or started again, or it is busy with another cell. "
    "What was saved is whole. Run the cell again for a new page."
)

TAKEN_OVER = "The runs of the page before this one are here, and what was under way goes on."


class Explorer(widgets.VBox):
    """The page; a second one on the same folder takes the place of the first, with its runs.

    It lives while an event loop runs, as one does in Jupyter.

    Args:
        folder: where pictures, uploads and votes are kept; it is made when the first is.
        store: where the sweep browser looks; see `Store`.
        compare: pictures for the blind vote, by method and photograph; by default the runs of the
            page.

    Raises:
        InputError: the store's folder cannot be made.
    """

    def __init__(
        self,
        *,
        folder: str | os.PathLike = "explorer",
        store: Store | str | os.PathLike | None = None,
        compare: Candidates | None = None,
    ) -> None:
        folder = Path(folder)
        self._folder, self._given = folder.resolve(), compare
        store = store if isinstance(store, Store) else Store(store)
        earlier = [page for page in _PAGES if page._folder == self._folder]
        worked = next((page.workbench for page in earlier if page.workbench.worked), None)
        for page in earlier:
            page._leave()
        self.workbench: Workbench = worked or self._new_workbench(folder, store)
        if worked is not None:
            worked.folder, worked.store = folder, store
            worked.say(TAKEN_OVER)
        self.photo, self.painting = self.workbench.photo, self.workbench.painting
        self.controls = self.workbench.controls
        self.sweeps = SweepBrowser(store, folder)
        self.voting = Voting(self._candidates, folder / "votes.csv")
        self.heartbeat = Heartbeat(lost=LOST)
        swap = action("Swap the two", self.swap, "The painting becomes the photograph, and back")
        regions = widgets.Accordion([self.workbench.regions], titles=("Regions",))
        choices = [self.photo, swap, self.painting, regions, self.controls]
        left = widgets.VBox(choices).add_class("st-column")
        self.workbench.layout = widgets.Layout(flex="1 1 0%", min_width="0", overflow="hidden auto")
        self.tabs = widgets.Tab(
            [widgets.HBox([left, self.workbench]), self.sweeps, self.voting],
            titles=("Make", "Sweeps", "Which is better?"),
        )
        self.tabs.observe(lambda _: self._tab_chosen(), "selected_index")
        super().__init__([self.heartbeat, self.tabs])
        self.add_class("st-explorer")
        _PAGES.add(self)
        self._life: asyncio.Task | None = None
        with contextlib.suppress(RuntimeError):  # no event loop: `workbench.tick` is called by hand
            self._life = asyncio.get_running_loop().create_task(self._live())

    def __repr__(self) -> str:
        """Short: the widgets' own would hold every thumbnail."""
        return "Explorer()"

    def swap(self) -> None:
        """Painting and photograph change places."""
        photo, painting = self.photo.source, self.painting.source
        self.photo.take(painting)
        self.painting.take(photo)

    def close(self) -> None:
        """End the run and the page."""
        self.workbench.stop()
        self._leave()

    def _leave(self) -> None:
        """End the page; what it has, another page on the same folder may go on with."""
        _PAGES.discard(self)
        if self._life is not None:
            self._life.cancel()
        super().close()

    def _new_workbench(self, folder: Path, store: Store) -> Workbench:
        photos, paintings = datasets.photos(), dict[str, datasets.Picture]()
        for artist in datasets.artists():
            paintings |= datasets.paintings(artist=artist)
        choose = functools.partial(Chooser, folder=self._folder)
        photo = choose("Photograph", photos, "neuschwanstein_castle", painting=False)
        painting = choose("Painting", paintings, "cafe_terrace_at_night", painting=True)
        return Workbench(photo, painting, Controls(), folder=folder, store=store)

    def _candidates(self) -> Candidates:
        if self._given is not None:
            return self._given
        candidates: dict[str, dict] = {}
        for run in self.workbench.past.runs.values():
            record = run.result.record
            subject = record["content"]["picture"] or "an array"
            method = f"{record['style']['picture']}, {run.result.caption}"
            candidates.setdefault(subject, {})[method] = run.result.image
        return candidates

    def _tab_chosen(self) -> None:
        if self.tabs.selected_index == 1:
            self.sweeps.read()
        elif self.tabs.selected_index == 2 and self.voting.vote_button.disabled:
            self.voting.draw()

    async def _live(self) -> None:
        beaten = 0.0
        while True:
            try:
                self.workbench.tick()
            except KeyboardInterrupt:  # of the kernel, between two messages
                self.workbench.stop()
            except Exception as error:  # the page must go on; what went wrong stands on it
                log.warning("The page could not be brought up to date: %s", error, exc_info=True)
                self.workbench.complain(f"{type(error).__name__}: {error}")
            if time.monotonic() - beaten > BEAT:
                beaten = time.monotonic()
                self.heartbeat.beat += 1
            await asyncio.sleep(TICK)
