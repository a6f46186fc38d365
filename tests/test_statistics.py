"""Style statistics against NumPy, SciPy and answers that are known without a computer."""

import json

import numpy as np
import pytest
import scipy.linalg

from styletransfer import Objective, sweep, transfer
from styletransfer._tensorflow import tf
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.explorer.controls import Controls
from styletransfer.pictures.images import resize
from styletransfer.runs import memory
from styletransfer.runs.schedule import Stage
from styletransfer.settings import Settings
from styletransfer.statistics import STATISTICS
from styletransfer.study.distributions import frechet, squared_mmd
from styletransfer.weights.backbones import load_weights

from . import reference

OWN = ("gram", "shifted_gram", "mean_std", "mean_cov", "gaussian_w2", "mmd", "histogram")
TINY = {"size": 48, "steps": 2, "backbone": "embedded"}


def moments(columns):
    return columns.mean(0), np.cov(columns, rowvar=False, bias=True).reshape(columns.shape[1], -1)


def drawn(filters, count):
    return np.random.default_rng(0).standard_normal((filters, count), np.float32)


def numpy_gram(columns):
    return columns.T @ columns / len(columns)


def numpy_shifted(columns, shape):
    features = columns.reshape(*shape, -1)
    down, right = (min(4, side // 2) for side in shape)
    pairs = (features[down:], features[: shape[0] - down])
    beside = (features[:, right:], features[:, : shape[1] - right])
    found = [np.einsum("yxi,yxj->ij", *p) / p[0][..., 0].size for p in (pairs, beside)]
    return np.stack([numpy_gram(columns), *found])


def numpy_root(columns):
    mean, covariance = moments(columns)
    root = scipy.linalg.sqrtm(covariance + 1e-4 * np.eye(len(mean))).real
    return np.sqrt(len(mean)) * np.vstack([mean, root])


def numpy_waves(columns):
    filters = columns.shape[1]
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, 2 * filters)
    angles = columns @ drawn(filters, 2 * filters) / (3 * np.sqrt(filters)) + phases
    return np.sqrt(2) * np.cos(angles).mean(0)


def numpy_histogram(columns):
    directions = drawn(columns.shape[1], columns.shape[1])
    projections = columns @ (directions / np.linalg.norm(directions, axis=0))
    thresholds = np.array([-7, -5, -3, -1, 1, 3, 5, 7])[:, None, None]
    return (1 / (1 + np.exp(projections - thresholds))).mean(1)


NUMPY = {
    "gram": lambda columns, _: numpy_gram(columns),
    "shifted_gram": numpy_shifted,
    "mean_std": lambda columns, _: np.stack([columns.mean(0), np.sqrt(columns.var(0) + 1e-8)]),
    "mean_cov": lambda columns, _: 2.0 * np.vstack(moments(columns)),
    "gaussian_w2": lambda columns, _: 1.2 * numpy_root(columns),
    "mmd": lambda columns, _: 8.0 * numpy_waves(columns),
    "histogram": lambda columns, _: 26.0 * numpy_histogram(columns),
}


def of(name, columns, shape=None, unit=1.0):
    """The library's statistic of columns (M, N), without its gain."""
    features = tf.constant(np.reshape(columns, (1, *(shape or (1, len(columns))), -1)), tf.float32)
    found = STATISTICS[name](features, per_position=True, unit=unit).numpy()
    return found / (STATISTICS[name].gain or 1)


def apart(name, a, b):
    """The squared distance of two samples."""
    return np.square(of(name, a).astype(np.float64) - of(name, b))


def test_there_are_no_others():
    assert tuple(name for name, each in STATISTICS.items() if each.own) == tuple(NUMPY)
    assert set(NUMPY) == set(OWN)


@pytest.mark.parametrize("name", OWN)
def test_value_and_gradient(name, rng):
    """By NumPy in float64, in units of two, and its central differences."""
    shape, unit = (6, 9), 2.0
    columns = 3 * rng.random((54, 5)) * (rng.random((54, 5)) < 0.6)
    target = rng.normal(size=NUMPY[name](columns, shape).shape)
    there = STATISTICS[name]
    scale = 1.0 if there.gain is None else unit

    def loss(values):
        found = scale**2 * NUMPY[name](values / scale, shape)
        return float(np.square(found - target).sum()), found

    features = tf.Variable(columns.reshape(1, *shape, 5), dtype=tf.float32)
    with tf.GradientTape() as tape:
        found = there(features, per_position=True, unit=unit)
        value = tf.reduce_sum(tf.square(found - tf.constant(target, tf.float32)))
    expected, each = loss(columns)
    np.testing.assert_allclose(found, each, rtol=2e-3, atol=2e-3 * np.abs(each).max())
    assert float(value) == pytest.approx(expected, rel=1e-3)
    gradient = tape.gradient(value, features).numpy().reshape(columns.shape).astype(np.float64)
    for direction in (gradient, rng.normal(size=columns.shape)):
        step = 1e-5 * direction / np.abs(direction).max()
        slope = loss(columns + step)[0] - loss(columns - step)[0]
        assert 2 * (gradient * step).sum() == pytest.approx(slope, rel=5e-3)


def test_one_gram_matrix_and_two_of_everything_else(rng):
    """Risser et al. 2017: mean 1/√2 and variance 0, mean 1/2 and variance 1/4."""
    even = np.full((400, 1), np.sqrt(0.5))
    spread = rng.permutation(np.repeat([0.0, 1.0], 200))[:, None]
    assert of("gram", even) == pytest.approx(of("gram", spread), rel=1e-5)
    for name in set(OWN) - {"gram"}:
        assert np.sqrt(apart(name, even, spread).max()) > 0.01 * np.abs(of(name, even)).max(), name
    assert of("mean_cov", even) == pytest.approx(np.array([[np.sqrt(0.5)], [0]]), abs=1e-6)
    assert of("mean_cov", spread) == pytest.approx(np.array([[0.5], [0.25]]), abs=1e-6)


def test_the_wasserstein_distance_of_two_normal_distributions(rng):
    """N(0, 1) to N(2, 9) is 8; never too small, and exact where the covariances commute."""
    assert apart("gaussian_w2", [[-1], [1]], [[-1], [5]]).sum() == pytest.approx(8, rel=1e-4)
    white = rng.normal(size=(300, 6))
    white -= white.mean(0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False, bias=True))).T
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    a, b = ((white * rng.uniform(1, 3, 6)) @ turn + rng.normal(size=6) for _ in range(2))
    exact = frechet(a, b)  # unbiased covariances: a share of 1/300 more of them
    assert apart("gaussian_w2", a, b).sum() / 6 == pytest.approx(exact, rel=1e-2)
    # Deviations of 4 and 1 along the axes and the same turned by 45°: 9, where W₂² is 7.43.
    long = white[:, :2] * (4, 1)
    turned = long @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    assert apart("gaussian_w2", long, turned).sum() / 2 == pytest.approx(9, rel=1e-3)
    assert frechet(long, turned) == pytest.approx(34 - 2 * np.sqrt(176.5), rel=1e-2)


def test_a_translation_seen_along_directions(rng):
    """By m in N dimensions, sliced W₂² is ‖m‖²/N: along w both distributions are |wᵀm| apart."""
    points = rng.normal(size=(50, 256))
    ratios = []
    for _ in range(64):
        move = rng.normal(size=256) / 16
        along = 2 * np.abs(of("histogram", points + move) - of("histogram", points)).sum(0)
        ratios.append(np.square(along).mean() / (move @ move / 256))
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


def test_mmd_is_that_of_its_kernel(rng):
    a, b = rng.normal(size=(60, 512)), rng.normal(0.2, 1.5, size=(50, 512))

    def kernel(x, y):
        squares = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
        return np.exp(-squares / (2 * 9 * 512)).mean()

    exact = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    assert apart("mmd", a, b).mean() == pytest.approx(exact, rel=0.1)
    # The width is that of the yardstick where ‖f − g‖² is 9 N in the mean.
    b *= np.sqrt(9 * 512 / (2 * moments(b)[1].trace()))
    found = apart("mmd", a, b).mean() - squared_mmd(a, b)
    assert abs(found) < 0.05  # the yardstick leaves out the pairs of a point with itself


def test_a_shifted_gram_matrix_sees_what_stands_where(rng):
    """Stripes eight wide, and their columns in another order."""
    stripes = np.tile(np.repeat(np.eye(2), 8, 0), (3, 1))[None].repeat(16, 0)  # (16, 48, 2)
    order = rng.permutation(48)
    found, other = (
        of("shifted_gram", s.reshape(-1, 2), (16, 48)) for s in (stripes, stripes[:, order])
    )
    np.testing.assert_allclose(found[0], other[0], atol=1e-6)
    np.testing.assert_allclose(found[1], other[1], atol=1e-6)  # columns are alike all the way down
    # Of 44 pairs four apart, half lie in one stripe.
    assert found[2].trace() == pytest.approx(24 / 44, abs=0.01)
    assert np.abs(found[2] - other[2]).max() > 0.02


def test_features_that_do_not_vary_have_finite_gradients():
    """All eigenvalues are equal then, and zero."""
    for name in OWN:
        features = tf.Variable(tf.ones((1, 4, 4, 3)))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(STATISTICS[name](features, per_position=True) - 1.0))
        assert np.isfinite(tape.gradient(loss, features)).all(), name


@pytest.mark.parametrize(("name", "form"), [("mmd", "gatys-code"), ("histogram", "gatys")])
def test_units_are_mean_activations(name, form, pair, scales):
    """The objective's style loss from NumPy's features over their layer's mean; λ enlarges it."""
    options = {"statistic": name, "form": form, "style_layers": ["conv3_1"], "content_layers": ()}
    loaded, means = load_weights("embedded"), scales("avg")
    network = loaded.kernels, loaded.biases, "avg", means if form == "gatys" else None
    maps = [reference.features(p, *network, padding=Settings.padding) for p in pair]
    columns = [found["block3_conv1"].reshape(-1, 256) for found in maps]
    unit = 1.0 if form == "gatys" else means["block3_conv1"].mean()
    found, target = (unit**2 * NUMPY[name](each / unit, None) for each in columns)
    objective = Objective(None, pair[1], omega=[1.0], backbone="embedded", **options)
    expected = objective.form.style_factor * np.square(found - target).mean()
    assert objective(pair[0]).style == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("name", ["mean_cov", "gaussian_w2", "mmd", "histogram"])
def test_tiles_equal_the_whole(name, pair):
    photo = resize(pair[0], (90, 121))
    options = {"statistic": name, "style_layers": ["conv1_1", "conv3_1"], "content_layers": ()}
    (a, whole), (b, tiled) = (
        Objective(None, pair[1], tile=tile, backbone="embedded", **options).value_and_gradient(
            photo
        )
        for tile in (None, 64)
    )
    assert b.total == pytest.approx(a.total, rel=1e-4)
    assert np.abs(tiled - whole).max() < 1e-3 * np.abs(whole).max()


def test_what_does_not_add_up_is_no_statistic_of_tiles(pair, monkeypatch):
    """Neither where tiles are asked for nor where a picture does not fit into memory whole."""
    options = {"statistic": "shifted_gram", "backbone": "embedded", "progress": False}
    with pytest.raises(InputError, match="does not add up over the parts of a picture"):
        transfer(*pair, size=96, tile=64, **options)
    monkeypatch.setattr(memory, "available", lambda: 2.0e9)
    with pytest.raises(InputError, match=r"GB can be used; the largest size that fits is \d+ px"):
        transfer(*pair, size=4096, **options)


def test_what_needs_more_memory_says_so():
    """As measured: `study.costs.peak_memory` of one evaluation at 512 px, less Gram's."""
    needed = {
        name: memory.memory(
            Settings(statistic=name), "vgg16", Stage(512, 1, "winograd"), ((360, 512), (405, 512))
        )
        for name in OWN
    }
    more = {name: (needed[name] - needed["gram"]) / 1e6 for name in OWN}
    measured = {"mmd": 212, "histogram": 235, "shifted_gram": 485}
    assert more == pytest.approx({**dict.fromkeys(OWN, 0), **measured}, abs=15)


@pytest.mark.slow
def test_in_a_sweep_and_on_the_page(pair, tmp_path):
    grid = {"statistic": ["gram", "mean_cov"]}
    runs = sweep(*pair, grid, store=tmp_path, progress=False, **TINY)
    assert runs.table["statistic"].tolist() == ["gram", "mean_cov"]
    assert not np.array_equal(runs[0].image, runs[1].image)
    offered = [value for _, value in Controls().fields["statistic"].options]
    assert offered == list(STATISTICS)


@pytest.mark.slow
def test_on_the_command_line_and_again_from_the_record(words, tmp_path, capsys):
    """Also in two sizes, where the second one's layers are larger."""
    sizes = ("--sizes", "40,48", "--steps", "2,2", "--backbone", "embedded", "--quiet")
    for name in ("gaussian_w2", "histogram"):
        made = ["good.png", "night_cafe", "--out", f"{name}.png", "--statistic", name, *sizes]
        assert main(made) == 0
        record = json.loads((tmp_path / f"{name}.json").read_text())
        assert record["settings"]["statistic"] == name
        before = (tmp_path / f"{name}.png").read_bytes()
        assert main(["--replay", f"{name}.json", "--quiet"]) == 0
        assert "differs" not in capsys.readouterr().err
        assert (tmp_path / f"{name}.png").read_bytes() == before
    said = words("good.png", "night_cafe", "--out", "x.png", "--statistic", "histograms")
    assert "did you mean 'histogram'" in said
