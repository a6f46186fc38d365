"""A run on the page: its buttons, its picture as it grows, its curves, and the runs that were made before."""

import asyncio
import dataclasses
import html
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import InputError
from ..runs.forecast import forecast_request
from ..runs.plan import resolve
from ..runs.record import Result
from ..runs.request import Request
from ..runs.state import Step
from ..runs.store import Store, kept_in
from .controls import LIVE, Controls
from .parts import Code, Gallery, Picture, Wipe, jpeg, tile
from .pictures import Chooser
from .session import Session
from .views import as_code, curves, minutes

__all__ = ["Shot", "Workbench"]

CURVES_EVERY = 2.0  # seconds between two drawings of the curves
FORECAST_AFTER = 0.8  # seconds without a change before a forecast is made

WORDS = {
    "waiting": "",
    "preparing": "Reading the pictures into the network …",
    "paused": "Paused; the picture stays as it is until you go on.",
    "finished": "Finished.",
    "stopped": "Stopped; this is the picture so far.",
}


@dataclasses.dataclass(frozen=True)
class Shot:
    """A run that was made on this page.

    Attributes:
        key: its place in the strip.
        job: what was asked for.
        result: the picture and its record.
        steps: that were made.
    """

    key: str
    job: Request
    result: Result
    steps: tuple[Step, ...]


class Workbench(widgets.VBox):
    """One run at a time.

    Args:
        photo, painting: what goes in.
        controls: how.
        folder: where pictures are saved; it is made when the first is.
        store: where runs that came to their end unchanged are kept, for the sweep browser and for other notebooks.
    """

    def __init__(
        self, photo: Chooser, painting: Chooser, controls: Controls, *, folder: Path, store: Store
    ) -> None:
        """Nothing runs yet."""
        self._photo, self._painting, self._controls, self._folder, self._store = (
            photo,
            painting,
            controls,
            folder,
            store,
        )
        self.session: Session | None = None
        self.shots: dict[str, Shot] = {}
        self.shown: Shot | None = None
        self._drawn = self._drawn_at = self._since = None
        self._forecasting: asyncio.Task | None = None
        self._stale, self._changed_at, self._told = True, 0.0, ""
        self._unusable = ""  # what the page said of its settings; it goes when they are mended, other messages stay

        self.run_button = self._button("Run", self.run, "Make the picture", "primary")
        self.pause_button = self._button("Pause", self.pause, "Wait after the present step")
        self.stop_button = self._button("Stop", self.stop, "End the run with the picture so far")
        self.save_button = self._button(
            "Save", self._save_clicked, "Write the picture and the record that replays it"
        )
        self.name = widgets.Text(placeholder="name of the file", layout={"width": "220px"})
        self.forecast = widgets.HTML().add_class("st-forecast")
        self.message = widgets.HTML().add_class("st-message")
        self.bar = widgets.FloatProgress(min=0, max=1, layout={"width": "auto"})
        self.where = widgets.HTML().add_class("st-about").add_class("st-where")
        self.preview = Picture(layout={"max_width": "100%", "width": "fit-content"}).add_class(
            "st-preview"
        )
        self.curves = Picture(format="png", layout={"max_width": "100%", "width": "fit-content"})
        self.curves.add_class("st-curves")
        self.film = Gallery(strip=True, label="runs of this page")
        self.film.on_click(self.bring_back)
        self.left, self.right = (
            widgets.Dropdown(options=[], layout={"width": "48%"}) for _ in range(2)
        )
        self.wipe = Wipe()
        for side in (self.left, self.right):
            side.observe(lambda _: self._comparison(), "value")
        self.code = Code()
        compare = widgets.VBox([widgets.HBox([self.left, self.right]), self.wipe])
        self.below = widgets.Accordion(
            [compare, self.code], titles=("Compare two runs", "Copy as code")
        )
        buttons = [
            self.run_button,
            self.pause_button,
            self.stop_button,
            self.name,
            self.save_button,
        ]
        super().__init__(
            [
                widgets.HBox(buttons, layout={"flex_flow": "row wrap"}),
                self.forecast,
                self.message,
                self.bar,
                self.where,
                self.preview,
                self.curves,
                widgets.HTML(
                    "<b>Runs of this page</b>; a click brings one back, with its pictures and settings."
                ),
                self.film,
                self.below,
            ]
        )
        for chooser in (photo, painting):
            chooser.on_change(self._pictures_changed)
        controls.on_change(self._setting_changed)
        self._code()
        self._buttons()

    def take_over(self, other: "Workbench") -> None:
        """Go on with what another workbench has: its runs, and the one that is under way."""
        self.shots, self.session, self._since = dict(other.shots), other.session, other._since
        other.session = None
        self.film.items = other.film.items
        self._name_sides()
        if other.shown is not None:
            self._show(other.shown)
        self.say("The runs of the page before this one are here, and what was under way goes on.")
        self._told = self.session.state if self.session else ""
        self._buttons()

    def _name_sides(self) -> None:
        keys = list(self.shots)
        for side, chosen in ((self.left, keys[-2:][:1]), (self.right, keys[-1:])):
            side.options = keys
            side.value = chosen[0] if chosen else None

    def _button(self, label: str, then: Any, about: str, style: str = "") -> widgets.Button:
        button = widgets.Button(
            description=label, tooltip=about, button_style=style, layout={"width": "80px"}
        )
        button.on_click(lambda _: then())
        return button

    def say(self, message: str, *, bad: bool = False) -> None:
        """Show a sentence; one that is bad stands out."""
        self.message.value = html.escape(message)
        (self.message.add_class if bad else self.message.remove_class)("st-bad")

    def complain(self, message: str) -> None:
        """Show what cannot be used, or that all is well again."""
        self.say(message, bad=bool(message))

    def job(self) -> Request:
        """What the page says.

        Raises:
            InputError: it cannot be made.
        """
        return Request.open(self._photo.source, self._painting.source, self._controls.settings)

    def run(self) -> None:
        """Begin a run; where one is under way, say so."""
        if self.session is not None and self.session.active:
            self.complain("A run is under way: stop it first, or wait for its end.")
            return
        try:
            job = self.job()
            resolve(job)
        except (InputError, OSError) as error:
            self.complain(str(error))
            self._unusable = self.message.value
            return
        self.shown, self._since, self._drawn = None, time.monotonic(), None
        self.session, self._told = Session(job), ""
        if self._stale:
            self.forecast.value = ""
        self.session.start()
        self._buttons()

    def pause(self) -> None:
        """Pause the run, or go on with it."""
        if self.session is not None:
            (
                self.session.go_on
                if self.pause_button.description == "Go on"
                else self.session.pause
            )()

    def stop(self) -> None:
        """Stop the run."""
        if self.session is not None:
            self.session.stop()
            self.say("Stopping after the present step …")

    def _save_clicked(self) -> None:
        if self.session is not None and self.session.active:
            session = self.session

            async def later() -> None:
                self.save(await asyncio.to_thread(session.snapshot))

            asyncio.get_running_loop().create_task(later())
        else:
            self.save(self.shown.result if self.shown else None)

    def save(self, result: Result | None) -> Path | None:
        """Write a picture and its record under the name that stands on the page, or one that is free."""
        if result is None:
            self.complain("There is no picture yet: run first.")
            return None
        name = self.name.value.strip() or self._own_name(result)
        try:
            if Path(name).name != name or name.startswith("."):
                raise InputError(
                    f"{name} is no name for a file: leave out folders, and do not begin with a dot"
                )
            self._folder.mkdir(parents=True, exist_ok=True)
            place = self._free(
                self._folder / (name if Path(name).suffix.lower() == ".png" else f"{name}.png")
            )
            result.save(place)
        except (InputError, OSError) as error:
            self.complain(f"Not saved: {error}")
            return None
        self.say(f"Saved as {place}; its record stands beside it and makes it again.")
        return place

    def _own_name(self, result: Result) -> str:
        """Photograph, painting and λ, in letters that every file system takes."""
        parts = [Path(result.record[key]["picture"] or key).stem for key in ("content", "style")]
        return f"{parts[0]}-{parts[1]}-{result.record['settings']['lam']:g}"

    @staticmethod
    def _free(place: Path) -> Path:
        """Never over another picture: name, name-2, name-3 …"""
        found, count = place, 1
        while found.exists() or found.with_suffix(".json").exists():
            count += 1
            found = place.with_stem(f"{place.stem}-{count}")
        return found

    def _pictures_changed(self) -> None:
        self._stale, self._changed_at = True, time.monotonic()
        self._code()

    def _setting_changed(self, name: str) -> None:
        self._stale, self._changed_at = True, time.monotonic()
        self._code()
        if self.session is None or not self.session.active:
            return
        if name not in LIVE:
            self.say(
                f"{name.replace('_', ' ')} counts from the next run on; λ, ω and total variation count at once."
            )
            return
        try:
            settings = self._controls.settings
            if settings.style_layers != self.session.job.settings.style_layers or (
                settings.form != self.session.job.settings.form
            ):
                raise InputError(
                    "form or style layers are no longer those of the run; its weights stay as they are"
                )
            omega = self._controls.omega
            self.session.reweigh(lam=settings.lam, omega=omega, tv=settings.tv)
            self.say("The run goes on from the present picture with the new weights.")
        except InputError as error:
            self.complain(str(error))

    def bring_back(self, key: str) -> None:
        """Show an earlier run, with its pictures and its settings."""
        shot = self.shots[key]
        for chooser, source in ((self._photo, shot.job.content), (self._painting, shot.job.style)):
            chooser.again(source)
        self._controls.show(shot.job.settings)
        self._show(shot)
        self.say("This run's pictures and settings are back.")

    def _show(self, shot: Shot) -> None:
        self.shown, self.film.value = shot, shot.key
        if self.session is None or not self.session.active:
            self.preview.value = jpeg(shot.result.image)
            self.where.value = html.escape(shot.result.caption)
            self._draw(shot.steps)

    def _comparison(self) -> None:
        for side, name in ((self.left, "left"), (self.right, "right")):
            if side.value in self.shots:
                result = self.shots[side.value].result
                setattr(self.wipe, name, jpeg(result.image))
                setattr(self.wipe, f"{name}_name", f"{side.value}: {result.caption}")

    def _code(self) -> None:
        try:
            self.code.text = as_code(self.job())
        except (InputError, OSError) as error:
            self.code.text = f"# {error}"

    def _buttons(self) -> None:
        active = self.session is not None and self.session.active
        paused = active and self.session.state == "paused"
        for button, value in (
            (self.run_button, active),
            (self.pause_button, not active),
            (self.stop_button, not active),
        ):
            if button.disabled != value:
                button.disabled = value
        label = "Go on" if paused else "Pause"
        if self.pause_button.description != label:
            self.pause_button.description = label

    def tick(self) -> None:
        """Bring the page to where the run is; it is called several times a second."""
        self._look_ahead()
        session = self.session
        if session is None:
            return
        state, steps = session.state, session.steps
        if steps and self._drawn != len(steps):
            step, self._drawn = steps[-1], len(steps)
            self.preview.value = jpeg(session.image)
            self.bar.value = step.work
            left = "" if session.left is None else f", about {minutes(session.left)} left"
            self.where.value = (
                f"{step.size} px, step {step.step}, loss {step.losses.total:.4g} "
                f"(content {step.losses.content:.3g}, style {step.losses.style:.3g}){left}"
            )
            if self._drawn_at is None or time.monotonic() - self._drawn_at > CURVES_EVERY:
                self._draw(steps)
        self._buttons()
        if not session.active:
            self._ended(session)
        elif state != self._told:
            self._told = state
            self.say(WORDS.get(state, ""))

    def _ended(self, session: Session) -> None:
        self.session = None
        self._buttons()
        if session.result is not None:
            if "changes" not in session.result.record:
                kept_in(self._store, session.job.identity, lambda: session.result)
            key = f"Run {len(self.shots) + 1}"
            shot = self.shots[key] = Shot(key, session.job, session.result, session.steps)
            settings = session.result.record["settings"]
            label = f"{key}: λ = {session.result.lam}, {settings['form']}\n{settings['size']} px, {settings['init']}"
            item = tile(key, session.result.image, label, session.result.caption, most=200)
            self.film.items = [*self.film.items, item]
            self._name_sides()
            self._show(shot)
            self._comparison()
        if session.message:
            self.complain(session.message)
        else:
            self.say(WORDS[session.state])

    def _draw(self, steps: Sequence[Step]) -> None:
        self._drawn_at = time.monotonic()
        if len(steps) > 1:
            self.curves.value = curves(steps)

    def _look_ahead(self) -> None:
        """Forecast what stands on the page, once it has stood for a moment; the work is done elsewhere."""
        active = self.session is not None and self.session.active
        if active or not self._stale or time.monotonic() - self._changed_at < FORECAST_AFTER:
            return
        try:
            job = self.job()
            resolve(job)
        except (InputError, OSError) as error:
            self._stale, self.forecast.value = False, ""
            self.complain(str(error))
            self._unusable = self.message.value
            return
        if self._unusable and self.message.value == self._unusable:
            self.complain("")
        self._unusable = ""
        if self._forecasting is None or self._forecasting.done():
            self._stale, self.forecast.value = False, "…"
            self._forecasting = asyncio.get_running_loop().create_task(self._forecast(job))

    async def _forecast(self, job: Request) -> None:
        try:
            found = await asyncio.to_thread(forecast_request, job)
            self.forecast.value = html.escape(f"This will take {found}.")
        except (InputError, OSError) as error:
            self.complain(str(error))
