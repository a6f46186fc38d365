"""A picture in tiles: the same losses and the same gradient as the picture whole."""

import numpy as np
import pytest

from styletransfer import Objective, load_image
from styletransfer._tensorflow import keras
from styletransfer.errors import InputError
from styletransfer.fast import precision as arithmetic
from styletransfer.fast.sections import _spans
from styletransfer.loop import Run
from styletransfer.pictures.images import resize
from styletransfer.settings import Settings, settings_from

CASES = [
    {},
    {"statistic": "mean_std", "content_layers": ["conv1_2", "conv2_2", "conv4_2"]},
    {
        "style_layers": ["conv1_1", "conv2_2"],
        "content_layers": ["conv1_1"],
    },  # one section; a layer in both roles
    {"style_layers": ["conv3_1", "conv5_1"], "content_layers": []},
    {"style_layers": [], "content_layers": ["conv3_3"]},
    {"activation": "linear", "style_layers": ["conv1_2", "conv4_1"]},
]


SHAPE = (203, 331)


@pytest.fixture(scope="module")
def pictures():
    """Sides that are no multiples of anything, and a picture that leaves [0, 1]."""
    content = resize(load_image("petra"), SHAPE)
    style = resize(load_image("night_cafe"), (150, 190))
    noise = np.random.default_rng(0).standard_normal(content.shape)
    return content, style, (content + 0.1 * noise).astype(np.float32)


def both(content, style, image, *, tile=64, **options):
    """Losses and gradient, of the picture whole and in tiles."""
    found = []
    for side in (None, tile):
        objective = Objective(
            content, style, tile=side, tv=1.0, **{"backbone": "embedded", **options}
        )
        objective.box = 10.0
        losses, gradient = objective.value_and_gradient(image)
        # a loss without its gradient is made another way in tiles
        assert objective(image).total == pytest.approx(losses.total, rel=1e-5)
        found.append((losses, gradient))
    return found


def assert_equal(whole, tiled, tolerance):
    for name in ("total", "content", "style", "tv", "box"):
        assert getattr(tiled[0], name) == pytest.approx(getattr(whole[0], name), rel=1e-5)
    for kind in ("content", "style"):
        assert tiled[0].layers[kind] == pytest.approx(whole[0].layers[kind], rel=1e-5)
    assert np.abs(tiled[1] - whole[1]).max() < tolerance * np.abs(whole[1]).max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "options"),
    [*(("gatys", options) for options in CASES), ("gatys-code", CASES[0]), ("proposal", CASES[0])],
)
def test_tiles_equal_the_whole(pictures, form, options):
    assert_equal(*both(*pictures, form=form, precision="float32", **options), 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "winograd"])
@pytest.mark.parametrize("padding", ["zero", "replicate", "reflect"])
def test_tiles_equal_the_whole_whatever_lies_beyond_the_border(pictures, padding, precision):
    """A tile is continued at its own border, too; none of that is left."""
    tolerance = {"float32": 1e-5, "winograd": 1e-3}[precision]
    assert_equal(*both(*pictures, padding=padding, precision=precision), tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("winograd", 1e-3), ("mixed", 0.05)])
def test_tiles_equal_the_whole_in_every_precision(pictures, precision, tolerance, monkeypatch):
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda: True)
    assert_equal(*both(*pictures, precision=precision), tolerance)


@pytest.mark.slow
def test_the_margins_suffice_for_vgg19(pictures, tmp_path):
    """It has four convolutions in its later blocks, so they reach further."""
    keras.utils.set_random_seed(3)
    model = keras.applications.VGG19(weights=None, include_top=False)
    model.save_weights(tmp_path / "random.weights.h5")
    options = {
        "backbone": str(tmp_path / "random.weights.h5"),
        "content_layers": ["conv4_4"],
        "form": "gatys-code",
    }
    assert_equal(*both(*pictures, precision="float32", **options), 1e-5)


@pytest.mark.slow
def test_a_margin_that_is_too_small_is_found(pictures, monkeypatch):
    """The comparison above would see a seam: one position less at a section's borders."""
    from styletransfer.fast import sections

    class Narrow(sections.Section):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.margin = self.unit

    monkeypatch.setattr(sections, "Section", Narrow)
    from styletransfer.objective import _compiled

    _compiled.cache_clear()
    try:
        whole, tiled = both(*pictures, precision="float32")
    finally:
        _compiled.cache_clear()
    assert np.abs(tiled[1] - whole[1]).max() > 1e-3 * np.abs(whole[1]).max()


@pytest.mark.slow
def test_no_seam(pictures):
    """What differs is rounding: it is no larger beside the borders of tiles than elsewhere."""
    (_, whole), (_, tiled) = both(*pictures, precision="float32", form="gatys-code")
    difference = np.abs(tiled - whole).mean(axis=2)
    rows = [span[0].stop for span in _spans(SHAPE[0], 64, 8, 4)][:-1]
    columns = [span[0].stop for span in _spans(SHAPE[1], 64, 8, 4)][:-1]
    beside = np.zeros(difference.shape, bool)
    for row in rows:
        beside[row - 2 : row + 2] = True
    for column in columns:
        beside[:, column - 2 : column + 2] = True
    assert beside.mean() > 0.05
    assert difference[beside].mean() < 3 * difference[~beside].mean()


@pytest.mark.parametrize("length", [1, 3, 63, 64, 65, 100, 203, 1000])
def test_spans_cover_everything_once(length):
    spans = _spans(length, 64, 8, 4)
    assert [i for core, _ in spans for i in range(core.start, core.stop)] == list(range(length))
    for core, outer in spans:
        assert core.stop - core.start <= 64
        assert core.start % 4 == outer.start % 4 == 0
        assert outer.start == max(0, core.start - 8)
        assert outer.stop == min(length, core.stop + 8)


@pytest.mark.slow
def test_a_run_in_tiles_equals_the_run(pair):
    options = {
        "sizes": (48, 96),
        "steps": (4, 6),
        "backbone": "embedded",
        "precision": "float32",
        "optimizer": "adam",
    }
    content, style = (resize(picture, (96, 128)) for picture in pair)
    runs = [Run(content, style, settings_from({**options, **tile})) for tile in ({}, {"tile": 64})]
    for run in runs:
        run.finish()
    assert [stage["tile"] for stage in runs[1].record()["plan"]] == [
        None,
        64,
    ]  # a small picture needs no tiles
    assert runs[1].settings.tile == 64
    np.testing.assert_allclose(runs[1].image, runs[0].image, atol=1e-3)


@pytest.mark.parametrize("tile", [0, 16, 63, 64.5, "64"])
def test_tiles_smaller_than_their_margin_are_refused(tile):
    with pytest.raises(InputError, match="tile must be a whole number"):
        Settings(tile=tile)
