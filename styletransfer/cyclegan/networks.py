"""The two networks of Zhu et al. 2017 (arXiv 1703.10593), Sec. 7.2: generator and discriminator.

Pictures are float32 (n, H, W, 3) in [-1, 1] here. Two departures: borders are reflected wherever
the generator's convolutions pad (the authors' code has zeros beside the strided ones), and the
generator can enlarge by nearest neighbours and a convolution (Odena et al. 2016), which leaves no
checkerboard. And what instance norm gives can be clipped: without that a generator puts spots of
forty deviations into its features, with which it sets the scale of all the rest, and they are seen
in the picture (Karras et al. 2020, arXiv 1912.04958, Sec. 2, call them droplets).
"""

from collections.abc import Callable
from typing import Any

from .._tensorflow import keras

MULTIPLE = 4  # sides of a picture that a generator takes are multiples of this: it halves twice
BYTES = 30
"""Bytes of memory for each pixel and each filter of the first layer; 28 and 29 were measured at
1024 and 2048 px with 32 filters (`tests/benchmarks/test_cyclegan.py`)."""

CLIP = 5.0
"""Deviations beyond which a feature is clipped where `norm` is "clipped"."""

KEPT = 0.9  # of a photograph's contrast, so that tanh has a slope at its blacks and whites

EPSILON = 1e-5  # PyTorch's, in the authors' code


def _normal(seed: keras.random.SeedGenerator) -> Callable[[], keras.initializers.Initializer]:
    """N(0, 0.02): Zhu et al. 2017, Sec. 7.1. One seed generator for all layers: each draws on."""
    return lambda: keras.initializers.RandomNormal(stddev=0.02, seed=seed)


def _instance_norm(kind: dict[str, Any]) -> keras.layers.Layer:
    """Ulyanov et al. 2016; without scale and offset, as in the authors' code."""
    kind = {**kind, "groups": -1, "epsilon": EPSILON, "center": False, "scale": False}
    return keras.layers.GroupNormalization(**kind)


def _smoothed(x: Any) -> Any:
    """The filter (1, 2, 1)/4 in both directions, with edges continued.

    It is the mean of two values, taken twice. Of what was doubled by nearest neighbours it makes
    bilinear interpolation; Keras' own layer for that asks for sizes that are known.
    """
    x = keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    for _ in range(2):
        x = keras.ops.average_pool(x, 2, strides=1, padding="valid")
    return x


def generator(
    *,
    filters: int,
    blocks: int,
    upsampling: str,
    norm: str = "instance",
    output: str = "picture",
    dtype: str = "float32",
    seed: int = 0,
) -> keras.Model:
    """The generator (after Johnson et al. 2016), a model from (n, H, W, 3) in [-1, 1] to the same.

    It is c7s1-64, d128, d256, R256 x `blocks`, u128, u64, c7s1-3. With 64 `filters` in the first
    layer it has 7,837,699 parameters (6 blocks) or 11,378,179 (9 blocks). H and W are multiples of
    `MULTIPLE`. `upsampling` is "transposed" as in the paper, "nearest" or "bilinear"; `norm` is
    "instance" as in the paper, or "clipped" to ± `CLIP`. `output` is "picture" as in the paper,
    tanh(z) of the last convolution z, or "change", of the input x tanh(z + artanh(`KEPT` x)): an
    untrained generator then gives its input, a little paler. `dtype` is Keras' dtype policy.
    """
    kind, normal = {"dtype": dtype}, _normal(keras.random.SeedGenerator(seed))

    def convolved(
        x: Any, count: int, side: int, *, stride: int = 1, initializer: Any = normal
    ) -> Any:
        edge, kernels = side // 2, {"kernel_initializer": initializer(), **kind}
        x = keras.ops.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect")
        return keras.layers.Conv2D(count, side, stride, **kernels)(x)

    def normed(x: Any, *, relu: bool = True) -> Any:
        x = _instance_norm(kind)(x)
        x = keras.ops.clip(x, -CLIP, CLIP) if norm == "clipped" else x
        return keras.layers.ReLU(**kind)(x) if relu else x

    inputs = keras.Input((None, None, 3), dtype="float32")
    x = normed(convolved(inputs, filters, 7))
    for factor in (2, 4):
        x = normed(convolved(x, factor * filters, 3, stride=2))
    for _ in range(blocks):
        inner = normed(convolved(x, 4 * filters, 3))
        x = keras.layers.Add(**kind)([x, normed(convolved(inner, 4 * filters, 3), relu=False)])
    for factor in (2, 1):
        count = factor * filters
        if upsampling == "transposed":
            enlarge = keras.layers.Conv2DTranspose(count, 3, 2, kernel_initializer=normal(), **kind)
            # As the authors' padding of 1 and output padding of 1: value i spreads around 2i, where
            # the encoder's strided convolutions took it from. Keras' "same" would move everything
            # by a pixel each time.
            x = normed(keras.layers.Cropping2D(((1, 0), (1, 0)), **kind)(enlarge(x)))
        else:
            x = keras.layers.UpSampling2D(2, **kind)(x)
            x = _smoothed(x) if upsampling == "bilinear" else x
            x = normed(convolved(x, count, 3))
    if output == "change":
        z = convolved(x, 3, 7, initializer=keras.initializers.Zeros)
        x = keras.ops.cast(z, "float32") + keras.ops.arctanh(KEPT * inputs)
    else:
        x = convolved(x, 3, 7)
    outputs = keras.layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="generator")


def parameters(*, filters: int, blocks: int) -> int:
    """How many a generator has, known before it is built: the kernels and one bias a filter.

    The four layers that halve and enlarge have 9·(2 + 8 + 8 + 2) f² in their kernels, a residual
    block 2·9·16 f²; the first and the last layer have 7·7·3 f each.
    """
    kernels = (180 + 288 * blocks) * filters**2 + 294 * filters
    biases = (1 + 2 + 4 + 8 * blocks + 2 + 1) * filters + 3
    return kernels + biases


def discriminator(
    *, filters: int, halving: str = "strided", dtype: str = "float32", seed: int = 0
) -> keras.Model:
    """The 70 x 70 PatchGAN: C64 (without norm), C128, C256, C512, a convolution to one channel.

    It is a model from (n, H, W, 3) in [-1, 1] to (n, H', W', 1), 1 for real and 0 for generated;
    256 px give 30, each of which sees 70 x 70 px. With 64 `filters` in the first layer it has
    2,764,737 parameters.

    `halving` is "strided" as in the paper: three convolutions with a stride of 2. What such a
    network asks of a picture, its gradient, has waves of 2, 4 and 8 px, for a stride meets some
    pixels with more of its kernel than their neighbours (Odena et al. 2016). With "smoothed" these
    convolutions have a stride of 1, and every second position is taken after the filter (1, 2, 1)/4
    (Zhang 2019, arXiv 1904.11486), which lets no such wave through, forwards or backwards.
    """
    kind, normal = {"dtype": dtype}, _normal(keras.random.SeedGenerator(seed))
    inputs = keras.Input((None, None, 3), dtype="float32")
    x = inputs
    for factor, stride in ((1, 2), (2, 2), (4, 2), (8, 1)):
        smoothed = stride > 1 and halving == "smoothed"
        kernels = {"strides": 1 if smoothed else stride, "kernel_initializer": normal(), **kind}
        x = keras.layers.ZeroPadding2D(1, **kind)(x)
        x = keras.layers.Conv2D(factor * filters, 4, **kernels)(x)
        x = _instance_norm(kind)(x) if factor > 1 else x
        # Keras' LeakyReLU is the same, but TensorFlow 2.21 complains on standard error when it
        # fuses its gradient.
        x = keras.ops.maximum(x, 0.2 * x)
        x = _smoothed(x)[:, ::stride, ::stride] if smoothed else x
    x = keras.layers.ZeroPadding2D(1, **kind)(x)
    x = keras.layers.Conv2D(1, 4, kernel_initializer=normal(), **kind)(x)
    outputs = keras.layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="discriminator")
