"""Ripples and spots: drawn into bundled photographs, and found there alone."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from styletransfer import load_image
from styletransfer.errors import InputError
from styletransfer.study.artefacts import outliers, ripple, spots, waves


def wave(shape, down, right, amplitude=4 / 255, period=4):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    turn = 2 * np.pi / period * (down * rows + right * columns) + 0.6
    return amplitude * np.sin(turn)[..., None]


def rounded(picture):
    """As from a file of 8 bits."""
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


@pytest.mark.parametrize("name", ["petra", "red_pyramid", "hawa_mahal"])
def test_a_ripple_counts_and_paint_does_not(name, rng):
    photo = load_image(name, size=256)
    paint = gaussian_filter(rng.normal(size=photo.shape[:2]), 2.5)[..., None]
    broad = photo + 0.08 * paint / paint.std()
    assert ripple(photo, photo) == 1
    assert ripple(rounded(broad), photo) < 1.8
    assert ripple(rounded(gaussian_filter(photo, (1, 1, 0))), photo) < 1.8
    assert ripple(rounded(photo + 0.03 * rng.normal(size=(*photo.shape[:2], 1))), photo) < 1.8
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        rippled = photo + wave(photo.shape, down, right)
        assert ripple(rounded(rippled), photo) > 6
        # What the photograph has as well is none of the generator's.
        assert ripple(rounded(rippled), rounded(rippled)) == 1
    assert ripple(rounded(broad + wave(photo.shape, 1, 0)), photo) > 6
    assert ripple(rounded(photo + wave(photo.shape, 1, 0, period=6)), photo) < 1.8


def test_the_peak_of_a_wave_is_its_power():
    """In an even picture: (amplitude/2 times the sum of the window)² over that of rounding."""
    grey = np.full((64, 96, 3), 0.5, np.float32)
    found = ripple(grey + wave(grey.shape, 0, 1, 8 / 255), grey)
    window = np.hanning(33)[:-1]
    power = (8 / 2 * window.sum() ** 2) ** 2
    rounding = (window**2).sum() ** 2 / 12
    assert found == pytest.approx(1 + power / rounding, rel=1e-3)


def test_waves_in_any_values(rng):
    """Of noise with a wave, the wave's own power over that of the noise, in all four directions."""
    noise = rng.normal(size=(256, 256))
    assert 1 <= waves(noise) < 1.2
    assert waves(1e-9 * noise[..., None] * np.ones(3)) == pytest.approx(waves(noise))
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        rippled = noise + wave(noise.shape, down, right, 0.5)[..., 0]
        window = np.hanning(33)[:-1]
        power = (0.5 / 2 * window.sum() ** 2) ** 2 / (window**2).sum() ** 2
        assert waves(rippled) == pytest.approx(np.exp(np.euler_gamma) * power, rel=0.25)
        assert waves(noise + wave(noise.shape, down, right, 0.5, period=6)[..., 0]) < 1.2
    for values in (noise[:31], noise[None, None], np.full((40, 40), np.nan)):
        with pytest.raises(InputError, match="give finite values"):
            waves(values)


def test_a_colour_of_nobody_is_a_spot():
    photo, painting = load_image("petra", size=128), load_image("great_wave", size=128)
    mixed = 0.5 * photo + 0.5 * painting[: photo.shape[0]].mean((0, 1))
    picture = mixed.astype(np.float32)
    assert spots(picture, photo, [painting]).empty
    picture[41:62, 48:56] = (1, 0, 1)  # 7, 8 and 6 of the rows of three regions
    found = spots(picture, photo, [painting])
    assert list(found.columns) == ["top", "left", "excess"]
    assert list(zip(found["top"], found["left"], strict=True)) == [(48, 48), (40, 48), (56, 48)]
    assert found["excess"].is_monotonic_decreasing
    # A painting with the colour has it explained. Among several, what one has alone is tolerated.
    magenta = np.tile(np.float32((1, 0, 1)), (16, 16, 1))
    assert spots(picture, photo, [painting, magenta]).empty
    second = load_image("cafe_terrace_at_night", size=128)
    assert len(spots(picture, photo, [painting, second])) == 3


def test_the_distance_from_the_hull():
    """Of an even grey it is the cube around it, whose sides are one step of 8 bits long."""
    grey = np.full((16, 24, 3), 0.5)
    picture = grey.copy()
    picture[8:, 16:, 0] += 0.2
    (row,) = spots(picture, grey, [grey]).to_dict("records")
    assert row == {"top": 8, "left": 16, "excess": pytest.approx(0.2 - 0.5 / 255, abs=1e-6)}
    assert spots(grey + 0.4 / 255, grey, [grey]).empty


def test_regions_that_do_not_follow(rng):
    photo = load_image("petra", size=192)
    turned = 0.2 + 0.6 * photo[..., ::-1]  # colours of another kind, the same map everywhere
    assert outliers(turned, photo).empty
    painted = np.clip(turned + 0.05 * rng.normal(size=photo.shape), 0, 1)
    painted[80:88, 64:72] = (0.9, 0.2, 0.0)
    found = outliers(painted, photo)
    assert tuple(found.loc[0, ["top", "left"]]) == (80, 64)
    assert found.loc[0, "deviations"] > 20
    assert found["deviations"].is_monotonic_decreasing
    assert len(outliers(painted, photo, limit=20)) == 1


def test_pictures_that_cannot_be_compared(rng):
    picture = rng.random((40, 40, 3))
    for measure in (ripple, outliers, lambda a, b: spots(a, b, [picture])):
        with pytest.raises(InputError, match="must have one shape"):
            measure(picture, picture[:, :-1])
        with pytest.raises(InputError, match="the photograph must lie in"):
            measure(picture, 2 + picture)
        with pytest.raises(InputError, match="too small"):
            measure(picture[:7], picture[:7])
    with pytest.raises(InputError, match="no painting"):
        spots(picture, picture, [])
    with pytest.raises(InputError, match="a painting is too small"):
        spots(picture, picture, [picture[:, :7]])
