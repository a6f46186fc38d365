"""Losses and gradients of every form against a NumPy computation and finite differences of it."""

import numpy as np
import pytest

from styletransfer import Objective, transfer
from styletransfer._tensorflow import tf
from styletransfer.errors import InputError
from styletransfer.forms import FORMS
from styletransfer.losses import STATISTICS, statistic
from styletransfer.settings import Settings
from styletransfer.weights.backbones import load_weights

from . import reference

CONTENT = ("block2_conv2", "block4_conv2")
STYLE = ("block1_conv1", "block3_conv1", "block5_conv1")
SCALED = ("gatys", "proposal-scaled")
POOLING = "avg"  # of every form, which `test_defaults_are_the_papers` states
LAMS = {
    **{"gatys": 30.0, "gatys-code": 0.5, "proposal": 1e-4},
    **{"proposal-squared": 1e-10, "proposal-scaled": 1e-4, "nearest": 1e5, "nearest-squared": 1e2},
}


def _reference(form, content, styles, lam, omega, scales, *, padding=Settings.padding, **kind):
    """The form's losses as a function of a picture, in float64; `kind` is for the features."""
    loaded = load_weights("embedded")
    means = scales(POOLING) if form in SCALED else None

    def features(picture):
        network = loaded.kernels, loaded.biases, POOLING, means
        return reference.features(picture, *network, padding=padding, **kind)

    targets = features(content), [features(style) for style in styles]
    names = CONTENT, STYLE
    return lambda picture: reference.losses(form, features(picture), *targets, lam, omega, *names)


CASES = [
    # Two photographs leave filters all but silent, which float32 cannot scale without a floor.
    *((form, {"floor": 0.1} if form in SCALED else {}) for form in FORMS),
    ("gatys", {"activation": "linear", "floor": 0.1}),
    ("gatys", {"floor": 0.5}),
    *(("gatys-code", {"padding": around}) for around in reference.AROUND),
    *(("gatys-code", {"padding": around, "precision": "winograd"}) for around in reference.AROUND),
]


@pytest.mark.parametrize(("form", "options"), CASES, ids=str)
def test_losses_and_gradient(form, options, pair, rng, scales):
    content, style = pair[0][:40, :48], pair[1]
    lam = LAMS[form]
    omega = (0.5, 0.3, 0.2)
    layers = {"content_layers": CONTENT, "style_layers": STYLE, "omega": omega, **options}
    objective = Objective(content, style, form=form, lam=lam, backbone="embedded", **layers)
    image = np.clip(content + rng.normal(0, 0.1, content.shape), 0, 1).astype(np.float32)
    kind = {name: value for name, value in options.items() if name != "precision"}
    expected = _reference(form, content, [style], lam, omega, scales, **kind)
    total, c, s = expected(image)
    losses, gradient = objective.value_and_gradient(image)
    assert losses.total == pytest.approx(total, rel=2e-4)
    assert losses.content == pytest.approx(c, rel=2e-4)
    assert losses.style == pytest.approx(s, rel=2e-4)
    assert losses.content == pytest.approx(sum(losses.layers["content"].values()), rel=1e-5)
    weighted = sum(w * losses.layers["style"][layer] for w, layer in zip(omega, STYLE, strict=True))
    assert losses.style == pytest.approx(weighted, rel=1e-5)
    assert objective(image).total == pytest.approx(losses.total, rel=1e-6)
    assert gradient.shape == image.shape
    assert gradient.dtype == np.float32
    # Central differences of the NumPy loss, downhill and in a direction that knows nothing of it.
    for direction in (gradient.astype(np.float64), rng.normal(size=image.shape)):
        direction = direction / np.abs(direction).max()
        epsilon = 1e-5
        slope = (
            expected(image + epsilon * direction)[0] - expected(image - epsilon * direction)[0]
        ) / (2 * epsilon)
        scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert abs(float((gradient * direction).sum()) - slope) < 2e-3 * max(
            abs(slope), 0.05 * scale
        )


@pytest.mark.parametrize("form", ["gatys", "gatys-code", "proposal", "nearest"])
def test_several_paintings_count_by_their_mean_gram_matrix(form, pair, scales):
    """Of different sizes, so that the mean of the matrices is not that of all positions.

    With `nearest` the positions of all of them are searched.
    """
    lam = LAMS[form]
    content, *paintings = (
        pair[0][:32, :40],
        pair[1][:32, :48],
        pair[0][20:36, 30:50],
        pair[1][40:, 20:],
    )
    omega = (0.5, 0.3, 0.2)
    options = {"form": form, "lam": lam, "omega": omega, "floor": 0.1}
    options |= {"content_layers": CONTENT, "style_layers": STYLE}
    objective = Objective(content, paintings, backbone="embedded", **options)
    total, _, style = _reference(form, content, paintings, lam, omega, scales, floor=0.1)(
        0.9 * content
    )
    assert objective(0.9 * content).total == pytest.approx(total, rel=2e-4)
    assert objective(0.9 * content).style == pytest.approx(style, rel=2e-4)
    alone, listed = (
        Objective(content, each, backbone="embedded", **options) for each in (pair[1], (pair[1],))
    )
    (a, slope), (b, same) = (each.value_and_gradient(0.9 * content) for each in (alone, listed))
    assert a == b
    np.testing.assert_array_equal(slope, same)


def test_total_variation(pair, rng):
    image = rng.random(pair[0].shape, dtype=np.float32)
    plain = Objective(*pair, backbone="embedded", content_layers=["conv1_1"], style_layers=())
    varied = Objective(
        *pair, backbone="embedded", content_layers=["conv1_1"], style_layers=(), tv=50.0
    )
    expected = ((image[1:] - image[:-1]) ** 2).sum() + ((image[:, 1:] - image[:, :-1]) ** 2).sum()
    losses, gradient = varied.value_and_gradient(image)
    assert losses.tv == pytest.approx(expected / image.size, rel=1e-5)
    assert losses.total - plain(image).total == pytest.approx(50 * losses.tv, rel=1e-3)
    difference = (gradient - plain.value_and_gradient(image)[1])[1:-1, 1:-1]
    laplace = (
        4 * image[1:-1, 1:-1]
        - image[:-2, 1:-1]
        - image[2:, 1:-1]
        - image[1:-1, :-2]
        - image[1:-1, 2:]
    )
    np.testing.assert_allclose(difference, 50 * 2 * laplace / image.size, atol=2e-5)


def test_mean_std_statistic(pair):
    """Li et al.'s statistic by NumPy; its gradient is finite where a filter never fires."""
    loaded = load_weights("embedded")
    options = {"form": "gatys-code", "statistic": "mean_std", "style_layers": ["conv3_1"]}
    objective = Objective(*pair, omega=[1.0], backbone="embedded", **options)
    network = loaded.kernels, loaded.biases, FORMS["gatys-code"].pooling
    found = [reference.features(p, *network, padding=Settings.padding) for p in pair]
    found = [features["block3_conv1"].reshape(-1, 256) for features in found]
    both = [np.stack([f.mean(0), np.sqrt(f.var(0) + 1e-8)]) for f in found]
    assert objective(pair[0]).style == pytest.approx(((both[0] - both[1]) ** 2).mean(), rel=1e-3)
    several = Objective(pair[0], [*pair, pair[1]], omega=[1.0], backbone="embedded", **options)
    target = (both[0] + 2 * both[1]) / 3
    assert several(pair[0]).style == pytest.approx(((both[0] - target) ** 2).mean(), rel=1e-3)
    assert np.isfinite(objective.value_and_gradient(np.zeros_like(pair[0]))[1]).all()


def test_a_new_statistic_is_one_function(pair):
    def define(factor):
        @statistic()
        def brightest(features):
            return factor * tf.reduce_sum(features**4, (0, 1, 2))

    try:
        found = []
        for factor in (1.0, 2.0):  # as when a notebook's cell is run again
            define(factor)
            found.append(
                Objective(*pair, statistic="brightest", backbone="embedded")(pair[0]).style
            )
        assert found[1] == pytest.approx(4 * found[0], rel=1e-4)
    finally:
        del STATISTICS["brightest"]
    with pytest.raises(InputError, match="unknown statistic 'gramm'; did you mean 'gram'"):
        Objective(*pair, statistic="gramm", backbone="embedded")


def test_the_targets_have_no_loss(pair):
    objective = Objective(*pair, backbone="embedded")
    assert objective(pair[0]).content < 1e-8
    # The targets are computed by another compiled function: the last bit may differ.
    assert Objective(pair[1], pair[1], backbone="embedded")(pair[1]).total < 1e-8


@pytest.mark.parametrize("form", FORMS)
def test_defaults_are_the_forms(pair, form):
    objective = Objective(*pair, form=form, backbone="embedded")
    assert objective.lam == FORMS[form].lam
    assert objective.pooling == FORMS[form].pooling
    authors = [1e3 / n**2 for n in (64, 128, 256, 512, 512)]
    expected = {"equal": [0.2] * 5, "authors": authors}[FORMS[form].omega]
    assert objective.omega == pytest.approx(expected)


def test_defaults_are_the_papers(pair):
    """Gatys et al. 2016, Sec. 2 and 3, but for the form, which is the authors' later code."""
    objective = Objective(*pair, backbone="embedded")
    assert objective.content_layers == ("block4_conv2",)
    assert objective.style_layers == tuple(f"block{b}_conv1" for b in range(1, 6))
    assert objective.form == FORMS["gatys-code"]
    assert [FORMS[form].pooling for form in FORMS] == ["avg"] * len(FORMS)
    assert [form for form in FORMS if FORMS[form].omega == "authors"] == ["gatys-code"]
    assert [form for form in FORMS if FORMS[form].scaled] == ["gatys", "proposal-scaled"]


def test_weights_change_without_a_new_trace(pair):
    objective = Objective(*pair, backbone="embedded")
    before = objective.value_and_gradient(pair[1][:48, :48].repeat(2, 1)[:, :64])[0]
    traces = objective.traces
    objective.lam, objective.omega = 10.0, (1.0, 0.0, 0.0, 0.0, 0.0)
    after = objective.value_and_gradient(pair[1][:48, :48].repeat(2, 1)[:, :64])[0]
    assert objective.traces == traces
    assert after.style == pytest.approx(before.layers["style"]["block1_conv1"], rel=1e-5)
    assert after.total == pytest.approx(after.content + 10 * after.style, rel=1e-5)


def test_one_term_alone(pair):
    style = Objective(None, pair[1], content_layers=(), backbone="embedded")
    losses = style(np.zeros((50, 70, 3), np.float32))
    assert losses.content == 0
    assert losses.layers["content"] == {}
    alone = Objective(
        None, pair[1], content_layers=(), style_layers="conv1_1", omega=0.5, backbone="embedded"
    )
    assert alone.omega == (0.5,)
    content = Objective(pair[0], None, style_layers=(), backbone="embedded")
    assert content(pair[0]).total < 1e-8


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"lam": -1.0}, "lam must be a number of at least 0"),
        ({"lam": float("nan")}, "lam must be finite"),
        ({"form": "gaty"}, "did you mean 'gatys'"),
        ({"pooling": "mean"}, "unknown pooling"),
        ({"omega": (1.0,)}, "one for each"),
        ({"omega": (1.0, -1.0, 1.0, 1.0, 1.0)}, "omega must be"),
        ({"content_layers": ["block4_conv7"]}, "unknown layer 'block4_conv7'; did you mean"),
        ({"content_layers": ["conv5_4"]}, "unknown layer of vgg16"),
        ({"style_layers": ["conv1_1", "block1_conv1"]}, "names a layer twice"),
        ({"content_layers": (), "style_layers": ()}, "at least one"),
        ({"tv": "much"}, "tv must be a number"),
        ({"backbone": "vgg17"}, "unknown backbone"),
    ],
)
def test_bad_options(pair, options, complaint):
    with pytest.raises(InputError, match=complaint):
        Objective(*pair, **{"backbone": "embedded", **options})


def test_bad_pictures(pair):
    with pytest.raises(InputError, match="too few for the deepest layer"):
        Objective(pair[0][:15], pair[1], backbone="embedded")
    with pytest.raises(InputError, match="the style picture has values that are not finite"):
        Objective(pair[0], pair[1] * np.nan, backbone="embedded")
    with pytest.raises(InputError, match="the style picture has values that are not finite"):
        Objective(pair[0], [pair[1], pair[1] * np.nan], backbone="embedded")
    with pytest.raises(InputError, match="too few for the deepest layer"):
        Objective(pair[0], [pair[1], pair[1][:15]], backbone="embedded")
    with pytest.raises(InputError, match="no style picture"):
        Objective(pair[0], [], backbone="embedded")
    with pytest.raises(InputError, match="no content picture"):
        Objective(None, pair[1], backbone="embedded")
    objective = Objective(*pair, backbone="embedded")
    with pytest.raises(InputError, match="must have the shape"):
        objective(pair[1])
    with pytest.raises(InputError, match="omega has 1 weights"):
        objective.omega = (1.0,)
    with pytest.raises(InputError, match="below the 16 pixels"):
        Objective(None, pair[1], content_layers=(), backbone="embedded")(np.zeros((8, 64, 3)))


SMALLEST = [
    *(("conv1_1", "replicate", 1), ("conv1_2", "reflect", 2), ("conv2_1", "zero", 2)),
    *(("conv2_1", "reflect", 4), ("conv3_1", "reflect", 4), ("conv4_1", "reflect", 8)),
]


@pytest.mark.parametrize(("layer", "padding", "least"), SMALLEST)
def test_the_smallest_pictures(pair, layer, padding, least):
    """A border can be repeated, but mirrored only where there is something beside it."""
    options = {"content_layers": [layer], "style_layers": (), "padding": padding}
    options |= {"backbone": "embedded"}
    photo = pair[0][:least, :24]
    objective = Objective(photo, None, **options)
    assert np.isfinite(objective.value_and_gradient(0.9 * photo)[1]).all()
    if least > 1:
        complaint = rf"the short side needs {least}\)"
        with pytest.raises(InputError, match=complaint):
            Objective(photo[1:], None, **options)
        with pytest.raises(InputError, match=complaint):
            transfer(photo[1:], pair[1], sizes=(24,), progress=False, **options)
        options |= {"content_layers": (), "style_layers": [layer]}
        style = Objective(None, pair[1], **options)
        with pytest.raises(InputError, match=f"below the {least} pixels"):
            style(photo[1:])


def test_constant_pictures_have_finite_gradients():
    flat = np.full((32, 32, 3), 0.5, np.float32)
    for form in FORMS:
        losses, gradient = Objective(
            flat, flat * 0, form=form, backbone="embedded"
        ).value_and_gradient(flat)
        assert np.isfinite(losses.total)
        assert np.isfinite(gradient).all()
