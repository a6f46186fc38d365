"""A run in a thread: what it gives is what the same run gives without one."""

import logging
import threading
import time

import numpy as np
import pytest

from styletransfer import InputError, Run, Settings
from styletransfer.explorer.session import Session
from styletransfer.forms import FORMS
from styletransfer.runs.callbacks import Reweighing
from styletransfer.runs.request import Request
from styletransfer.runs.store import Store
from styletransfer.settings import settings_from

TINY = Settings(sizes=(48, 64), steps=(6, 6), backbone="embedded", box=0.0)
LONG = Settings(sizes=(64,), steps=4000, backbone="embedded")


def begun(pair, settings=TINY, **options):
    session = Session(Request.open(*pair, settings), begin=Run, **options)
    session.start()
    return session


def until(condition):
    for _ in range(60_000):
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("it did not happen")


@pytest.mark.slow
def test_it_makes_what_a_run_makes(pair, tmp_path):
    store = Store(tmp_path)
    session = begun(pair, store=store)
    assert session.active
    assert session.join(300)
    assert session.state == "finished"
    assert not session.message
    plain = Run(*pair, TINY).finish()
    assert np.array_equal(session.result.image, plain.image)
    assert [step.step for step in session.steps] == list(range(1, 13))
    assert session.left == 0
    assert session.request.identity in store


@pytest.mark.slow
def test_pause_changes_and_going_on_replay(pair, tmp_path):
    """What was changed by hand is in the record, and made again it leads to the same picture."""
    store = Store(tmp_path)
    session = begun(pair, LONG, store=store)
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
    session.pause(paused=False)
    until(lambda: len(session.steps) >= count + 3)
    session.reweigh(omega=(0.0, 0.5, 0.5, 0.0, 0.0))
    until(lambda: len(session.steps) >= count + 6)
    session.stop()
    assert session.join(300)
    assert session.state == "stopped"
    record = session.result.record
    assert record["changes"][0]["step"] == count + 1
    assert f"λ = {FORMS[Settings.form].lam:g} → 5, " in session.result.caption
    assert record["changes"][-1]["omega"] == (0.0, 0.5, 0.5, 0.0, 0.0)
    assert len(store) == 0

    again = Run(*pair, settings_from(record["settings"]))
    reweighing = Reweighing(record["changes"])
    reweighing(again)
    replayed = again.finish([reweighing], until=len(record["history"]))
    assert replayed.record["picture"]["sha256"] == record["picture"]["sha256"]
    without = Run(*pair, settings_from(record["settings"])).finish(until=len(record["history"]))
    assert without.record["picture"]["sha256"] != record["picture"]["sha256"]


def test_many_stops_do_not_lose_the_picture(pair):
    """They go on while the last record is written."""
    session = begun(pair, LONG)
    until(lambda: len(session.steps) >= 2)
    stops = 0
    while session.active:
        session.stop()
        stops += 1
        time.sleep(0.001)
    assert stops > 1
    assert session.join(300)
    assert session.state == "stopped"
    assert not session.message
    assert session.result.record["stopped"] == "interrupted"
    assert len(session.result.record["history"]) == len(session.steps)


def test_stopped_before_it_began(pair):
    session = Session(Request.open(*pair, TINY), begin=Run)
    session.stop()
    session.start()
    assert session.join(300)
    assert session.state == "stopped"
    assert session.result is None
    assert "before the first step" in session.message
    assert session.snapshot() is None


def test_stopped_while_the_network_is_looked_for(pair):
    """It ends at once, not with the download; and what comes of that is not shown any more."""
    asked, arrives = threading.Event(), threading.Event()

    def resolve(request):
        asked.set()
        arrives.wait(300)

    session = begun(pair, resolve=resolve)
    assert asked.wait(300)
    assert session.state == "preparing"
    assert session.doing == "Looking for VGG-16 …"
    assert session.snapshot() is None
    session.stop()
    assert not arrives.is_set()
    assert session.state == "stopped"
    assert "before the first step" in session.message
    arrives.set()
    assert session.join(300)
    assert session.state == "stopped"
    assert session.steps == ()
    assert session.result is None


@pytest.mark.slow
def test_sessions_that_share_a_turn_follow_one_another(pair):
    asked, arrives, turn = [], threading.Event(), threading.Lock()

    def resolve(request):
        asked.append(request)
        arrives.wait(300)

    first, second = (begun(pair, turn=turn, resolve=resolve) for _ in range(2))
    until(lambda: asked)
    first.stop()
    assert second.state == "preparing"
    assert len(asked) == 1
    arrives.set()
    assert second.join(300)
    assert len(asked) == 2
    assert second.state == "finished"


def test_what_fails_is_said(pair):
    session = begun(pair, Settings(size=16, backbone="embedded"))
    assert session.join(300)
    assert session.state == "failed"
    assert "too few for the deepest layer" in session.message
    hot = {"optimizer": "sgd", "learning_rate": 1e30, "backbone": "embedded"}
    session = begun(pair, Settings(sizes=(64,), steps=50, **hot))
    assert session.join(300)
    assert session.state == "failed"
    assert "not finite" in session.message
    assert np.isfinite(session.result.image).all()


def test_what_fails_without_a_sentence_is_logged(pair, caplog):
    def resolve(request):
        raise RuntimeError("a bug")

    with caplog.at_level(logging.WARNING, logger="styletransfer"):
        session = begun(pair, resolve=resolve)
        assert session.join(300)
    assert (session.state, session.message) == ("failed", "a bug")
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.levelno == logging.WARNING
    assert isinstance(record.exc_info[1], RuntimeError)


def test_a_change_that_cannot_be_made_ends_the_run_with_its_picture(pair):
    session = begun(pair, LONG)
    until(lambda: len(session.steps) >= 2)
    session.reweigh(omega=(1.0,))
    assert session.join(300)
    assert session.state == "failed"
    assert session.message
    assert len(session.result.record["history"]) >= 2


def test_refusals(pair):
    session = begun(pair)
    with pytest.raises(InputError, match="begun before"):
        session.start()
    with pytest.raises(InputError, match="size cannot be changed"):
        session.reweigh(size=3)
    session.stop()
    assert session.join(300)
