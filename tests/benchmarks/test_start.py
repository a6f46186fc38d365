"""From the command to the first preview, as a user waits for it."""

import subprocess
import sys
import time

from .conftest import PAIR


def test_first_preview(benchmark, row, tmp_path):
    def first():
        preview = tmp_path / "preview.png"
        preview.unlink(missing_ok=True)
        words = [
            *PAIR,
            "--out",
            "out.png",
            "--preview",
            str(preview),
            "--backbone",
            "embedded",
            "--form",
            "gatys-code",
        ]
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "styletransfer", *words], cwd=tmp_path, stderr=subprocess.DEVNULL
        )
        while not preview.exists():
            assert process.poll() is None
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        process.kill()
        process.wait()
        return seconds

    def imports():
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", "import keras, tensorflow"],
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - began

    first()  # fills the caches, as the first run of a user does
    found = benchmark.pedantic(first, rounds=3)
    row(
        "command line to the first preview",
        "6 s",
        f"{found:.1f} s, of which TensorFlow and Keras {imports():.1f} s",
    )
