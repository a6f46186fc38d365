"""Where a run starts: the photograph, the painting, noise, or a picture that is given."""

import dataclasses

import numpy as np
import pytest

from styletransfer.cyclegan import Generator
from styletransfer.errors import InputError
from styletransfer.loop import Run
from styletransfer.pictures.images import resize, save_image
from styletransfer.settings import Settings, recorded_settings, settings_from

MEAN_RGB = np.array([123.68, 116.779, 103.939]) / 255  # Simonyan and Zisserman 2014, Sec. 2.1


@pytest.fixture
def first(pair):
    """The canvas that a run with some settings starts from."""

    def start_of(start=None, **options):
        options = {"sizes": (64,), "steps": 2, "backbone": "embedded", **options}
        run = Run(*pair, settings_from(options), start=start)
        np.testing.assert_array_equal(run.image, run._now.state.kept)  # which is within [0, 1]
        return run._now.state.kept

    return start_of


def test_the_photograph_or_the_painting(first, pair):
    np.testing.assert_array_equal(first(init="content"), pair[0])
    np.testing.assert_array_equal(first(), pair[0])
    painting = first(init="style")
    assert painting.shape == pair[0].shape
    assert np.abs(painting.mean((0, 1)) - pair[1].mean((0, 1))).max() < 0.01


def test_a_picture_that_is_given(first, pair, rng, tmp_path):
    given = rng.random(pair[0].shape, dtype=np.float32)
    np.testing.assert_array_equal(first(start=given), given)
    small = given[:24, :32]
    np.testing.assert_array_equal(first(start=small), resize(small, pair[0].shape[:2]))
    save_image(given, tmp_path / "start.png")
    np.testing.assert_allclose(first(init=str(tmp_path / "start.png")), given, atol=0.002)
    with pytest.raises(InputError, match="unknown picture 'nois'"):
        first(init="nois")


def test_what_the_generator_of_the_painting_makes(pair):
    """Of a bundled painting, by its checksum; other paintings have none."""
    photo, size = pair[0], {"sizes": (64,), "steps": 2, "backbone": "embedded"}
    run = Run(photo, "great_wave", settings_from({**size, "init": "generator"}))
    made = Generator("great_wave")(photo)
    np.testing.assert_allclose(run._now.state.kept, made, atol=1e-5)
    assert run.record()["settings"]["init"] == "generator"
    with pytest.raises(InputError, match=r"no generator was trained on spring; .*great_wave"):
        Run(photo, "spring", settings_from({**size, "init": "generator"}))


def test_the_seed_decides_the_noise(first):
    noise = first(init="noise", seed=5, noise=0.2)
    np.testing.assert_array_equal(noise, first(init="noise", seed=5, noise=0.2))
    apart = noise - first(init="noise", seed=6, noise=0.2)
    assert np.sqrt(np.mean(apart**2)) == pytest.approx(0.2 * np.sqrt(2), rel=0.05)
    # Another deviation is the same noise, weaker.
    weak = first(init="noise", seed=5, noise=0.01) - MEAN_RGB
    inside = (noise > 0) & (noise < 1)
    np.testing.assert_allclose(20 * weak[inside], (noise - MEAN_RGB)[inside], atol=1e-4)


@pytest.mark.parametrize("deviation", [0.001, 0.01, 0.1])
def test_noise_is_white_around_the_mean_colour(first, deviation):
    noise = (first(init="noise", noise=deviation) - MEAN_RGB) / deviation
    count = noise.size / 3
    assert np.abs(noise.mean((0, 1))).max() < 5 / np.sqrt(count)
    np.testing.assert_allclose(noise.std((0, 1)), 1, atol=5 / np.sqrt(2 * count))
    beside = (noise[:, 1:] * noise[:, :-1]).mean(), (noise[1:] * noise[:-1]).mean()
    assert np.abs(beside).max() < 5 / np.sqrt(noise.size)  # a pixel says nothing of the next
    normal = np.mean(np.abs(noise) < 1), np.mean(np.abs(noise) < 2)
    assert normal == pytest.approx((0.683, 0.954), abs=0.02)


def test_noise_stays_within_the_pictures_range(first):
    noise = first(init="noise", noise=1.0)
    assert noise.dtype == np.float32
    assert (noise.min(), noise.max()) == (0, 1)
    # The mean is some 0.4 to 0.5 above black, so that a third of a normal distribution is cut off.
    assert 0.25 < np.mean(noise == 0) < 0.4
    assert 0.25 < np.mean(noise == 1) < 0.4


def test_noise_without_a_deviation_is_the_mean_colour(first):
    flat = first(init="noise", noise=0.0)
    np.testing.assert_allclose(flat, np.broadcast_to(MEAN_RGB, flat.shape), atol=1e-6)


def test_the_default_noise_is_the_settings(first):
    given = first(init="noise", noise=Settings.noise)
    np.testing.assert_array_equal(first(init="noise"), given)


def test_a_record_that_names_no_padding_has_zeros():
    """Nor a floor: before version 0.2 there was no setting of these names."""
    older = recorded_settings({"size": 64, "form": "gatys"})
    assert (older.padding, older.floor) == ("zero", 0.1)
    newer = recorded_settings(dataclasses.asdict(Settings(size=64)))
    assert newer == Settings(size=64)
