"""Yardsticks against NumPy, against known pictures, and against one another."""

import numpy as np
import pytest

from styletransfer import metrics
from styletransfer.errors import InputError
from styletransfer.weights import load_weights

from . import reference


@pytest.fixture
def waves():
    """Pictures that are one wave each, of 3, 10 and 48 px."""
    x = np.arange(96)
    found = {}
    for name, length in (("detail", 3), ("forms", 10), ("layout", 48)):
        wave = 0.5 + 0.3 * np.sin(2 * np.pi * x / length)
        found[name] = np.broadcast_to(wave[None, :, None], (96, 96, 3)).astype(np.float32)
    return found


def test_rms(rng):
    a, b = rng.random((2, 5, 7, 3))
    assert metrics.rms(a, b) == pytest.approx(np.sqrt(((a - b) ** 2).sum() / 105))
    assert metrics.rms(np.zeros((2, 2, 3)), np.ones((2, 2, 3))) == 1


def test_ssim_of_one_window(rng):
    """A picture as large as the window has one value for each channel: Wang et al.'s formula with their Gaussian."""
    a, b = rng.random((2, 11, 11, 3))
    x = np.arange(11) - 5
    window = np.exp(-(x[:, None] ** 2 + x**2) / (2 * 1.5**2))[..., None]
    window /= window.sum()

    def mean(values):
        return (window * values).sum((0, 1))

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert metrics.ssim(a, b) == pytest.approx(expected.mean(), abs=1e-4)
    assert metrics.ssim(a, a) == pytest.approx(1)


def test_bands_see_their_own_waves(waves, rng):
    noise = rng.random((96, 96, 3)).astype(np.float32)
    for name, wave in waves.items():
        # with unrelated noise in it, the wave still decides its own band
        mixed = wave + 0.2 * (noise - 0.5)
        found = metrics.band_correlations(wave, mixed)
        assert found[name] > 0.85
        turned = metrics.band_correlations(wave, wave.transpose(1, 0, 2))
        assert abs(turned[name]) < 0.1
    everything = sum(waves.values()) / 3
    for name in waves:
        without = sum(wave for other, wave in waves.items() if other != name) / 3
        found = metrics.band_correlations(everything, without)
        assert min(found, key=found.get) == name


def test_table(waves):
    table = metrics.table(waves, waves["forms"])
    assert table.loc["forms"].tolist() == pytest.approx([0, 1, 1, 1, 1], abs=1e-3)
    assert list(table) == ["pixels", "SSIM", "detail", "forms", "layout"]


def test_shares(pair, rng):
    """By NumPy: squared differences of features and of Gram matrices, over those of noise."""
    target = pair[0][:32, :40]
    picture = np.clip(target + rng.normal(0, 0.2, target.shape), 0, 1).astype(np.float32)
    noise = np.random.default_rng(0).random(target.shape, dtype=np.float32)
    loaded = load_weights("embedded")
    found = [reference.features(p, loaded.kernels, loaded.biases, "max") for p in (target, picture, noise)]
    layers = ["block1_conv2", "block3_conv1"]
    options = {"form": "gatys-code", "backbone": "embedded"}
    content = metrics.shares({"a": picture, "same": target}, target, content_layers=layers, **options)
    style = metrics.shares({"a": picture}, target, style_layers=layers, **options)
    for layer in layers:
        t, p, n = (each[layer] for each in found)
        assert content[layer]["a"] == pytest.approx(((p - t) ** 2).sum() / ((n - t) ** 2).sum(), rel=1e-3)
        assert content[layer]["same"] == pytest.approx(0, abs=1e-9)
        t, p, n = (reference.gram(each) for each in (t, p, n))
        assert style[layer]["a"] == pytest.approx(((p - t) ** 2).sum() / ((n - t) ** 2).sum(), rel=1e-3)


def test_bad_input(pair):
    for function in (metrics.rms, metrics.ssim, metrics.band_correlations):
        with pytest.raises(InputError, match="one shape"):
            function(*pair)
    for options in ({}, {"content_layers": ["conv1_1"], "style_layers": ["conv1_1"]}):
        with pytest.raises(InputError, match="either content_layers or style_layers"):
            metrics.shares({}, pair[0], **options)
