"""3x3 convolutions with a quarter of the multiplications: Winograd's F(4x4, 3x3), in float32.

Lavin and Gray 2016 (arXiv 1509.09308), Sec. 4.1 and 4.3: a tile of 4 x 4 outputs depends on 6 x 6
inputs d, and is

    Y = Aᵀ [ (G k Gᵀ) ⊙ (Bᵀ d B) ] A,

where ⊙, summed over the input channels, is 36 products of matrices (tiles x inputs) · (inputs x
filters) for all tiles at once, instead of the 144 multiplications per tile, input and filter that
the convolution takes.

The gradient of a convolution is the convolution with the kernel turned by 180°. Turned, k(x) = k₀ +
k₁x + k₂x² becomes x²k(1/x): its value at a point is, but for a factor, the value of k at the
inverse point. The points 0, 1, −1, 2, ½, ∞ (the paper has −2 for ½) are closed under inversion, so
one transformed kernel serves both directions.
"""

import functools
from collections.abc import Callable

import numpy as np

from .._tensorflow import keras, tf

OUTPUTS, INPUTS = 4, 6  # along one side of a tile
_POINTS = np.array([0, 1, -1, 2, 1 / 2])  # and infinity
_INVERSE = [5, 1, 2, 4, 3, 0]  # index of each point's inverse


def _matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Aᵀ (4, 6), G (6, 3), Bᵀ (6, 6) of Cook and Toom: values and coefficients of polynomials."""
    differences = _POINTS[:, None] - _POINTS + np.eye(5)
    a_t, g = np.zeros((OUTPUTS, INPUTS)), np.zeros((INPUTS, 3))
    a_t[:, :5], a_t[-1, 5] = _POINTS ** np.arange(OUTPUTS)[:, None], 1
    g[:5], g[5, -1] = _POINTS[:, None] ** np.arange(3) / differences.prod(axis=1)[:, None], 1
    # y_i = Σ_j k_j d_(i+j) for every k and d fixes Bᵀ: Σ_p Aᵀ_ip G_pj Bᵀ_pn is 1 where n = i + j,
    # and else 0.
    products = (a_t[:, None] * g.T).reshape(-1, INPUTS)
    shifts = np.array([np.eye(INPUTS)[i + j] for i in range(OUTPUTS) for j in range(3)])
    return a_t, g, np.linalg.lstsq(products, shifts)[0]


_A_T, _G, _B_T = _matrices()

# A tile of 6 x 6 is its own 4 x 4 pixels, and two more rows and columns that belong to the next
# tiles; `_tiles` lays them out in this order. Rows a, columns b of a tile are one index a·6 + b.
_INDEX = np.arange(INPUTS**2).reshape(INPUTS, INPUTS)
_OWN, _NEXT = slice(OUTPUTS), slice(OUTPUTS, INPUTS)
_ORDER = np.concatenate([_INDEX[a, b].ravel() for a in (_OWN, _NEXT) for b in (_OWN, _NEXT)])


def _both_directions(a_t: np.ndarray, b_t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns at once: from tiles to their points (36, 36), from products to outputs."""
    return np.kron(b_t, b_t)[:, _ORDER].astype(np.float32), np.kron(a_t, a_t).astype(np.float32)


_FORWARD = _both_directions(_A_T, _B_T)
# The turned kernel's value at a point over the kernel's at the inverse point: rows of G are
# parallel to one another.
_TURNED = np.sum(_G[:, ::-1] * _G[_INVERSE], 1, keepdims=True)
_FACTORS = _TURNED / np.sum(_G[_INVERSE] ** 2, 1, keepdims=True)
_BACKWARD = _both_directions(_A_T[:, _INVERSE], (_FACTORS * _B_T)[_INVERSE])


def transform_kernel(kernel: np.ndarray) -> np.ndarray:
    """G k Gᵀ for every input and filter: (3, 3, inputs, filters) to (36, inputs, filters)."""
    # One product of matrices takes a thirtieth of the time of an einsum over four axes.
    transformed = np.matmul(np.kron(_G, _G), kernel.reshape(9, -1), dtype=np.float64)
    return transformed.astype(np.float32).reshape(-1, *kernel.shape[2:])


def _convolve(x: tf.Tensor, kernel: tf.Tensor, *, turned: bool = False) -> tf.Tensor:
    """Convolution with zero padding; `turned` exchanges the kernel's inputs and filters, too."""
    to_points, to_outputs = _BACKWARD if turned else _FORWARD
    channels, filters = x.shape[3], kernel.shape[1 if turned else 2]
    shape = tf.shape(x)
    height, width = shape[1], shape[2]
    down, across = -(-height // OUTPUTS), -(-width // OUTPUTS)
    tiles = tf.reshape(tf.matmul(to_points, _tiles(x, down, across)), (INPUTS**2, -1, channels))
    products = tf.reshape(tf.matmul(tiles, kernel, transpose_b=turned), (INPUTS**2, -1))
    y = tf.reshape(tf.matmul(to_outputs, products), (OUTPUTS, OUTPUTS, down, across, filters))
    y = tf.reshape(tf.transpose(y, (2, 0, 3, 1, 4)), (1, OUTPUTS * down, OUTPUTS * across, filters))
    y = y[:, :height, :width]
    y.set_shape((1, x.shape[1], x.shape[2], filters))
    return y


@functools.cache
def _convolution(channels: int, filters: int) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The convolution with its own gradient, which is one of the features alone.

    TensorFlow never gives up a custom gradient, nor the graph that it closes over: here there is
    one for each shape of kernels, however many networks are built.
    """

    @tf.custom_gradient
    def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        def backward(upstream: tf.Tensor) -> tuple:
            return _convolve(upstream, kernel, turned=True), None

        return _convolve(x, kernel), backward

    features = tf.TensorSpec((1, None, None, channels))
    kernels = tf.TensorSpec((INPUTS**2, channels, filters))
    return tf.function(convolve, input_signature=[features, kernels], autograph=False)


def _tiles(x: tf.Tensor, down: tf.Tensor, across: tf.Tensor) -> tf.Tensor:
    """The 36 inputs of every tile: (36, tiles · channels), in the order of `_ORDER`."""
    shape, channels = tf.shape(x), x.shape[3]
    after = [OUTPUTS * (down + 1) - 1 - shape[1], OUTPUTS * (across + 1) - 1 - shape[2]]
    padded = tf.pad(x[0], [[1, after[0]], [1, after[1]], [0, 0]])
    phases = tf.reshape(padded, (down + 1, OUTPUTS, across + 1, OUTPUTS, channels))
    phases = tf.transpose(phases, (1, 3, 0, 2, 4))
    count, more = down * across * channels, INPUTS - OUTPUTS
    own = tf.reshape(phases[:, :, :down, :across], (OUTPUTS**2, count))
    right = tf.reshape(phases[:, :more, :down, 1:], (OUTPUTS * more, count))
    below = tf.reshape(phases[:more, :, 1:, :across], (OUTPUTS * more, count))
    corner = tf.reshape(phases[:more, :more, 1:, 1:], (more**2, count))
    return tf.concat([own, right, below, corner], 0)


class WinogradConv2D(keras.layers.Layer):
    """What `keras.layers.Conv2D(filters, 3, padding="same", activation=…)` computes, frozen.

    It is float32, and has a gradient of the features alone. `kernel` is (3, 3, inputs, filters),
    `bias` (filters,), `activation` "relu" or "linear", `padding` "zero" or a mode of `tf.pad`.
    """

    def __init__(
        self,
        kernel: np.ndarray,
        bias: np.ndarray,
        *,
        activation: str = "relu",
        padding: str = "zero",
        name: str,
    ) -> None:
        """Transform the kernel, once: it takes four times the memory."""
        super().__init__(name=name, trainable=False, dtype="float32")
        self._padding = padding
        self._activation = keras.activations.get(activation)
        self._kernel = self._frozen(transform_kernel(kernel), "kernel")
        self._bias = self._frozen(bias, "bias")

    def _frozen(self, value: np.ndarray, name: str) -> keras.Variable:
        # Assigned as its first value: zeros that are overwritten would hold the memory twice.
        return self.add_weight(
            shape=value.shape, initializer=lambda *_, **__: value, name=name, trainable=False
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Features (1, H, W, filters) from features (1, H, W, inputs)."""
        kernel, bias = tf.convert_to_tensor(self._kernel), tf.convert_to_tensor(self._bias)
        convolution = _convolution(kernel.shape[1], kernel.shape[2])
        if self._padding == "zero":
            outputs = convolution(inputs, kernel)
        else:  # the outermost outputs see the zeros around what was padded, and are cut off
            around = tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]], self._padding)
            outputs = convolution(around, kernel)[:, 1:-1, 1:-1]
        return self._activation(tf.nn.bias_add(outputs, bias))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """As `keras.layers.Layer` has it."""
        return (*input_shape[:-1], self._bias.shape[0])
