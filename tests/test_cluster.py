"""A sweep on a real Dask cluster: two worker processes on this machine, one of them killed."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from distributed import Client, LocalCluster

from styletransfer import sweep
from styletransfer.runs.store import Store

TINY = {"size": 48, "sizes": (48,), "steps": 20, "backbone": "embedded", "form": "gatys-code"}
OPTIONS = {**TINY, "init": "noise", "progress": False}


@pytest.mark.process
@pytest.mark.filterwarnings("default")  # what the cluster says of its ports and files is its own
def test_a_sweep_on_a_cluster_that_loses_a_worker(pair, tmp_path):
    store, killed = Store(tmp_path / "runs"), []
    grid = {"seed": range(8)}
    options = {
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
        "local_directory": tmp_path,
    }
    with LocalCluster(n_workers=2, **options) as cluster, Client(cluster) as client:
        pids = list(client.run(os.getpid).values())

        def kill():
            while len(store) < 2:
                time.sleep(0.01)
            os.kill(pids[0], signal.SIGKILL)
            killed.append(len(store))

        thread = threading.Thread(target=kill)
        thread.start()
        found = sweep(*pair, grid, store=store, executor=client.get_executor(), **OPTIONS)
        thread.join()
        assert len(pids) == 2
        assert killed[0] < 8  # in the middle of it
    assert found.missing == []
    assert found.errors == {}
    here = sweep(*pair, {"seed": [0]}, store=tmp_path / "here", **OPTIONS)
    np.testing.assert_allclose(found[0].image, here[0].image, atol=0.05)
    assert found[0].record["settings"] == here[0].record["settings"]
