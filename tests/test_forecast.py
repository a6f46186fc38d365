"""What a run is said to take, against what it took; and what is refused because it cannot fit."""

import json
import os
import re
from types import SimpleNamespace

import psutil
import pytest

from styletransfer import load_image
from styletransfer.errors import InputError
from styletransfer.loop import Run
from styletransfer.pictures.images import save_image
from styletransfer.runs import forecast as forecasts
from styletransfer.runs.forecast import Rates, measured_rates
from styletransfer.runs.memory import TILES, memory, tile_for
from styletransfer.runs.request import Plan
from styletransfer.runs.schedule import Stage
from styletransfer.settings import settings_from
from styletransfer.study import costs
from styletransfer.weights.backbones import load_weights

SMALL = {"sizes": (64,), "steps": 3, "backbone": "embedded"}


@pytest.fixture
def free(monkeypatch):
    """Sets how much memory is free."""

    def leave(gigabytes):
        monkeypatch.setattr(
            psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 1e9)
        )
        monkeypatch.setattr(
            psutil, "Process", lambda: SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=0))
        )

    return leave


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"size": 448, "precision": "float32"},
        {"size": 512, "precision": "winograd", "tile": 256, "history": 5},
    ],
    ids=str,
)
def test_memory_is_as_forecast(options):
    """Peak of a process of its own, within 15 %."""
    options = {
        "steps": 6,
        "backbone": "embedded",
        "form": "gatys-code",
        "sizes": (options["size"],),
        **options,
    }
    found = costs.peak_memory("petra", "night_cafe", options)
    assert found["forecast"] == pytest.approx(found["peak"], rel=0.15)
    assert found["tile"] == options.get("tile")


@pytest.mark.slow
def test_memory_of_a_painting_that_is_larger_than_the_picture(tmp_path):
    save_image(load_image("petra")[300:364], tmp_path / "panorama.png")
    options = {
        "steps": 4,
        "backbone": "embedded",
        "form": "gatys-code",
        "sizes": (1024,),
        "history": 5,
    }
    found = costs.peak_memory(str(tmp_path / "panorama.png"), "night_cafe", options)
    # The peak itself was 1.56, 1.56, 1.71, 1.72 and 1.81 GB in five processes.
    assert found["forecast"] == pytest.approx(found["peak"], rel=0.2)


@pytest.mark.slow
def test_a_forecast_is_of_what_is_left(pair):
    run = Run(*pair, settings_from({"sizes": (48, 64), "steps": (20, 20), "backbone": "embedded"}))
    before = run.forecast().seconds
    for _ in range(30):
        next(run)
    assert run.forecast().seconds < before
    run.finish()
    assert run.forecast().seconds == 0


def test_several_paintings_are_encoded_once_at_each_size(monkeypatch):
    monkeypatch.setattr(forecasts, "measured_rates", lambda *_: Rates(5.0, 1.0, 0.5, 0.01))
    settings = settings_from({"sizes": (500, 1000), "steps": (3, 4), "history": 5})
    stages = Stage(500, 3, "winograd"), Stage(1000, 4, "winograd")
    plan, square, half = Plan(settings, stages, load_weights("embedded"), {}), (9, 9), (9, 18)

    def said(*paintings, **options):
        return forecasts.forecast(plan, (square, *paintings), **options)

    one, three = said(square), said(square, half, half)
    assert three.seconds - one.seconds == pytest.approx(forecasts.ENCODING * 5.0 * (0.25 + 1.0))
    # those of the first size are done: half a megapixel in all
    rest = said(square, half, half, encoded=True)
    assert three.seconds - rest.seconds == pytest.approx(forecasts.ENCODING * 5.0 * 0.5)
    # Two of half a megapixel wait, and two more of 9 x 18 px are kept as they came.
    assert three.bytes == pytest.approx(one.bytes + 12e6 + 12 * 2 * 9 * 18, abs=1)


@pytest.mark.slow
def test_rates_are_kept_and_repaired(tmp_path, monkeypatch):
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    arguments = (
        settings_from({**SMALL, "form": "gatys-code"}),
        "winograd",
        load_weights("embedded").sha256,
    )
    rates = measured_rates(*arguments)
    assert rates.evaluation > rates.pair > 0
    (kept,) = (tmp_path / "cache").iterdir()
    calls = []
    monkeypatch.setattr(
        forecasts, "_measure", lambda *_: calls.append(1) or Rates(1.0, 2.0, 3.0, 4.0)
    )
    assert measured_rates(*arguments) == rates
    assert calls == []
    whole = kept.read_text()
    for damaged in (
        "",
        whole[:20],
        "[]",
        json.dumps({**json.loads(whole), "pair": -1.0}),
        '{"evaluation": 1.0}',
    ):
        kept.write_text(damaged)
        assert measured_rates(*arguments) == Rates(1.0, 2.0, 3.0, 4.0)
        assert measured_rates(*arguments) == Rates(1.0, 2.0, 3.0, 4.0)  # now from the file
    assert len(calls) == 5
    os.utime(kept, (1, 1))  # rates of long ago
    assert measured_rates(*arguments) == Rates(1.0, 2.0, 3.0, 4.0)
    assert len(calls) == 6
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", "/dev/null/nowhere")
    assert measured_rates(*arguments) == Rates(1.0, 2.0, 3.0, 4.0)


def test_large_pictures_are_tiled_where_memory_is_short(free):
    settings, shapes = (
        settings_from({"size": 2048, "sizes": (2048,), "steps": 20}),
        ((3, 4), (4, 3)),
    )
    stage = Stage(2048, 20, "winograd")
    free(64)
    assert tile_for(settings, "vgg16", stage, shapes) is None
    free(6)
    tile = tile_for(settings, "vgg16", stage, shapes)
    assert tile in (512, 1024)
    free(4.4)
    assert tile_for(settings, "vgg16", stage, shapes) == 256
    # the painting of a panorama is larger than the panorama
    wide = ((1, 12), (4, 5))
    assert memory(settings, "vgg16", stage, wide) > 1.5 * memory(
        settings, "vgg16", stage, ((1, 12), (1, 12))
    )


def test_what_cannot_fit_is_refused_with_the_largest_size_that_does(free):
    free(4)
    with pytest.raises(
        InputError, match=r"8000 px would take .* GB of memory, and 3.2 GB can be used"
    ) as caught:
        Run("petra", "night_cafe", settings_from({**SMALL, "sizes": (8000,)}))
    largest = int(re.search(r"the largest size that fits is (\d+) px$", str(caught.value)).group(1))
    shapes, weights = ((720, 1024), (404, 512)), "vgg16"
    settings = settings_from({"sizes": (largest,), "steps": 3})
    assert tile_for(settings, weights, Stage(largest, 3, "winograd"), shapes) == TILES[-1]
    with pytest.raises(InputError, match="would take"):
        tile_for(settings, weights, Stage(largest + 1, 3, "winograd"), shapes)
    free(0.5)
    with pytest.raises(InputError, match="close other programs"):
        Run("petra", "night_cafe", settings_from(SMALL))


@pytest.mark.slow
def test_the_command_line_forecasts(command, tmp_path):
    words = ["petra", "night_cafe", "--backbone", "embedded", "--size", "64", "--steps", "2"]
    only = command(*words, "--forecast")
    assert only.returncode == 0, only.stderr
    assert re.search(
        r"^about \d+ s and \d\.\d GB of memory \(\d+\.\d GB are available\)$", only.stdout.strip()
    )
    assert list(tmp_path.iterdir()) == []
    done = command(*words, "--out", "out.png")
    assert done.returncode == 0, done.stderr
    assert "GB of memory" in done.stderr
    assert "GB of memory" not in command(*words, "--out", "out.png", "--quiet").stderr
