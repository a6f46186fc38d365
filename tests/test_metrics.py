"""Yardsticks of content against NumPy, and against known pictures."""

import numpy as np
import pytest

from styletransfer._tensorflow import tf
from styletransfer.errors import InputError
from styletransfer.forms import FORMS
from styletransfer.pictures.images import resize
from styletransfer.settings import Settings
from styletransfer.study import judge, metrics
from styletransfer.study.distances import StyleReference
from styletransfer.weights.backbones import load_weights

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


def similarity(a, b):
    """SSIM and its second factor by Wang et al.'s formulas with their Gaussian, by channel."""
    x = np.arange(11) - 5
    window = np.exp(-(x[:, None] ** 2 + x**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(values):
        return np.einsum(
            "hwcij,ij->hwc",
            np.lib.stride_tricks.sliding_window_view(values, (11, 11), (0, 1)),
            window,
        )

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    structure = (2 * cov + c2) / (va + vb + c2)
    whole = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1) * structure
    return whole.mean((0, 1)), structure.mean((0, 1))


def test_ssim(rng):
    a, b = rng.random((2, 11, 14, 3))
    assert metrics.ssim(a, b) == pytest.approx(similarity(a, b)[0].mean(), abs=1e-4)
    assert metrics.ssim(a, a) == pytest.approx(1)


def test_ms_ssim_of_two_scales(rng):
    """27 px can be halved once: structure of the first scale and all of the second, weighted."""
    a = rng.random((32, 27, 3))
    b = np.clip(a + rng.normal(0, 0.2, a.shape), 0, 1)
    halves = [
        np.pad(p, ((0, 0), (0, 1), (0, 0)), mode="edge").reshape(16, 2, 14, 2, 3).mean((1, 3))
        for p in (a, b)
    ]
    first, second = 0.0448 / (0.0448 + 0.2856), 0.2856 / (0.0448 + 0.2856)
    expected = similarity(a, b)[1] ** first * similarity(*halves)[0] ** second
    assert metrics.ms_ssim(a, b) == pytest.approx(expected.mean(), abs=1e-4)
    assert metrics.ms_ssim(a, a) == pytest.approx(1)


def test_ms_ssim_has_its_five_scales_from_161_px_on(rng):
    a, b = rng.random((2, 170, 161, 3), np.float32)
    assert metrics.ms_ssim(a, b) == pytest.approx(
        float(tf.image.ssim_multiscale(a, b, 1.0)), rel=1e-3
    )
    assert metrics.ms_ssim(a[:, :160], b[:, :160]) != pytest.approx(metrics.ms_ssim(a, b), rel=0.1)


def test_gmsd(rng):
    """By Xue et al.'s formula, position by position, in 0..255 as they have it."""
    a, b = rng.random((2, 15, 12, 3))
    magnitudes = []
    for picture in (a, b):
        luma = 255 * (0.299 * picture[..., 0] + 0.587 * picture[..., 1] + 0.114 * picture[..., 2])
        half = np.array(
            [
                [luma[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean() for j in range(6)]
                for i in range(7)
            ]
        )
        padded = np.pad(half, 1, mode="edge")
        found = np.zeros((7, 6))
        for i in range(7):
            for j in range(6):
                part = padded[i : i + 3, j : j + 3]
                across, down = part[:, 2] - part[:, 0], part[2] - part[0]
                found[i, j] = np.hypot(across.sum() / 3, down.sum() / 3)
        magnitudes.append(found)
    m, n = magnitudes
    assert metrics.gmsd(a, b) == pytest.approx(
        np.std((2 * m * n + 170) / (m**2 + n**2 + 170)), rel=1e-5
    )
    assert metrics.gmsd(a, a) == 0


def test_gmsd_sees_no_colours(rng):
    a = 0.3 + 0.2 * rng.random((16, 16, 3))
    turned = a + 0.3 * rng.random((16, 16, 1)) * np.array(
        [0.587, -0.299, 0]
    )  # the luma stays as it was
    assert metrics.gmsd(a, turned) == pytest.approx(0, abs=1e-6)


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
    kind = {"pooling": FORMS["gatys-code"].pooling, "padding": Settings.padding}
    network = loaded.kernels, loaded.biases
    found = [reference.features(each, *network, **kind) for each in (target, picture, noise)]
    layers = ["block1_conv2", "block3_conv1"]
    options = {"form": "gatys-code", "backbone": "embedded"}
    content = metrics.shares(
        {"a": picture, "same": target}, target, content_layers=layers, **options
    )
    style = metrics.shares({"a": picture}, target, style_layers=layers, **options)
    for layer in layers:
        t, p, n = (each[layer] for each in found)
        assert content[layer]["a"] == pytest.approx(
            ((p - t) ** 2).sum() / ((n - t) ** 2).sum(), rel=1e-3
        )
        assert content[layer]["same"] == pytest.approx(0, abs=1e-9)
        t, p, n = (reference.gram(each) for each in (t, p, n))
        assert style[layer]["a"] == pytest.approx(
            ((p - t) ** 2).sum() / ((n - t) ** 2).sum(), rel=1e-3
        )


def test_vgg_content(pair, rng, embedded_features):
    photo = pair[0][:32, :40]
    picture = np.clip(photo + rng.normal(0, 0.1, photo.shape), 0, 1).astype(np.float32)
    found, target = embedded_features(picture), embedded_features(photo)
    taps = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3")
    expected = [
        ((found[tap] - target[tap]) ** 2).mean() / (target[tap] ** 2).mean() for tap in taps
    ]
    assert metrics.vgg_content(picture, photo, backbone="embedded") == pytest.approx(
        np.mean(expected), rel=1e-3
    )
    assert metrics.vgg_content(photo, photo, backbone="embedded") == 0


@pytest.fixture
def compared(pair, rng):
    """Two pictures, the photograph that they show, and paintings that are looked at with 48 px."""
    photo, painting = pair
    noisy = np.clip(photo + rng.normal(0, 0.2, photo.shape), 0, 1).astype(np.float32)
    paintings = [painting, painting[::-1, :48]]
    style = StyleReference(paintings, size=48, backbone="embedded")
    return {"noisy": noisy, "copy": photo}, photo, paintings, style


def test_compare_asks_the_judge(judges, compared):
    pictures, photo, paintings, style = compared
    table = metrics.compare(pictures, photo, style)
    small = [resize(paintings[0], (48, 45)), resize(paintings[1], (48, 36))]
    for name, picture in pictures.items():
        row = table.loc[name]
        assert row["lpips-vgg"] == judge.lpips(picture, photo, net="vgg")
        assert row["lpips-alex"] == judge.lpips(picture, photo, net="alex")
        seen = resize(picture, (36, 48)), small, resize(photo, (36, 48))
        assert row["style distance"] == pytest.approx(judge.style_distance(*seen), rel=1e-6)
    assert table.loc["copy", ["lpips-vgg", "lpips-alex", "style distance"]].tolist() == [0, 0, 1]
    assert (table.loc["noisy", ["lpips-vgg", "lpips-alex"]] > 0.1).all()


def test_compare_without_the_judge(no_judges, compared, caplog):
    pictures, photo, _, style = compared
    tables = [metrics.compare(pictures, photo, style) for _ in range(2)]
    for table in tables:
        assert list(table) == list(metrics.YARDSTICKS)
        of_the_judge, others = table.iloc[:, :3], table.iloc[:, 3:]
        assert list(of_the_judge) == ["lpips-vgg", "lpips-alex", "style distance"]
        assert of_the_judge.isna().all(axis=None)
        assert others.notna().all(axis=None)
    (said,) = [record.getMessage() for record in caplog.records if "judge" in record.getMessage()]
    assert "--fetch judge" in said


def test_bad_input(pair):
    two = (
        metrics.rms,
        metrics.ssim,
        metrics.ms_ssim,
        metrics.gmsd,
        metrics.band_correlations,
        metrics.vgg_content,
    )
    for function in two:
        with pytest.raises(InputError, match="one shape"):
            function(*pair)
        with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
            function(255 * pair[0], pair[0])
    for function, least in (
        (metrics.ssim, 11),
        (metrics.ms_ssim, 11),
        (metrics.gmsd, 6),
        (metrics.vgg_content, 16),
    ):
        with pytest.raises(InputError, match=f"{least}"):
            function(pair[0][: least - 1], pair[0][: least - 1])
    for options in ({}, {"content_layers": ["conv1_1"], "style_layers": ["conv1_1"]}):
        with pytest.raises(InputError, match="either content_layers or style_layers"):
            metrics.shares({}, pair[0], **options)
