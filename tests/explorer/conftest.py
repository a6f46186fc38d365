"""JupyterLab and Voilà are started here."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..conftest import PATIENCE

HOME = Path(__file__).parents[2]

CELL = 'from styletransfer.explorer import Explorer\n\nExplorer(folder="saved", store="runs")'

PROGRAMS = {
    "voila": [
        "--template=offline",
        "--VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension",
    ],
    "jupyterlab": ["--ServerApp.token=secret", "--ServerApp.allow_root=True"],
}
"""Voilà as `make explorer` starts it."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(tmp_path):
    """Starts a server in a folder with the notebook, and gives its address."""
    started = []

    def serve(program, *, cell=CELL):
        notebook = json.loads((HOME / "notebooks" / "explorer.ipynb").read_text())
        notebook["cells"][1]["source"] = cell
        (tmp_path / "explorer.ipynb").write_text(json.dumps(notebook))
        port, log = free_port(), (tmp_path / "server.log").open("wb")
        folders = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
        own = {name: str(tmp_path / name.lower()) for name in folders}
        own["JUPYTER_PATH"] = str(HOME / "styletransfer" / "explorer")
        notebooks = ["explorer.ipynb"] if program == "voila" else []
        options = [*notebooks, *PROGRAMS[program], f"--port={port}", "--no-browser"]
        process = subprocess.Popen(
            [sys.executable, "-m", program, *options],
            cwd=tmp_path,
            env={**os.environ, **own},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        started.append((process, log))
        for _ in range(PATIENCE // 200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
        pytest.fail("no server: " + (tmp_path / "server.log").read_text())

    yield serve
    for process, log in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        log.close()
    text = (tmp_path / "server.log").read_text()
    assert "Traceback" not in text, text
