"""The networks against the published sizes, and against a second computation in NumPy."""

import numpy as np
import pytest
from scipy import ndimage

from styletransfer._tensorflow import tf
from styletransfer.cyclegan import networks
from styletransfer.cyclegan.networks import EPSILON, discriminator, generator, parameters


def test_published_sizes():
    """Zhu et al. 2017 as their code builds it: papers' and code's own counts."""
    assert generator(filters=64, blocks=9, upsampling="transposed").count_params() == 11_378_179
    assert generator(filters=64, blocks=6, upsampling="transposed").count_params() == 7_837_699
    assert discriminator(filters=64).count_params() == 2_764_737


@pytest.mark.parametrize(("filters", "blocks"), [(1, 0), (3, 2), (64, 9)])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_number_of_parameters_before_they_are_there(filters, blocks, upsampling):
    network = generator(filters=filters, blocks=blocks, upsampling=upsampling)
    assert parameters(filters=filters, blocks=blocks) == network.count_params()


def reflected(x, edge):
    return np.pad(x, ((edge, edge), (edge, edge), (0, 0)), mode="reflect")


def convolved(x, kernel, bias, stride=1):
    side = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(0, 1))[
        ::stride, ::stride
    ]
    return np.einsum("hwcij,ijcn->hwn", windows, kernel) + bias


def transposed(x, kernel, bias):
    """Every value spreads its kernel (3, 3, out, in) around its place on a grid of twice the pitch.

    PyTorch's padding of 1 and output padding of 1, which the authors' code has: the first row and
    column go.
    """
    h, w, _ = x.shape
    full = np.zeros((2 * h + 1, 2 * w + 1, kernel.shape[2]))
    for i in range(h):
        for j in range(w):
            full[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += kernel @ x[i, j]
    return full[1:, 1:] + bias


def normed(x):
    return (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + EPSILON)


def relu(x):
    return np.maximum(x, 0)


def doubled(x, upsampling):
    """Each value twice, or between two values three quarters of the nearer one (PyTorch's too)."""
    for axis in (0, 1):
        before, after = (
            np.concatenate(parts, axis)
            for parts in (
                [x.take([0], axis), x.take(range(x.shape[axis] - 1), axis)],
                [x.take(range(1, x.shape[axis]), axis), x.take([-1], axis)],
            )
        )
        near = 1 if upsampling == "nearest" else 0.75
        pair = [near * x + (1 - near) * other for other in (before, after)]
        shape = [n * (2 if i == axis else 1) for i, n in enumerate(x.shape)]
        x = np.stack(pair, axis + 1).reshape(shape)
    return x


@pytest.mark.parametrize(
    ("upsampling", "norm", "output"),
    [
        ("transposed", "instance", "picture"),
        ("nearest", "instance", "picture"),
        ("bilinear", "instance", "picture"),
        ("nearest", "clipped", "picture"),
        ("nearest", "instance", "change"),
    ],
)
def test_generator_by_hand(upsampling, norm, output, rng, monkeypatch):
    monkeypatch.setattr(networks, "CLIP", 1.5)  # so that small pictures reach it
    network = generator(
        filters=2, blocks=1, upsampling=upsampling, norm=norm, output=output, seed=1
    )

    def scaled(x):
        return normed(x) if norm == "instance" else np.clip(normed(x), -1.5, 1.5)

    weights = [rng.normal(0, 0.3, w.shape) for w in network.get_weights()]
    network.set_weights(weights)
    picture = rng.uniform(-1, 1, (16, 20, 3))
    pairs = iter(zip(weights[::2], weights[1::2], strict=True))
    x = relu(scaled(convolved(reflected(picture, 3), *next(pairs))))
    for _ in range(2):
        x = relu(scaled(convolved(reflected(x, 1), *next(pairs), stride=2)))
    inner = relu(scaled(convolved(reflected(x, 1), *next(pairs))))
    x = x + scaled(convolved(reflected(inner, 1), *next(pairs)))
    for _ in range(2):
        if upsampling == "transposed":
            x = relu(scaled(transposed(x, *next(pairs))))
        else:
            x = relu(scaled(convolved(reflected(doubled(x, upsampling), 1), *next(pairs))))
    z = convolved(reflected(x, 3), *next(pairs))
    expected = np.tanh(z + (np.arctanh(0.9 * picture) if output == "change" else 0))
    found = network(picture[None].astype(np.float32)).numpy()[0]
    assert found.shape == picture.shape
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_an_untrained_change_is_the_photograph(rng):
    network = generator(filters=2, blocks=1, upsampling="nearest", output="change")
    picture = rng.uniform(-1, 1, (1, 16, 20, 3)).astype(np.float32)
    np.testing.assert_allclose(network(picture), 0.9 * picture, atol=1e-6)


@pytest.mark.parametrize("halving", ["strided", "smoothed"])
def test_discriminator_by_hand(halving, rng):
    network = discriminator(filters=2, halving=halving, seed=1)
    weights = [rng.normal(0, 0.3, w.shape) for w in network.get_weights()]
    network.set_weights(weights)
    x = picture = rng.uniform(-1, 1, (40, 36, 3))
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    for i, (pair, stride) in enumerate(zip(pairs, (2, 2, 2, 1, 1), strict=True)):
        smoothed = halving == "smoothed" and stride == 2
        around = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        x = convolved(around, *pair, stride=1 if smoothed else stride)
        x = normed(x) if i in (1, 2, 3) else x
        x = np.where(x > 0, x, 0.2 * x) if i < 4 else x
        if smoothed:  # binomial weights, by SciPy
            for axis in (0, 1):
                x = ndimage.convolve1d(x, [0.25, 0.5, 0.25], axis, mode="nearest")
            x = x[::2, ::2]
    found = network(picture[None].astype(np.float32)).numpy()[0]
    np.testing.assert_allclose(found, x, atol=1e-3)


def waves_in_the_gradient(halving):
    """The power of waves of 4 px over that of waves of 5.3 and 3.2 px, largest of two diagonals."""
    rng, powers = np.random.default_rng(0), []
    for seed in range(6):
        network = discriminator(filters=4, halving=halving, seed=seed)
        x = tf.constant(ndimage.gaussian_filter(rng.normal(0, 9, (1, 128, 128, 3)), (0, 6, 6, 0)))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_mean(tf.square(network(x) - 1))
        gradient = tape.gradient(loss, x).numpy()[0, 32:96, 32:96].sum(-1)
        window = np.outer(*[np.hanning(65)[:-1]] * 2)
        powers.append(np.abs(np.fft.fft2(gradient * window)) ** 2)
    power = np.exp(np.log(powers).mean(0))
    peaks = [power[16, s * 16] / np.sqrt(power[12, s * 12] * power[20, s * 20]) for s in (1, -1)]
    return max(peaks)


def test_a_smoothed_discriminator_asks_for_no_ripples():
    """Odena et al. 2016: strides leave waves in gradients, here of two of them, four pixels."""
    assert waves_in_the_gradient("strided") > 2
    assert waves_in_the_gradient("smoothed") < 1.2


def test_discriminator_sees_70_pixels():
    """30 x 30 outputs of 256 px; a receptive field of 70, by arithmetic of kernels and strides."""
    network = discriminator(filters=1)
    assert network(np.zeros((1, 256, 256, 3), np.float32)).shape == (1, 30, 30, 1)
    seen = 1
    for layer in reversed(network.layers):
        if hasattr(layer, "kernel"):
            seen = (seen - 1) * layer.strides[0] + layer.kernel_size[0]
    assert seen == 70


def test_weights_are_drawn_once_for_each_layer_and_again_from_a_seed():
    network, same, other = (
        generator(filters=8, blocks=2, upsampling="nearest", seed=s) for s in (1, 1, 2)
    )
    kernels = [w for w in network.get_weights() if w.ndim == 4]
    assert not np.array_equal(kernels[3], kernels[4])  # two layers of one shape
    assert np.std(np.concatenate([k.ravel() for k in kernels])) == pytest.approx(0.02, rel=0.02)
    for a, b in zip(network.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(network.get_weights()[0], other.get_weights()[0])


def test_low_precision_is_close(rng):
    picture = rng.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    single = generator(filters=8, blocks=2, upsampling="nearest", seed=1)
    half = generator(filters=8, blocks=2, upsampling="nearest", dtype="mixed_bfloat16", seed=1)
    difference = single(picture).numpy() - half(picture).numpy()
    assert half(picture).dtype == "float32"
    assert 0 < np.abs(difference).mean() < 0.02
