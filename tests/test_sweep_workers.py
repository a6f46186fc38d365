"""Sweeps whose runs are made by other threads and processes, and sweeps that are killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from styletransfer import losses, sweep
from styletransfer.errors import InputError
from styletransfer.runs.store import Store
from styletransfer.study.sweeps import Sweep

TINY = {"size": 48, "sizes": (48,), "steps": 3, "backbone": "embedded", "form": "gatys-code"}


@pytest.fixture
def spawned():
    """Two processes that begin afresh: TensorFlow does not survive a fork."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


def test_threads_and_any_executor(pair, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        found = sweep(*pair, {"lam": [1, 2, 3]}, executor=executor, store=tmp_path, **TINY)
    assert found.missing == []


@pytest.mark.process
def test_processes_make_what_one_process_makes(tmp_path, spawned):
    """Eight bits of each picture, bit for bit; a process that dies costs no run that was made."""
    options = {**TINY, "progress": False}
    grid = [
        {"lam": 1.0, "style": "night_cafe"},
        {"lam": 5.0, "style": ["night_cafe", "pere_tanguy"]},
    ]
    here = sweep("petra", None, grid, store=tmp_path / "here", **options)
    there = sweep("petra", None, grid, store=tmp_path / "there", executor=spawned, **options)
    for i in range(2):
        np.testing.assert_array_equal(here[i].image, there[i].image)
    columns = ["lam", "style", "loss", "content_loss", "style_loss", "identity"]
    pd.testing.assert_frame_equal(here.table[columns], there.table[columns])


@pytest.fixture
def own_statistic(monkeypatch):
    """A user's statistic, registered in this process."""
    monkeypatch.setitem(losses.STATISTICS, "largest", None)  # gone again afterwards

    @losses.statistic()
    def largest(features):
        return features[0, 0, 0]

    return "largest"


@pytest.mark.process
def test_a_statistic_that_workers_do_not_have(pair, tmp_path, spawned, own_statistic, monkeypatch):
    """It is refused with one sentence before anything is submitted; threads have it."""
    found = Sweep(*pair, {"statistic": ["gram", own_statistic]}, store=tmp_path, **TINY)
    with monkeypatch.context() as patch:
        patch.setattr(spawned, "submit", pytest.fail)
        with pytest.raises(InputError, match="'largest' was registered in this process, and"):
            found.run(spawned, progress=False)
    assert found.missing == [0, 1]
    with ThreadPoolExecutor(1) as threads:
        assert found.run(threads, progress=False).missing == []
    assert found.run(spawned, progress=False).errors == {}  # nothing is left to make


def _die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.process
def test_a_worker_that_is_killed(pair, tmp_path, spawned, caplog):
    class Deadly:
        """Passes on to the pool, but its second worker dies."""

        def __init__(self):
            self.count = 0

        def submit(self, function, *arguments) -> Future:
            self.count += 1
            return spawned.submit(_die if self.count == 2 else function, *arguments)

    found = Sweep(*pair, {"lam": [1.0, 2.0, 3.0]}, store=tmp_path, **TINY).run(
        Deadly(), progress=False
    )
    assert found.missing
    assert "terminated abruptly" in caplog.text
    assert found.run(progress=False).missing == []


SCRIPT = """
import sys
from styletransfer import sweep
found = sweep("petra", "night_cafe", {"seed": range(6)}, store=sys.argv[1], init="noise", **%r)
print(len(found.missing))
"""


@pytest.mark.process
def test_killed_at_any_moment_and_gone_on_with(tmp_path):
    """SIGKILL soon after another result is there, again and again; none is half-written."""
    script = SCRIPT % TINY
    grid, options = {"seed": range(6)}, {"init": "noise", "progress": False, **TINY}
    whole = sweep("petra", "night_cafe", grid, store=tmp_path / "whole", **options)
    store, kills = Store(tmp_path / "killed"), 0
    while len(store) < 6 and kills < 3:
        process = subprocess.Popen(
            [sys.executable, "-c", script, store.folder], stderr=subprocess.DEVNULL
        )
        before = len(store)
        while len(store) < before + 2 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        process.wait()
        kills += 1
        for entry in store.folder.iterdir():
            if not entry.name.startswith("."):
                assert store.get(entry.name) is not None
    assert kills >= 2
    command = [sys.executable, "-c", script, store.folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.splitlines()[-1] == "0", done.stderr
    again = Sweep("petra", "night_cafe", grid, store=store, init="noise", **TINY)
    for i in range(6):
        np.testing.assert_array_equal(again[i].image, whole[i].image)


@pytest.mark.process
def test_two_processes_on_one_store(tmp_path):
    command = [sys.executable, "-c", SCRIPT % TINY, tmp_path]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    for process in both:
        out, error = process.communicate(timeout=250)
        assert process.returncode == 0, error
        assert out.splitlines()[-1] == "0"
        assert "failed" not in error
    assert len(Store(tmp_path)) == 6
    assert not list(tmp_path.glob(".half-*"))
