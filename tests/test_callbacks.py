"""What follows a run: when it saves, what becomes of errors, and interrupts that come twice."""

import signal

import numpy as np
import pytest

from styletransfer.loop import Run
from styletransfer.runs.callbacks import Checkpoint, follow, interrupted_once
from styletransfer.settings import settings_from


class Clock:
    """Seconds that pass only where a test says so."""

    now = 100.0

    def __call__(self):
        return self.now


class Saving:
    """A run of so many steps, a second each; its savings take `seconds`, and may fail."""

    history, step = (1,), 1

    def __init__(self, clock, *, steps, seconds=0.0, failing=0):
        self.clock, self.steps, self.seconds, self.failing = clock, steps, seconds, failing
        self.saved = []

    def __next__(self):
        if not self.steps:
            raise StopIteration
        self.steps -= 1
        self.clock.now += 1
        return self.steps

    def save(self, path):
        self.saved.append(self.clock.now)
        self.clock.now += self.seconds
        if len(self.saved) <= self.failing:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("seconds", "period"), [(0.5, 31), (10.0, 200)])
def test_saving_takes_a_twentieth_of_the_time_at_most(tmp_path, seconds, period):
    clock = Clock()
    run, checkpoint = Saving(clock, steps=1, seconds=seconds), Checkpoint(tmp_path, clock=clock)
    for _ in range(1000):
        checkpoint(run, None)
        clock.now += 1
    assert len(run.saved) > 4
    np.testing.assert_allclose(np.diff(run.saved), period, atol=1)


def test_a_checkpoint_that_failed_is_tried_again(tmp_path, caplog):
    clock = Clock()
    run = Saving(clock, steps=100, failing=2)
    path = tmp_path / "state.npz"
    follow(run, [Checkpoint(path, clock=clock)])
    assert run.saved == [101, 131, 161, 191, 200]  # the last in the end
    assert caplog.text.count("could not be written") == 2
    assert str(path) in caplog.text
    assert "0x" not in caplog.text
    assert "Traceback" not in caplog.text


def test_the_log_says_where_a_callback_failed(caplog):
    def broken(run, step):
        raise KeyError("a bug")

    follow(Saving(Clock(), steps=3), [broken])
    assert caplog.text.count("broken failed and is left out") == 1
    assert "Traceback" in caplog.text


@pytest.fixture
def heeding():
    """A shell that starts the tests in the background has them ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_does_not_cost_the_picture(pair, tmp_path, heeding):
    """As if Ctrl-C were pressed twice: during the run, and while its state is saved."""

    class Impatient(Checkpoint):
        def close(self, run):
            super().close(run)
            if interrupted:
                signal.raise_signal(signal.SIGINT)

    def interrupt(run, step):
        if step.step == 2:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)

    interrupted = []
    run = Run(*pair, settings_from({"size": 48, "steps": (4,), "backbone": "embedded"}))
    result = run.finish([interrupt, Impatient(tmp_path / "state.npz")])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert result.record["stopped"] == "interrupted"
    assert len(result.record["history"]) == 2
    assert Run.load(tmp_path / "state.npz").step == 2


def test_a_later_interrupt_counts_again():
    clock, counted = Clock(), []
    before = signal.signal(signal.SIGINT, lambda *_: counted.append(clock.now))
    try:
        with interrupted_once(clock=clock):
            for seconds in (0, 1, 8, 1, 5):
                clock.now += seconds
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert counted == [100, 110]
