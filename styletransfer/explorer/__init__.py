"""The page on which style transfer can be played with: `Explorer()` in a notebook, or the same with Voilà."""

import asyncio
import contextlib
import os
import time
import weakref
from pathlib import Path

import ipywidgets as widgets

from ..errors import InputError
from ..pictures import datasets
from ..runs.store import Store
from .controls import Controls
from .parts import Pulse
from .pictures import Chooser, Inputs
from .sweeptab import SweepBrowser
from .votetab import Candidates, Voting
from .workbench import Workbench

__all__ = ["Explorer"]

TICK = 0.25  # seconds between two looks at the run
BEAT = 2.0  # seconds between two signs of life

_PAGES: "weakref.WeakSet[Explorer]" = weakref.WeakSet()
"""The pages of this process: a notebook that is opened again has no page, but its runs may still be under way."""

LOST = (
    "Python no longer answers: it was stopped or started again, or it is busy with another cell. "
    "What was saved is whole. Run the cell again for a new page."
)


class Explorer(widgets.VBox):
    """The page; a second one on the same folder takes the place of the first, with its runs.

    Args:
        folder: where pictures, uploads and votes are kept; it is made when the first is.
        store: where the sweep browser looks; see `Store`.
        compare: pictures for the blind vote, by method and photograph; by default the runs of the page.

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
        """Build the page; it lives while an event loop runs, as it does in Jupyter."""
        folder = Path(folder)
        self._comparison = compare
        store = store if isinstance(store, Store) else Store(store)
        inputs = Inputs(folder)
        self.controls = Controls()
        own = {"inputs": inputs, "complain": self._complain}
        photos, paintings = datasets.photos(), {}
        for artist in datasets.artists():
            paintings |= datasets.paintings(artist=artist)
        first, second = "neuschwanstein_castle", "cafe_terrace_at_night"
        self.photo = Chooser("Photograph", photos, first, cut=False, by_author=False, **own)
        self.painting = Chooser("Painting", paintings, second, cut=True, by_author=True, **own)
        self.workbench = Workbench(
            self.photo, self.painting, self.controls, folder=folder, store=store
        )
        self.sweeps = SweepBrowser(store)
        self.voting = Voting(self._candidates, folder / "votes.csv")
        self.pulse = Pulse(lost=LOST)
        swap = widgets.Button(
            description="Swap the two", tooltip="The painting becomes the photograph, and back"
        )
        swap.on_click(lambda _: self.swap())
        left = widgets.VBox([self.photo, swap, self.painting, self.controls]).add_class("st-column")
        self.workbench.layout = widgets.Layout(flex="1 1 0%", min_width="0", overflow="hidden auto")
        self.tabs = widgets.Tab(
            [widgets.HBox([left, self.workbench]), self.sweeps, self.voting],
            titles=("Make", "Sweeps", "Which is better?"),
        )
        self.tabs.observe(lambda _: self._tab_chosen(), "selected_index")
        super().__init__([self.pulse, self.tabs])
        self.add_class("st-explorer")
        self._place = folder.resolve()
        for earlier in [page for page in _PAGES if page._place == self._place]:
            self._take_over(earlier)
        _PAGES.add(self)
        self._life: asyncio.Task | None = None
        with contextlib.suppress(
            RuntimeError
        ):  # no event loop: somebody calls `workbench.tick` by hand
            self._life = asyncio.get_running_loop().create_task(self._live())

    def __repr__(self) -> str:
        """Short: the widgets' own would hold every thumbnail."""
        return "Explorer()"

    def swap(self) -> None:
        """Painting and photograph change places."""
        photo, painting = self.photo.source, self.painting.source
        self.photo.again(painting)
        self.painting.again(photo)

    def _take_over(self, earlier: "Explorer") -> None:
        """What an earlier page on the same folder has, for instance one whose tab was closed."""
        if earlier.workbench.session or earlier.workbench.shots:
            for chooser, other in ((self.photo, earlier.photo), (self.painting, earlier.painting)):
                chooser.again(other.source)
            with contextlib.suppress(
                InputError
            ):  # it has settings that cannot be used: not worth keeping
                self.controls.show(earlier.controls.settings)
            self.workbench.take_over(earlier.workbench)
        earlier.close()

    def close(self) -> None:
        """End the run and the page."""
        _PAGES.discard(self)
        self.workbench.stop()
        if self._life is not None:
            self._life.cancel()
        super().close()

    def _complain(self, message: str) -> None:
        if hasattr(self, "workbench"):
            self.workbench.complain(message)

    def _candidates(self) -> Candidates:
        if self._comparison is not None:
            return self._comparison
        found: dict[str, dict] = {}
        for shot in self.workbench.shots.values():
            record = shot.result.record
            subject = record["content"]["picture"] or "an array"
            found.setdefault(subject, {})[
                f"{record['style']['picture']}, {shot.result.caption}"
            ] = shot.result.image
        return found

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
            except Exception as error:  # the page must go on; what went wrong stands on it
                self.workbench.complain(f"{type(error).__name__}: {error}")
            if time.monotonic() - beaten > BEAT:
                beaten = time.monotonic()
                self.pulse.beat += 1
            await asyncio.sleep(TICK)
