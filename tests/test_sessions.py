"""A run in a thread: what it gives is what the same run gives without one."""

import time

import numpy as np
import pytest

from styletransfer import InputError, Run, Settings
from styletransfer.explorer.session import Session
from styletransfer.forms import FORMS
from styletransfer.runs.callbacks import Reweighing
from styletransfer.runs.request import Request
from styletransfer.settings import settings_from

TINY = Settings(sizes=(48, 64), steps=(6, 6), backbone="embedded", box=0.0)


def begun(pair, settings=TINY):
    session = Session(Request.open(*pair, settings))
    session.start()
    return session


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_it_makes_what_a_run_makes(pair):
    session = begun(pair)
    assert session.active
    assert session.join(120)
    assert session.state == "finished"
    assert not session.message
    plain = Run(*pair, TINY).finish()
    assert np.array_equal(session.result.image, plain.image)
    assert [step.step for step in session.steps] == list(range(1, 13))
    assert session.left == 0


def test_pause_changes_and_going_on_replay(pair):
    """What was changed by hand is in the record, and made again it leads to the same picture."""
    session = begun(pair, Settings(sizes=(64,), steps=4000, backbone="embedded"))
    until(lambda: len(session.steps) >= 3)
    session.pause()
    until(lambda: session.state == "paused")
    count = len(session.steps)
    time.sleep(0.5)
    assert len(session.steps) == count
    early = session.snapshot()
    assert early.record["stopped"] == "ended early"
    assert len(early.record["history"]) == count
    session.reweigh(lam=5.0, tv=0.1)
    session.go_on()
    until(lambda: len(session.steps) >= count + 3)
    session.reweigh(omega=(0.0, 0.5, 0.5, 0.0, 0.0))
    until(lambda: len(session.steps) >= count + 6)
    session.stop()
    assert session.join(60)
    assert session.state == "stopped"
    record = session.result.record
    assert record["changes"][0]["step"] == count + 1
    assert f"λ = {FORMS[Settings.form].lam:g} → 5, " in session.result.caption
    assert record["changes"][-1]["omega"] == (0.0, 0.5, 0.5, 0.0, 0.0)

    again = Run(*pair, settings_from(record["settings"]))
    reweighing = Reweighing(record["changes"])
    reweighing(again)
    replayed = again.finish([reweighing], until=len(record["history"]))
    assert replayed.record["picture"]["sha256"] == record["picture"]["sha256"]
    without = Run(*pair, settings_from(record["settings"])).finish(until=len(record["history"]))
    assert without.record["picture"]["sha256"] != record["picture"]["sha256"]


def test_stopped_before_the_first_step(pair):
    session = Session(Request.open(*pair, TINY))
    session.stop()
    session.start()
    assert session.join(60)
    assert session.state == "stopped"
    assert session.result is None
    assert "before the first step" in session.message
    assert session.snapshot() is None


def test_what_fails_is_said(pair):
    session = begun(pair, Settings(size=16, backbone="embedded"))
    assert session.join(60)
    assert session.state == "failed"
    assert "too few for the deepest layer" in session.message
    session = begun(
        pair,
        Settings(sizes=(64,), steps=50, optimizer="sgd", learning_rate=1e30, backbone="embedded"),
    )
    assert session.join(60)
    assert session.state == "failed"
    assert "not finite" in session.message
    assert np.isfinite(session.result.image).all()


def test_refusals(pair):
    session = begun(pair)
    with pytest.raises(InputError, match="begun before"):
        session.start()
    with pytest.raises(InputError, match="size cannot be changed"):
        session.reweigh(size=3)
    session.stop()
    assert session.join(60)
