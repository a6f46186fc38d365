"""A run on the page: its buttons, its picture as it grows, its curves, and the runs before it."""

import asyncio
import html
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from ..errors import InputError
from ..loop import Run
from ..runs.code import as_code
from ..runs.forecast import Forecast, forecast
from ..runs.request import Plan, Request, resolve
from ..runs.state import Step
from ..runs.store import Store
from ..settings import title
from .brushes import Regions
from .controls import Controls
from .parts import Code, Picture, action, jpeg
from .pictures import Chooser
from .session import ENDED, LIVE, Session, network_of, opened
from .suggesting import ABOUT, take_suggestion
from .views import PastRun, PastRuns, curves, minutes, save

log = logging.getLogger("styletransfer")

CURVES_EVERY = 2.0  # seconds between two drawings of the curves
FORECAST_AFTER = 0.8  # seconds without a change before a forecast is made

WORDS = {
    "paused": "Paused; the picture stays as it is until you go on.",
    "finished": "Finished.",
    "stopped": "Stopped; this is the picture so far.",
}


class Workbench(widgets.VBox):
    """One run at a time: `session` is the one that is under way, and `past` has those before it.

    Nothing that may take long is done on the event loop, which also carries the page's heartbeat:
    requests are resolved (by `resolve`), and networks downloaded, in threads, one after another by
    `turn`.

    The folder gets the pictures that are saved. The store keeps runs that ended unchanged.
    """

    def __init__(
        self, photo: Chooser, painting: Chooser, controls: Controls, *, folder: Path, store: Store
    ) -> None:
        self.photo, self.painting, self.controls = photo, painting, controls
        self.regions = Regions(photo, painting, controls, folder=folder)
        self.folder, self.store = folder, store
        self.session: Session | None = None
        self.resolve: Callable[[Request], Plan] = resolve
        self.turn = threading.Lock()
        self._tasks: set[asyncio.Task] = set()
        self._shown: PastRun | None = None
        self._drawn, self._drawn_at = 0, float("-inf")
        self._stale, self._changed_at = True, 0.0  # whether the forecast is of other settings
        self._announced: tuple[str, str] | None = None
        self._complained = False

        look: dict[str, Any] = {"layout": {"width": "80px"}}
        self.run_button = action("Run", self.run, "Make a picture", button_style="primary", **look)
        self.pause_button = action("Pause", self.pause, "Wait after the present step", **look)
        self.stop_button = action("Stop", self.stop, "End with the picture so far", **look)
        about = "Write the picture and the record that replays it"
        save_button = action("Save", lambda: self._spawn(self._save()), about, **look)
        suggest = action("Suggest", lambda: self._spawn(take_suggestion(self)), ABOUT, **look)
        self.name = widgets.Text(placeholder="name of the file", layout={"width": "220px"})
        buttons = [self.run_button, self.pause_button, self.stop_button, self.name, save_button]
        buttons.append(suggest)
        row = widgets.HBox(buttons, layout={"flex_flow": "row wrap"})
        self.forecast = widgets.HTML().add_class("st-forecast")
        self.message = widgets.HTML().add_class("st-message")
        self.bar = widgets.FloatProgress(min=0, max=1, layout={"width": "auto"})
        self.where = widgets.HTML().add_class("st-about").add_class("st-where")
        self.curves = Picture(format="png").add_class("st-curves")
        self.past = PastRuns(self.bring_back)
        self.code = Code()
        code = widgets.Accordion([self.code], titles=("Copy as code",))
        above = [row, self.forecast, self.message, self.bar, self.where]
        pictures = widgets.HBox([self.past.wipe, self.curves], layout={"flex_flow": "row wrap"})
        super().__init__([*above, pictures, self.past, code])
        for chooser in (photo, painting):
            chooser.observe(lambda _: self._changed(), "source")
            chooser.complain = self.complain
        photo.observe(lambda _: self._photo_chosen(), "source")
        controls.changed = self._setting_changed
        self._photo_chosen()
        self._changed()
        self._buttons()

    @property
    def worked(self) -> bool:
        """Whether there is or was a run."""
        return self.session is not None or bool(self.past.runs)

    @property
    def active(self) -> bool:
        """Whether a run is being prepared or under way, or paused."""
        return self.session is not None and self.session.active

    def say(self, message: str) -> None:
        """Show a sentence."""
        self.message.value, self._complained = html.escape(message), False
        self.message.remove_class("st-bad")

    def complain(self, message: str) -> None:
        """Show what is wrong, until something is changed."""
        self.say(message)
        if message:
            self._complained = True
            self.message.add_class("st-bad")

    def _request(self) -> Request:
        """What the page says; InputError where the settings cannot be used, alone or together."""
        settings = self.controls.settings
        style, masks = self.regions.inputs(settings)
        return Request(self.photo.source, style, settings, masks=masks)

    def run(self) -> None:
        """Begin a run; where one is under way, say so."""
        if self.active:
            self.complain("A run is under way: stop it first, or wait for its end.")
            return
        try:
            request = self._request()
        except InputError as error:
            self.complain(str(error))
            return
        if self._stale:
            self.forecast.value = ""
        self._shown, self._announced, self._drawn = None, None, 0
        self.where.value, self.bar.value = "", 0
        self.past.lay(request.content)
        self.session = Session(
            request, begin=Run, store=self.store, turn=self.turn, resolve=self.resolve
        )
        self.session.start()
        self.tick()

    def pause(self) -> None:
        """Pause the run, or go on with it."""
        if self.session is not None:
            self.session.pause(paused=self.pause_button.description == "Pause")

    def stop(self) -> None:
        """Stop the run."""
        if self.session is not None:
            self.session.stop()
            self.say("Stopping after the present step …")

    async def _save(self) -> None:
        result = None if self._shown is None else self._shown.result
        if self.session is not None:
            result = await asyncio.to_thread(self.session.snapshot)
        if result is None:
            self.complain("There is no picture yet: run first.")
            return
        try:
            place = await asyncio.to_thread(save, result, self.folder, self.name.value.strip())
        except (InputError, OSError) as error:
            log.debug("A picture was not saved.", exc_info=True)
            self.complain(f"Not saved: {error}")
        else:
            self.say(f"Saved as {place}; its record stands beside it and makes it again.")

    def _changed(self) -> None:
        """Settings or pictures are others: so is their code, and soon their forecast."""
        self._stale, self._changed_at = True, time.monotonic()
        if self._complained:
            self.say("")
        try:
            self.code.text = as_code(self._request())
        except InputError as error:
            self.code.text = f"# {error}"

    def _photo_chosen(self) -> None:
        """Before the first run the photograph stands where the picture will be."""
        if not self.worked:
            self.past.lay(self.photo.source)

    def _setting_changed(self, name: str) -> None:
        self._changed()
        session = self.session
        if session is None or not session.active:
            return
        if name not in LIVE:
            later = f"{title(name)} counts from the next run on"
            self.say(f"{later}; λ, ω and total variation count at once.")
            return
        try:
            now, of_run = self.controls.settings, session.request.settings
        except InputError as error:
            self.complain(str(error))
            return
        if (now.style_layers, now.form) == (of_run.style_layers, of_run.form):
            session.reweigh(lam=now.lam, omega=self.controls.omega, tv=now.tv)
            self.say("The run goes on from the present picture with the new weights.")
        else:
            other = "form or style layers are no longer those of the run"
            self.complain(f"{other}; its weights stay as they are")

    def bring_back(self, run: PastRun) -> None:
        """Show an earlier run, with its pictures and its settings."""
        self.photo.take(run.request.content)
        self.regions.take(run.request)
        self.controls.show(run.request.settings)
        self._show(run)
        self.say("This run's pictures and settings are back.")

    def _show(self, run: PastRun) -> None:
        self._shown = run
        self.past.mark(run)
        if not self.active:
            self.past.lay(run.request.content, run.result.image)
            self.where.value = html.escape(run.result.caption)
            self._draw(run.steps)

    def _buttons(self) -> None:
        self.run_button.disabled = self.active
        self.pause_button.disabled = self.stop_button.disabled = not self.active
        paused = self.session is not None and self.session.state == "paused"
        self.pause_button.description = "Go on" if paused else "Pause"

    def tick(self) -> None:
        """Bring the page to where the run is; it is called several times a second."""
        session = self.session
        if session is None:
            still = time.monotonic() - self._changed_at > FORECAST_AFTER
            if self._stale and still and self.turn.acquire(blocking=False):
                self._spawn(self._look_ahead())
            return
        state, doing = session.state, session.doing
        steps, image = session.steps, session.image
        if image is not None and len(steps) != self._drawn:
            step, self._drawn = steps[-1], len(steps)
            self.past.wipe.right = jpeg(image)
            self.bar.value = step.work
            left = "" if session.left is None else f", about {minutes(session.left)} left"
            self.where.value = (
                f"{step.size} px, step {step.step}, loss {step.losses.total:.4g} "
                f"(content {step.losses.content:.3g}, style {step.losses.style:.3g}){left}"
            )
            if time.monotonic() - self._drawn_at > CURVES_EVERY:
                self._draw(steps)
        if state in ENDED:
            self._ended(session)
        elif (state, doing) != self._announced:
            self._announced = state, doing
            self.say(doing if state == "preparing" else WORDS.get(state, ""))
        self._buttons()

    def _ended(self, session: Session) -> None:
        self.session = None
        if session.result is not None:
            run = PastRun(session.request, session.result, session.steps)
            self.past.add(run)
            self._show(run)
        if session.message:
            self.complain(session.message)
        else:
            self.say(WORDS[session.state])

    def _draw(self, steps: tuple[Step, ...]) -> None:
        self._drawn_at = time.monotonic()
        if len(steps) > 1:
            self.curves.value = curves(steps)

    async def _look_ahead(self) -> None:
        """Forecast what stands on the page; what is overtaken by a change is not shown."""
        self._stale, text = False, ""
        try:
            request = self._request()
            self.forecast.value = f"Looking for {network_of(request)}, and how long it will take …"
            text = f"This will take {await asyncio.to_thread(self._forecast, request)}."
        except Exception as error:
            if not isinstance(error, (InputError, OSError)):
                log.warning("The forecast failed: %s", error, exc_info=True)
            if not self._stale and not self.active:
                self.complain(str(error))
        finally:
            self.turn.release()
        self.forecast.value = "" if self._stale else html.escape(text)

    def _forecast(self, request: Request) -> Forecast:
        request = opened(request)
        return forecast(self.resolve(request), request.shapes)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do something beside the page; it is held here, for the event loop does not."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
