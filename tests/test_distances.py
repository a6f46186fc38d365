"""Yardsticks of style and colour against NumPy and SciPy, and the table of them all."""

import numpy as np
import pytest

from styletransfer.errors import InputError
from styletransfer.pictures.images import resize
from styletransfer.settings import Settings
from styletransfer.study import distances, distributions, metrics
from styletransfer.study.distances import StyleReference
from styletransfer.weights.backbones import networks

# The judge's yardsticks come first, and its networks may not be here.
MEASURED = list(metrics.YARDSTICKS)[0 if networks()["judge"].here else 3 :]


def test_rgb_uv_histogram(rng):
    """Afifi et al.'s sums, pixel by pixel."""
    picture = rng.random((2, 3, 3))
    bins = np.linspace(-3, 3, 64)
    expected = np.zeros((3, 64, 64))
    for r, g, b in picture.reshape(-1, 3):
        for plane, (own, first, second) in enumerate([(r, g, b), (g, r, b), (b, r, g)]):
            u, v = (np.log((own + 1e-6) / (other + 1e-6)) for other in (first, second))
            for i, bin_u in enumerate(bins):
                near = 1 / (1 + ((u - bin_u) / 0.02) ** 2) / (1 + ((v - bins) / 0.02) ** 2)
                expected[plane, i] += np.sqrt(r * r + g * g + b * b + 1e-6) * near
    found = distances.rgb_uv_histogram(picture)
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-5)


def test_rgb_uv_histogram_of_changed_colours(pair):
    picture = 0.1 + 0.9 * pair[0]
    found = distances.rgb_uv_histogram(picture)
    assert found.sum() == pytest.approx(1)
    # Red and blue exchanged: their planes too, and in them the two axes.
    turned = distances.rgb_uv_histogram(picture[..., ::-1])
    np.testing.assert_allclose(turned[2], found[0].T, rtol=1e-6)
    np.testing.assert_allclose(turned[1], found[1].T, rtol=1e-6)
    apart = {
        name: distributions.hellinger(found, distances.rgb_uv_histogram(changed))
        for name, changed in {
            "darker": 0.5 * picture,
            "mirrored": picture[:, ::-1],
            "warmer": picture * [1, 0.9, 0.8],
            "warm": picture * [1, 0.7, 0.4],
            "black": 0 * picture,
        }.items()
    }
    assert apart["mirrored"] == pytest.approx(0, abs=1e-7)
    assert apart["darker"] < 0.01 < 0.2 < apart["warmer"] < apart["warm"]
    assert np.isfinite(apart["black"])
    large = resize(picture, (160, 300))
    small = distances.rgb_uv_histogram(resize(large, (80, 150)))
    np.testing.assert_array_equal(distances.rgb_uv_histogram(large), small)


def test_pyramid_patches(rng):
    """The levels add up to the picture, and a patch is what stands in its place."""
    picture = rng.random((45, 60, 3)).astype(np.float32)
    levels = distances.pyramid_patches(picture)
    assert [level.shape for level in levels] == [(39 * 54, 3, 49), (17 * 24, 3, 49), (6 * 9, 3, 49)]
    whole = resize(resize(resize(picture, (23, 30)), (12, 15)), (6, 8))
    for level, (h, w) in zip(levels[::-1], ((12, 15), (23, 30), (45, 60)), strict=True):
        corners = level.reshape(h - 6, w - 6, 3, 7, 7)
        band = np.zeros((h, w, 3))
        band[: h - 6, : w - 6] = corners[:, :, :, 0, 0]
        band[h - 6 :, : w - 6] = corners[-1, :, :, 1:, 0].transpose(2, 0, 1)
        band[: h - 6, w - 6 :] = corners[:, -1, :, 0, 1:].transpose(0, 2, 1)
        band[h - 6 :, w - 6 :] = corners[-1, -1, :, 1:, 1:].transpose(1, 2, 0)
        whole = resize(whole, (h, w)) + band
    # An enlargement is clipped to [0, 1] where the picture is not: what is left is small.
    np.testing.assert_allclose(whole, picture, atol=1e-4)
    standard = distances.standardized(levels[0]).reshape(-1, 3, 49)
    np.testing.assert_allclose(standard.mean((0, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(standard.std((0, 2)), 1, atol=1e-4)


@pytest.mark.slow
def test_patch_wasserstein_sees_texture_and_no_colour(rng):
    """Grain of another direction is far away; in other colours, paler or elsewhere it is not."""
    grain = rng.random((96, 24, 1)).repeat(4, 1) * 0.4 + 0.3
    grain = grain * np.ones(3)
    reference = StyleReference(grain, size=96, positions=2000, backbone="embedded")
    alike = [grain * [1, 0.8, 0.6], 0.25 + 0.5 * grain, grain[::-1]]
    *near, turned = (
        reference.distances(picture)["patch Wasserstein"]
        for picture in (*alike, grain.transpose(1, 0, 2))
    )
    assert max(near) < 0.06 < 0.1 < turned


@pytest.fixture(scope="module")
def painted(pair):
    """A reference that counts every position of one painting, 45 x 48."""
    return StyleReference(pair[1], size=48, backbone="embedded")


def test_the_layers_are_not_the_objectives(painted):
    assert not set(painted.layers) & {*Settings.style_layers, *Settings.content_layers}


def test_style_distances_from_features_by_numpy(painted, pair, embedded_features):
    picture, painting = resize(pair[0], (36, 48)), resize(pair[1], (48, 45))
    found, target = embedded_features(picture), embedded_features(painting)
    rows = []
    for layer in ("block2_conv2", "block3_conv3", "block4_conv3"):
        f, t = (each[layer].reshape(-1, each[layer].shape[-1]) for each in (found, target))
        scale = np.sqrt(t.var(0).mean())
        f, t = f / scale, t / scale
        alike = (
            distributions.sliced_wasserstein,
            distributions.mean_std,
            distributions.squared_mmd,
        )
        rows.append(
            [
                *(function(f, t) for function in alike),
                distributions.frechet(f, t) / len(f.T),
                distributions.relaxed_emd(f, t),
            ]
        )
    measured = painted.distances(pair[0])
    assert list(measured) == list(metrics.YARDSTICKS)[7:14]
    *style, _, colour = measured.values()
    assert style == pytest.approx(np.mean(rows, axis=0), rel=2e-3)
    histograms = [distances.rgb_uv_histogram(each) for each in (picture, painting)]
    assert colour == pytest.approx(distributions.hellinger(*histograms))


def test_the_painting_itself_has_no_distance(painted, pair):
    measured = painted.distances(pair[1])
    # unbiased, of as few as 30 positions
    assert measured.pop("squared MMD") == pytest.approx(0, abs=0.05)
    assert list(measured.values()) == pytest.approx([0] * 6, abs=1e-5)
    # so too where some positions count only
    few = StyleReference(pair[1], size=48, positions=20, backbone="embedded").distances(pair[1])
    assert few["sliced Wasserstein"] == few["mean and deviation"] == 0


@pytest.mark.slow
def test_more_noise_is_further_away(painted, pair, rng):
    noise = rng.normal(size=pair[1].shape)
    noisy = [np.clip(pair[1] + strength * noise, 0, 1) for strength in (0, 0.1, 0.3)]
    style = [painted.distances(picture) for picture in noisy]
    for name in style[0]:
        values = [row[name] for row in style]
        assert values == sorted(set(values)), name
    content = metrics.compare(dict(enumerate(noisy)), pair[1], painted)
    for name in MEASURED:
        values, better = content[name].tolist(), metrics.YARDSTICKS[name].better
        assert values == sorted(set(values), reverse=better == "higher"), name


def test_the_seed_decides(pair):
    def measured(**options):
        options |= {"size": 48, "positions": 24, "backbone": "embedded"}
        return StyleReference(pair[1:], **options).distances(pair[0])

    first, again, other = measured(), measured(seed=0), measured(seed=1)
    assert first == again
    assert all(first[name] != other[name] for name in first if name != "RGB-uv to paintings")


def test_paintings_of_a_collection_count_the_same(rng):
    """Of the larger painting as many positions as the smaller has, 16 x 8, whatever is asked."""
    paintings = [rng.random((32, 32, 3)), rng.random((32, 16, 3))]
    options = {"size": 32, "layers": ["conv2_2"], "backbone": "embedded"}
    all_there_are, as_many = (
        StyleReference(paintings, positions=n, **options) for n in (4096, 256)
    )
    assert all_there_are.layers == ("block2_conv2",)
    found = [reference.distances(paintings[0]) for reference in (all_there_are, as_many)]
    for each in found:
        assert each.pop("patch Wasserstein") > 0  # of which there are more
    assert found[0] == found[1]
    histograms = [distances.rgb_uv_histogram(painting) for painting in paintings]
    np.testing.assert_allclose(as_many.colours, np.mean(histograms, axis=0))


def test_paintings_share_the_number_of_positions_but_not_the_places(rng):
    """The same 32 of 64 positions twice would be as once, and all 64 twice as the whole."""
    painting = rng.random((32, 32, 3))
    options = {"size": 32, "layers": ["conv3_1"], "backbone": "embedded"}
    once, whole = (StyleReference(painting, positions=n, **options) for n in (32, 64))
    twice = StyleReference([painting, painting], positions=64, **options)
    picture = painting[:, :16]  # 32 positions, which all count
    found = [style.distances(picture)["mean and deviation"] for style in (once, whole, twice)]
    assert found[2] != pytest.approx(found[0], rel=1e-3)
    assert found[2] != pytest.approx(found[1], rel=1e-3)


def test_compare(painted, pair, rng):
    photo = pair[0]
    copies = {"content copy": photo, "style copy": resize(pair[1], photo.shape[:2])}
    table = metrics.compare({**copies, "noise": rng.random(photo.shape)}, photo, painted)
    assert list(table) == list(metrics.YARDSTICKS)
    assert list(table.index) == ["content copy", "style copy", "noise"]
    kinds = [yardstick.kind for yardstick in metrics.YARDSTICKS.values()][3:]  # behind the judge's
    assert kinds == sorted(kinds, key=["content", "style", "colour"].index)
    for name in MEASURED:
        yardstick = metrics.YARDSTICKS[name]
        of_content = yardstick.kind == "content" or name.endswith("photograph")
        good, bad = ("content copy", "style copy") if of_content else ("style copy", "content copy")
        order = table[name].sort_values(ascending=yardstick.better == "lower")
        assert order.index[0] == good, name
        assert table[name][good] != pytest.approx(table[name][bad], rel=0.1)
    itself = table.loc["content copy", ["VGG content", "SSIM", "MS-SSIM", "GMSD"]].tolist()
    assert itself == pytest.approx([0, 1, 1, 0], abs=1e-6)
    assert table.loc["style copy", "VGG content"] == metrics.vgg_content(
        copies["style copy"], photo, backbone="embedded"
    )
    assert metrics.compare({}, photo, painted).empty


def test_bad_paintings(painted, pair):
    for paintings, options, message in (
        ([], {}, "the collection is empty"),
        (np.zeros((0, 8, 8, 3)), {}, "the collection is empty"),
        (np.zeros((8, 8, 3, 1, 1)), {}, "painting 0 must be an array"),
        ([pair[1], 255 * pair[1]], {}, r"painting 1 must lie in \[0, 1\]"),
        ([pair[1], pair[1][:20]], {}, "painting 1 has 64 x 21 pixels.*sides of 32"),
        (pair[1], {"positions": 1}, "do not vary"),
        (pair[1], {"layers": ["conv9_9"]}, "unknown layer"),
        (pair[1], {"layers": []}, "no layer"),
    ):
        with pytest.raises(InputError, match=message):
            StyleReference(paintings, **{"size": 64, "backbone": "embedded", **options})
    with pytest.raises(InputError, match="the picture has 48 x 15 pixels"):
        painted.distances(pair[0][:20, :64])
    with pytest.raises(InputError, match="one shape"):
        metrics.compare({"style copy": pair[1]}, pair[0], painted)
