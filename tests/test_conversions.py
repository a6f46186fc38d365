"""The λ dictionary against each program's objective, written here as its source has it."""

import numpy as np
import pytest
import tensorflow as tf

from styletransfer import Objective, load_image
from styletransfer.errors import InputError
from styletransfer.network import loss_network
from styletransfer.pictures.images import resize
from styletransfer.scaling import rescaled
from styletransfer.study import conversions
from styletransfer.weights.backbones import load_weights

SHAPE = (75, 98)  # odd, so that pooling drops something


def features(image, layers, *, scaled, pooling):
    weights = load_weights("embedded")
    used = rescaled(weights, pooling=pooling) if scaled else weights
    network = loss_network(used, tuple(sorted(layers)), pooling=pooling)
    return network(image)


def flat(feature):
    return tf.reshape(feature, (-1, feature.shape[-1]))


def paper(x, p, a, content, style, alpha, beta):
    (layer,) = content
    loss = alpha * 0.5 * tf.reduce_sum((x[layer] - p[layer]) ** 2)
    for name in style:
        F, A = flat(x[name]), flat(a[name])
        N, M = F.shape[1], F.shape[0]
        G, A = (
            tf.transpose(F) @ F / M,
            tf.transpose(A) @ A / len(A),
        )  # pictures of two sizes: per position
        loss += beta * (1 / 5) * tf.reduce_sum((G - A) ** 2) / (4 * N**2)
    return loss


def neural_style(x, p, a, content, style, alpha, beta):
    (layer,) = content
    loss = alpha * tf.reduce_mean((x[layer] - p[layer]) ** 2)
    for name in style:
        F, A = flat(x[name]), flat(a[name])
        G, A = (
            tf.transpose(F) @ F / tf.size(F, tf.int32).numpy(),
            tf.transpose(A) @ A / tf.size(A).numpy(),
        )
        loss += beta * tf.reduce_mean((G - A) ** 2)
    return loss


def keras(x, p, a, content, style, alpha, beta):
    (layer,) = content
    loss = alpha * tf.reduce_sum((x[layer] - p[layer]) ** 2)
    for name in style:
        F, A = flat(x[name]), flat(a[name])
        G, A = tf.transpose(F) @ F, tf.transpose(A) @ A
        loss += beta / 5 * tf.reduce_sum((G - A) ** 2) / (4.0 * 3**2 * (SHAPE[0] * SHAPE[1]) ** 2)
    return loss


def tensorflow(x, p, a, content, style, alpha, beta):
    (layer,) = content
    loss = alpha * tf.reduce_mean((x[layer] - p[layer]) ** 2)
    for name in style:
        F, A = flat(x[name]), flat(a[name])
        G, A = tf.einsum("ki,kj->ij", F, F) / len(F), tf.einsum("ki,kj->ij", A, A) / len(A)
        loss += beta * tf.reduce_mean((G - A) ** 2) / 5
    return loss


def authors(x, p, a, content, style, alpha, beta):
    (layer,) = content
    loss = alpha * tf.reduce_mean((x[layer] - p[layer]) ** 2)
    for name, n in zip(style, (64, 128, 256, 512, 512), strict=True):
        F, A = flat(x[name]), flat(a[name])
        loss += (
            beta
            * 1e3
            / n**2
            * tf.reduce_mean((tf.transpose(F) @ F / len(F) - tf.transpose(A) @ A / len(A)) ** 2)
        )
    return loss


PROGRAMS = {
    "paper": paper,
    "neural-style": neural_style,
    "keras": keras,
    "tensorflow": tensorflow,
    "gatys-code": authors,
}


def cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["painting", "noise"])
@pytest.mark.parametrize(
    ("photo", "painting"), [("petra", "night_cafe"), ("eiffel_tower", "langlois_bridge")]
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_converted_settings_have_the_same_gradient(name, photo, painting, start):
    content, style = resize(load_image(photo), SHAPE), resize(load_image(painting), SHAPE)
    image = (
        style
        if start == "painting"
        else np.random.default_rng(0).random(content.shape, dtype=np.float32)
    )
    image = 0.7 * content + 0.3 * image
    convention = conversions.CONVENTIONS[name]

    def gradient(lam_factor=1.0, **weights):
        settings = conversions.settings_of(name, SHAPE, **weights)
        settings["lam"] *= lam_factor
        objective = Objective(content, style, backbone="embedded", precision="float32", **settings)
        return objective.value_and_gradient(image)[1]

    # With weights that let both terms pull alike: else a wrong ratio would not be seen.
    alone = gradient(0.0)
    beta = convention.style_weight * np.linalg.norm(alone) / np.linalg.norm(gradient() - alone)
    layers = {*convention.content_layers, *convention.style_layers}
    kind = {"scaled": convention.network == "scaled", "pooling": convention.pooling}
    p, a = (features(tf.constant(picture[None]), layers, **kind) for picture in (content, style))
    x = tf.constant(image[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        names = (convention.content_layers, convention.style_layers)
        loss = PROGRAMS[name](
            features(x, layers, **kind), p, a, *names, convention.content_weight, beta
        )
    expected = tape.gradient(loss, x)[0].numpy()
    assert cosine(gradient(style_weight=beta), expected) >= 0.9999
    for wrong in (0.5, 2.0):
        assert cosine(gradient(wrong, style_weight=beta), expected) < 0.999


@pytest.mark.slow
def test_our_forms_are_their_own_translation():
    """λ is the style weight; the authors' default need not be the form's."""
    for form in ("gatys", "gatys-code"):
        pictures = np.random.default_rng(0).random((2, 32, 32, 3))
        objective = Objective(*pictures, form=form, backbone="embedded")
        settings = conversions.settings_of(form, SHAPE, style_weight=objective.lam)
        assert settings["lam"] == pytest.approx(objective.lam)
        assert settings["omega"] == pytest.approx(objective.omega)
        assert settings["form"] == form


def test_the_authors_own_settings():
    """leongatys/PytorchNeuralStyleTransfer@be6c8e2, NeuralStyleTransfer.ipynb."""
    settings = conversions.settings_of("gatys-code", SHAPE)
    assert (settings["lam"], settings["pooling"], settings["padding"]) == (1, "max", "zero")
    assert settings["omega"] == pytest.approx([1e3 / n**2 for n in (64, 128, 256, 512, 512)])


def test_known_ratios():
    """From the sources: neural-style has a fiftieth of the authors' style; the literal α/β."""
    assert conversions.settings_of("neural-style", SHAPE)["lam"] == pytest.approx(0.02)
    # cw = 10⁶, Σ sw = 10⁹ in NeuralImageSynthesis is α/β = 2.4e-10, to the letter at 512 px
    literal = conversions.settings_of(
        "paper", (512, 512), content_weight=2 * 1e6 / (512 * 64 * 64), style_weight=4e9
    )
    assert literal["lam"] == pytest.approx(2 * 1e9 / 1e6)
    assert conversions.settings_of("paper", (512, 512))["lam"] == pytest.approx(
        1e3 / (512 * 64 * 64)
    )


def test_there_and_back():
    for name in conversions.CONVENTIONS:
        weight = conversions.style_weight_of(name, SHAPE, 12.5)
        assert conversions.settings_of(name, SHAPE, style_weight=weight)["lam"] == pytest.approx(
            12.5
        )


def test_table():
    table = conversions.table(SHAPE)
    assert list(table.index) == list(conversions.CONVENTIONS)
    assert table.loc["neural-style", "as neural-style"] == pytest.approx(100)
    assert table.loc["gatys-code", "as neural-style"] == pytest.approx(5000)
    assert np.isnan(table.loc["gatys", "as keras"])


def test_unknown_convention():
    with pytest.raises(
        InputError, match="unknown convention 'nueral-style'; did you mean 'neural-style'"
    ):
        conversions.settings_of("nueral-style", SHAPE)
