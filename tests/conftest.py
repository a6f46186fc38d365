import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

# The background job of a shell ignores interrupts, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What a user has in the caches of Keras and of this project takes no part in the tests, and nothing
# is put there. The processes of pytest-xdist take the folders of the one that started them: what
# was computed once serves them all.
if "STYLETRANSFER_TESTS" not in os.environ:
    _CACHES = tempfile.TemporaryDirectory(prefix="styletransfer-tests-")
    os.environ["STYLETRANSFER_TESTS"] = _CACHES.name
    os.environ["STYLETRANSFER_TESTS_OWN_KERAS"] = os.environ.get(
        "KERAS_HOME", os.path.expanduser("~/.keras")
    )
    for _name in ("STYLETRANSFER_DATA_DIR", "KERAS_HOME"):
        os.environ[_name] = os.path.join(_CACHES.name, _name.lower())

    # Only now, for they ask where the data folder is when they are imported.
    from styletransfer.pictures.downloads import cache_folder
    from styletransfer.weights.backbones import JUDGE

    # But for the networks that judge: 64 MB, which are checked before they are read.
    _own = [file.cached for file in JUDGE.values() if file.cached.exists()]
    os.environ["STYLETRANSFER_CACHE_DIR"] = os.path.join(_CACHES.name, "cache")
    for _file in _own:
        (cache_folder() / "weights").mkdir(parents=True, exist_ok=True)
        (cache_folder() / "weights" / _file.name).symlink_to(_file.absolute())
os.environ.setdefault("MPLBACKEND", "agg")


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PATIENCE = 300_000  # milliseconds, on a machine that has other things to do, too


def pytest_collection_modifyitems(items):
    """The longest first, so that at the end no process waits long for the other."""
    for item in items:
        if item.get_closest_marker("browser") and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium here: apt-get install chromium"))
    order = ("browser", "notebook", "slow", "process")

    def place(item):
        names = {marker.name for marker in item.iter_markers()}
        return next((i for i, name in enumerate(order) if name in names), len(order))

    items.sort(key=place)


def pytest_terminal_summary(terminalreporter):
    """Say what was not checked for lack of Chromium, and how to get it."""
    skipped = terminalreporter.stats.get("skipped", [])
    missing = [report.nodeid for report in skipped if "Chromium" in str(report.longrepr)]
    if missing:
        terminalreporter.section(f"{len(missing)} tests of pages were left out")
        advice = "There is no Chromium here; on Debian: apt-get install chromium"
        for line in (advice, *missing):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def pair():
    """A photograph of 64 x 48 pixels and a painting of 60 x 64."""
    from styletransfer import load_image
    from styletransfer.pictures.images import resize

    return resize(load_image("petra"), (48, 64)), resize(load_image("night_cafe"), (64, 60))


@pytest.fixture(scope="session")
def paintings(pair):
    """Two paintings, of 60 x 64 and of 64 x 44 pixels."""
    from styletransfer import load_image

    return pair[1], load_image("great_wave", size=64)


@pytest.fixture(scope="session")
def labels(pair, paintings):
    """A border that no layer's grid knows, and a painting of which a part is in no region."""
    pictures = (0, pair[0]), *enumerate(paintings)
    photo, first, second = (np.full(p.shape[:2], region) for region, p in pictures)
    photo[:, 29:] = photo[35:, :21] = 1
    first[:, :13] = -1  # in no region
    return photo, first, second


@pytest.fixture(scope="session")
def embedded_features():
    """The unscaled features of a picture in the embedded VGG-16, by layer, computed by NumPy."""
    from styletransfer.weights.backbones import load_weights

    from . import reference

    weights = load_weights("embedded")
    return lambda picture: reference.features(picture, weights.kernels, weights.biases, "max")


@pytest.fixture(scope="session")
def keras_vgg(tmp_path_factory):
    """Keras' VGG-19 with random weights, and files of them in Keras' new and old layout."""
    import h5py

    from styletransfer._tensorflow import keras

    keras.utils.set_random_seed(3)
    model = keras.applications.VGG19(weights=None, include_top=False)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([layer.get_weights()[0], np.linspace(-0.1, 0.1, layer.filters)])
    folder = tmp_path_factory.mktemp("weights")
    model.save_weights(folder / "new.weights.h5")
    with h5py.File(folder / "old.h5", "w") as file:  # as keras-applications wrote it
        for layer in model.layers:
            for value, letter in zip(layer.get_weights(), "Wb", strict=False):
                file[f"{layer.name}/{layer.name}_{letter}_1:0"] = value
    return model, folder


@pytest.fixture(scope="session")
def own_keras_models():
    """The user's own folder of Keras' models."""
    return Path(os.environ["STYLETRANSFER_TESTS_OWN_KERAS"]) / "models"


@pytest.fixture(scope="session")
def judges():
    """The two networks that judge pictures, by name; without their files the test is skipped."""
    from styletransfer.weights.backbones import networks

    if not networks()["judge"].here:
        pytest.skip("the networks that judge pictures are not here: run `make judge`")
    from styletransfer.study.judge import Judge

    return {net: Judge(net) for net in ("vgg", "alex")}


@pytest.fixture
def no_judges(tmp_path, monkeypatch):
    """The networks that judge pictures are not here, and nobody has been told so yet."""
    from styletransfer.study import judge, metrics
    from styletransfer.weights.backbones import JUDGE
    from styletransfer.weights.packages import PackageFile

    find, cached, gone = PackageFile.find, PackageFile.cached.fget, tuple(JUDGE.values())
    nowhere = property(lambda self: tmp_path / "gone" if self in gone else cached(self))
    monkeypatch.setattr(PackageFile, "find", lambda self: None if self in gone else find(self))
    monkeypatch.setattr(PackageFile, "cached", nowhere)
    judge._judge.cache_clear()
    metrics._say_once.cache_clear()


@pytest.fixture
def scales(monkeypatch):
    """Mean activations of the embedded network by NumPy, as a function of the pooling.

    The library takes its own from the same two photographs of 128 pixels meanwhile.
    """
    from styletransfer import scaling
    from styletransfer.pictures import datasets
    from styletransfer.weights.backbones import load_weights

    from .reference import scales_of

    few = dict(list(datasets.photos().items())[:2])
    monkeypatch.setattr(datasets, "photos", lambda: few)
    monkeypatch.setattr(scaling, "SCALING_SIZE", 128)
    scaling.rescaled.cache_clear()
    scaling.in_units.cache_clear()
    yield lambda pooling: scales_of(load_weights("embedded"), pooling, tuple(few.values()))
    scaling.rescaled.cache_clear()
    scaling.in_units.cache_clear()


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def command(tmp_path):
    """The command line in a process of its own; gives the finished process."""

    def run(*words, cwd=tmp_path, **environment):
        return subprocess.run(
            [sys.executable, "-m", "styletransfer", *map(str, words)],
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def words(tmp_path, monkeypatch, capsys):
    """The command line in this process; it must end with code 2 and a sentence, which it gives."""
    from PIL import Image

    from styletransfer.cli import main

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "red").save("good.png")

    def run(*arguments):
        before = sorted(os.listdir(tmp_path))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse
            code = error.code
        output = capsys.readouterr()
        assert code == 2
        assert output.out == ""
        assert "Traceback" not in output.err
        assert sorted(os.listdir(tmp_path)) == before
        (sentence,) = output.err.strip().splitlines()
        return sentence

    return run


@pytest.fixture
def interrupt_run(monkeypatch):
    """Makes the n-th run of a sweep from now on end as Ctrl-C ends it; the others are real."""
    from styletransfer.study import sweeps

    def at(number):
        count, real = itertools.count(1), sweeps._make

        def make(request, *callbacks):
            if next(count) == number:
                raise KeyboardInterrupt
            return real(request, *callbacks)

        monkeypatch.setattr(sweeps, "_make", make)

    return at


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A small sweep of which all but the last run is there."""
    from styletransfer import transfer
    from styletransfer.study.sweeps import Sweep

    from .pages import GONE, POINTS, TINY

    store = tmp_path_factory.mktemp("runs")
    for point in POINTS:
        transfer("petra", **point, **TINY, store=store, progress=False)
    return Sweep("petra", None, [*POINTS, GONE], store=store, **TINY)


@pytest.fixture
def page():
    """A tab of a new Chromium; `page.complaints` has what its console says, and distant hosts."""
    from playwright.sync_api import expect, sync_playwright

    quiet = ["--no-first-run", "--disable-component-update", "--disable-background-networking"]
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", *quiet]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        tab.complaints = []
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))

        def heard(message):
            # Voilà warns that its own modules are older than those that ipywidgets was built with,
            # and JupyterLab where the machine is slow.
            known = " of shared " in message.text or message.text.endswith("ms to activate.")
            if message.type in ("error", "warning") and not known:
                tab.complaints.append(message.text)

        def asked(request):
            if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:", "file:")):
                tab.complaints.append(f"asked {request.url}")

        tab.on("request", asked)
        tab.on("console", heard)
        yield tab
        browser.close()
