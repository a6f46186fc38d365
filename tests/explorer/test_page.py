"""The page without a browser: what its event loop does while something takes long."""

import asyncio
import dataclasses
import html
import threading

import pytest

from styletransfer import transfer
from styletransfer.errors import InputError
from styletransfer.explorer import Explorer
from styletransfer.explorer.controls import LABELS, Controls, label
from styletransfer.runs.request import resolve
from styletransfer.settings import Settings

from ..pages import data_of


async def until(condition):
    for _ in range(30_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


@pytest.fixture
def visit(tmp_path):
    """Opens a page, and does with it what a test asks for."""

    def opened(script, **fields):
        async def life():
            page = Explorer(folder=tmp_path / "saved", store=tmp_path / "runs")
            for name, value in {"size": 48, "backbone": "embedded", **fields}.items():
                page.controls.fields[name].value = value
            try:
                await script(page, page.workbench)
            finally:
                page.close()

        asyncio.run(life())

    return opened


def test_every_setting_stands_in_one_place_with_its_name_and_meaning():
    controls = Controls()
    shown, places = {}, [controls]
    while places:
        for child in getattr(places.pop(), "children", ()):
            places.append(child)
            for name in (word[7:] for word in child._dom_classes if word.startswith("st-row-")):
                assert name not in shown
                shown[name] = child.children
    settings = {entry.name: entry.metadata for entry in dataclasses.fields(Settings)}
    assert set(shown) == set(settings)
    for name, (heading, field, about) in shown.items():
        assert f"<b>{label(name)}</b>" == heading.value
        assert field is controls.fields[name]
        assert settings[name]["help"] in html.unescape(about.value)
    assert set(LABELS) <= set(settings)
    assert label("lam") == "style weight λ"


class Blocking:
    """Stands for a resolution that has to download a network first."""

    def __init__(self):
        self.threads, self.arrives = [], threading.Event()

    def __call__(self, request):
        self.threads.append(threading.current_thread())
        self.arrives.wait(300)
        return resolve(request)


@pytest.mark.slow
def test_the_heart_beats_while_a_network_is_looked_for(visit):
    """First for a forecast, then for a run, which can be stopped all the while."""
    slow = Blocking()

    async def script(page, workbench):
        workbench.resolve = slow
        await until(lambda: slow.threads)
        assert "Looking for VGG-19" in workbench.forecast.value
        beat = page.heartbeat.beat
        await until(lambda: page.heartbeat.beat >= beat + 2)
        assert not slow.arrives.is_set()

        workbench.run()
        assert "Looking for VGG-19" in workbench.message.value
        assert not workbench.stop_button.disabled
        assert workbench.run_button.disabled
        session, beat = workbench.session, page.heartbeat.beat
        assert session.state == "preparing"
        await until(lambda: page.heartbeat.beat > beat)
        workbench.stop()
        workbench.stop()
        await until(lambda: not workbench.run_button.disabled)
        assert not slow.arrives.is_set()
        assert "before the first step" in workbench.message.value
        assert workbench.stop_button.disabled

        # The next run has its turn when the download is over.
        page.controls.fields["backbone"].value = "embedded"
        page.controls.fields["steps"].value = "2"
        workbench.run()
        slow.arrives.set()
        await until(lambda: workbench.past.runs)
        assert "Finished" in workbench.message.value
        assert threading.main_thread() not in slow.threads

    visit(script, backbone="auto")


@pytest.mark.slow
def test_a_forecast_is_of_what_stands_on_the_page(visit):
    slow = Blocking()

    async def script(page, workbench):
        workbench.resolve = slow
        await until(lambda: slow.threads)
        page.controls.fields["size"].value = 16
        slow.arrives.set()
        await until(lambda: "too few for the deepest layer" in workbench.message.value)
        assert workbench.forecast.value == ""
        page.controls.fields["size"].value = 48
        assert workbench.message.value == ""
        await until(lambda: "This will take about" in workbench.forecast.value)

    visit(script, steps="2")


@pytest.mark.slow
def test_a_complaint_goes_with_what_it_was_about(visit):
    """And a run that is asked for in the same moment begins."""

    async def script(page, workbench):
        await until(lambda: "steps cannot be" in workbench.message.value)
        workbench.run()
        assert workbench.session is None
        page.controls.fields["steps"].value = "3000"
        assert "many" not in workbench.message.value
        workbench.run()
        assert not workbench.stop_button.disabled
        workbench.stop()
        await until(lambda: workbench.session is None)

    visit(script, steps="many")


def test_what_cannot_be_resolved_is_said(visit):
    def refuse(request):
        raise InputError("there is no such network")

    async def script(page, workbench):
        workbench.resolve = refuse
        workbench.run()
        await until(lambda: workbench.session is None)
        assert "there is no such network" in workbench.message.value
        assert not workbench.run_button.disabled

    visit(script)


@pytest.mark.slow
def test_interrupts_of_the_kernel_stop_the_run_and_keep_its_picture(visit):
    async def script(page, workbench):
        workbench.run()
        await until(lambda: workbench.session.steps)
        tick, interrupts = workbench.tick, [KeyboardInterrupt(), KeyboardInterrupt()]

        def interrupted():
            if interrupts:
                raise interrupts.pop()
            tick()

        workbench.tick = interrupted
        await until(lambda: workbench.past.runs)
        assert not interrupts
        (run,) = workbench.past.runs.values()
        assert run.result.record["stopped"] == "interrupted"
        assert workbench.past.wipe.right
        beat = page.heartbeat.beat
        await until(lambda: page.heartbeat.beat > beat)

    visit(script, steps="4000")


@pytest.mark.slow
def test_a_second_page_goes_on_with_the_runs_of_the_first(visit, tmp_path):
    async def script(page, workbench):
        workbench.run()
        await until(lambda: workbench.past.runs)
        workbench.run()
        session = workbench.session
        second = Explorer(folder=tmp_path / "saved", store=tmp_path / "runs")
        assert second.workbench.session is session
        assert list(second.workbench.past.runs) == ["Run 1"]
        assert second.controls.settings == session.request.settings
        await until(lambda: len(second.workbench.past.runs) == 2)
        assert "Run 2" in second.workbench.past.against.options
        second.close()

    visit(script, steps="3")


@pytest.mark.slow
def test_a_sweep_is_saved_as_a_page(visit, tmp_path, pair):
    """Under a name that is free; runs of arrays cannot be shown beside their photograph."""
    tiny = {"size": 48, "steps": 2, "backbone": "embedded", "progress": False}
    for lam in (1.0, 10.0):
        for pictures in (("petra", "pere_tanguy"), pair):
            transfer(*pictures, lam=lam, store=tmp_path / "runs", **tiny)

    async def script(page, workbench):
        sweeps, name = page.sweeps, "Petra-Portrait_of_Père_Tanguy"
        sweeps.read()
        for place in (f"{name}.html", f"{name}-2.html"):
            sweeps.pair.value = "Petra in the manner of Portrait of Père Tanguy"
            sweeps.save()
            await until(lambda place=place: f"{place}; any browser" in sweeps.message.value)
            assert not sweeps.save_button.disabled
            runs = data_of(tmp_path / "saved" / place)["runs"]
            assert sorted(run["point"]["lam"] for run in runs) == [1.0, 10.0]
        sweeps.pair.value = "an array in the manner of an array"
        sweeps.save()
        await until(lambda: "Not saved: the record&#x27;s content was" in sweeps.message.value)

    visit(script)
    assert len(list((tmp_path / "saved").iterdir())) == 2
