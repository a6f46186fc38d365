"""A picture too large for memory, evaluated tile by tile: the same losses and the same gradient.

The network is cut into sections: blocks 1 and 2, and each later block. A section goes over its input in tiles, each
with a margin as wide as its own convolutions reach (8 pixels for the first, 4 positions for the others), and what lies
in the margin is cut off, so nothing of a tile's border is left. Whatever is compared adds up over tiles (FᵀF, ΣF, ΣF²,
Σ(F − P)²). Once the sums are known, the sections are gone through backwards: each tile is computed a second time, now
with the derivatives of the total with respect to its sums and to its output. In memory are one tile's features, and the
pooled features between the sections, a tenth of what the whole network holds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .._tensorflow import keras, tf
from ..evaluation import Measures, Targets, Weighting, combine, image_terms
from ..layers import block_of
from ..losses import content_loss, style_loss

__all__ = ["Tiled"]

CUTS = ("pool2", "pool3", "pool4")
"""Where the network is cut: after blocks 2, 3 and 4. Pooled features of the first block would be twice the rest."""


@dataclass(frozen=True)
class _Tile:
    """Rows and columns of a tile in a section's input: `core` is what counts, `outer` has the margin too."""

    core: tuple[slice, slice]
    outer: tuple[slice, slice]

    @property
    def bounds(self) -> tf.Tensor:
        """Where the core lies inside the tile: first and last row, first and last column (exclusive)."""
        pairs = zip(self.core, self.outer, strict=True)
        return tf.constant(
            [edge - o.start for c, o in pairs for edge in (c.start, c.stop)], tf.int32
        )


def _spans(length: int, tile: int, margin: int, unit: int) -> list[tuple[slice, slice]]:
    """One direction cut into even pieces of at most `tile` positions, each beginning at a multiple of `unit`."""
    pieces = -(-length // max(unit, tile // unit * unit))
    step = -(-length // (pieces * unit)) * unit
    return [
        (
            slice(begin, end := min(begin + step, length)),
            slice(max(0, begin - margin), min(length, end + margin)),
        )
        for begin in range(0, length, step)
    ]


class _Section:
    """Some blocks of the network, as functions of one tile.

    Args:
        network: the whole.
        begin, end: the KerasTensors between which the section lies; no end for the last.
        blocks: the numbers of its blocks.
        measures: what is measured; of the layers only the section's own.
    """

    def __init__(
        self,
        network: keras.Model,
        begin: keras.KerasTensor,
        end: keras.KerasTensor | None,
        *,
        blocks: Sequence[int],
        measures: Measures,
    ) -> None:
        own = {
            layer.name
            for layer in network.layers
            if layer.name.startswith(tuple(f"block{b}_" for b in blocks))
        }
        self.content = [layer for layer in measures.content_layers if layer in own]
        self.style = [layer for layer in measures.style_layers if layer in own]
        # Every pooling halves: a layer of the section's second block has half the positions of its input.
        self.factors = {name: 2 ** (block_of(name) - blocks[0]) for name in own}
        self.unit = 2 ** len(blocks) if end is not None else 2 ** (len(blocks) - 1)
        reach = sum(
            self.factors.values()
        )  # each convolution sees one position further, in its own resolution
        self.margin = -(-reach // self.unit) * self.unit
        self._statistic = measures.statistic
        outputs = {name: network.get_layer(name).output for name in (*self.content, *self.style)}
        self.last = end is None
        self._model = keras.Model(begin, outputs if end is None else {**outputs, "onward": end})
        inputs = [tf.TensorSpec((1, None, None, begin.shape[3])), tf.TensorSpec(4, tf.int32)]
        targets = [tf.TensorSpec((1, None, None, outputs[name].shape[3])) for name in self.content]
        # Shapes are left open: tiles at the border are smaller than others.
        self.encode = tf.function(self._encode, input_signature=inputs, autograph=False)
        self.forward = tf.function(
            self._forward, input_signature=[*inputs, targets], autograph=False
        )
        found = self.forward.get_concrete_function().structured_outputs
        upstream = tf.nest.map_structure(
            lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), found
        )
        self.backward = tf.function(
            self._backward, input_signature=[*inputs, targets, upstream], autograph=False
        )

    def tiles(self, shape: Sequence[int], tile: int) -> Iterator[_Tile]:
        """The tiles of an input (H, W, …)."""
        rows, columns = (_spans(length, tile, self.margin, self.unit) for length in shape[:2])
        for core_rows, outer_rows in rows:
            for core_columns, outer_columns in columns:
                yield _Tile((core_rows, core_columns), (outer_rows, outer_columns))

    def _encode(
        self, x: tf.Tensor, bounds: tf.Tensor
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Content features, sums of the style statistics, and the input of the next section (empty for the last)."""
        found = self._model(x)
        cores = {
            name: _cut(found[name], bounds, self.factors[name])
            for name in (*self.content, *self.style)
        }
        onward = [] if self.last else [_cut(found["onward"], bounds, self.unit)]
        return (
            [cores[name] for name in self.content],
            [self._statistic.sums(cores[name]) for name in self.style],
            onward,
        )

    def _forward(
        self, x: tf.Tensor, bounds: tf.Tensor, targets: list[tf.Tensor]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]:
        """Σ(F − P)² of the content layers, and else as `_encode`."""
        cores, sums, onward = self._encode(x, bounds)
        return (
            [tf.reduce_sum(tf.square(f - p)) for f, p in zip(cores, targets, strict=True)],
            sums,
            onward,
        )

    def _backward(
        self, x: tf.Tensor, bounds: tf.Tensor, targets: list[tf.Tensor], upstream: tuple
    ) -> tf.Tensor:
        """The gradient with respect to the tile, from those with respect to what `_forward` gives."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            found = self._forward(x, bounds, targets)
        return tape.gradient(tf.nest.flatten(found), x, output_gradients=tf.nest.flatten(upstream))


def _cut(features: tf.Tensor, bounds: tf.Tensor, factor: int) -> tf.Tensor:
    top, bottom, left, right = tf.unstack(bounds // factor)
    return tf.cast(features[:, top:bottom, left:right], tf.float32)


def _smaller(spans: tuple[slice, slice], factor: int) -> tuple[slice, ...]:
    """The same part of a map that is `factor` times smaller."""
    return tuple(slice(span.start // factor, span.stop // factor) for span in spans)


def _sections(network: keras.Model, measures: Measures) -> list[_Section]:
    deepest = max(block_of(layer) for layer in (*measures.content_layers, *measures.style_layers))
    cuts = [name for name in CUTS if block_of(name) < deepest]
    tensors = [network.inputs[0], *(network.get_layer(name).output for name in cuts), None]
    firsts = [1, *(block_of(name) + 1 for name in cuts), deepest + 1]
    return [
        _Section(
            network,
            tensors[i],
            tensors[i + 1],
            blocks=range(firsts[i], firsts[i + 1]),
            measures=measures,
        )
        for i in range(len(firsts) - 1)
    ]


class Tiled:
    """Evaluates a picture in tiles, with the functions that `Whole` has.

    Args:
        network: see `vgg.loss_network`.
        measures: what of its features is compared, and how.
        tile: side of the first section's tiles in pixels; those of the others are twice as wide, for they hold a
            quarter as much for each pixel.
    """

    def __init__(self, network: keras.Model, measures: Measures, *, tile: int) -> None:
        """Cut the network."""
        self._of, self._tile = measures, tile
        self._sections = _sections(network, measures)
        # Open shapes: one trace for all sizes.
        inputs = [tf.TensorSpec((1, None, None, 3)), tf.TensorSpec(()), tf.TensorSpec(())]
        self._terms = tf.function(_terms_and_gradient, input_signature=inputs, autograph=False)

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced a section's gradient."""
        return sum(section.backward.experimental_get_tracing_count() for section in self._sections)

    def encode(self, image: np.ndarray | tf.Tensor) -> tuple[list[np.ndarray], list[tf.Tensor]]:
        """Picture (1, H, W, 3) → content targets and style targets, in the order of their layers."""
        features: dict[str, np.ndarray] = {}

        def visit(section: _Section, tile: _Tile, x: tf.Tensor, shape: Sequence[int]) -> tuple:
            cores, sums, onward = section.encode(x, tile.bounds)
            for name, core in zip(section.content, cores, strict=True):
                factor = section.factors[name]
                if name not in features:
                    features[name] = np.empty(
                        (1, shape[0] // factor, shape[1] // factor, core.shape[3]), np.float32
                    )
                features[name][0][_smaller(tile.core, factor)] = core[0]
            return [], sums, onward

        inputs, _, sums = self._forward(image, visit)
        statistics = self._statistics(sums, self._positions(inputs))
        return [features[layer] for layer in self._of.content_layers], statistics

    def evaluate(
        self,
        image: tf.Tensor,
        content_targets: Targets,
        style_targets: Targets,
        weighting: Weighting,
    ) -> dict[str, tf.Tensor]:
        """Picture, content targets, style targets, weighting → losses by name."""
        return self._measure(image, content_targets, style_targets, weighting)[0]

    def differentiate(
        self,
        image: tf.Tensor,
        content_targets: Targets,
        style_targets: Targets,
        weighting: Weighting,
    ) -> tuple[dict[str, tf.Tensor], np.ndarray]:
        """The same → losses by name, gradient of the total (1, H, W, 3)."""
        values, inputs, (by_square, by_sums) = self._measure(
            image, content_targets, style_targets, weighting
        )
        targets = dict(zip(self._of.content_layers, content_targets, strict=True))
        upstream = None
        for depth, (section, x) in reversed(
            list(enumerate(zip(self._sections, inputs, strict=True)))
        ):
            gradient = np.zeros(x.shape, np.float32)
            for tile in section.tiles(x.shape, self._side(depth)):
                onward = (
                    []
                    if section.last
                    else [tf.constant(upstream[_smaller(tile.core, section.unit)][None])]
                )
                pulled = (
                    [by_square[n] for n in section.content],
                    [by_sums[n] for n in section.style],
                    onward,
                )
                parts = _parts(section, tile, targets)
                part = section.backward(
                    tf.constant(x[tile.outer][None]), tile.bounds, parts, pulled
                )
                gradient[tile.outer] += part[0].numpy()
            upstream = gradient
        _, _, tv, box = weighting
        return values, upstream[None] + self._terms(image, tv, box)[1].numpy()

    def _side(self, depth: int) -> int:
        return self._tile if depth == 0 else 2 * self._tile // 2 ** (depth + 1)

    def _forward(self, image: tf.Tensor, visit: Callable) -> tuple[list[np.ndarray], dict, dict]:
        """Go through all sections: their inputs, and the squares and sums by layer."""
        inputs, squares, sums = [np.asarray(image)[0]], {}, {}
        for depth, section in enumerate(self._sections):
            x, onward = inputs[-1], None
            for tile in section.tiles(x.shape, self._side(depth)):
                found = visit(section, tile, tf.constant(x[tile.outer][None]), x.shape)
                for into, names, values in (
                    (squares, section.content, found[0]),
                    (sums, section.style, found[1]),
                ):
                    for name, value in zip(names, values, strict=False):
                        into[name] = into[name] + value if name in into else value
                for part in found[2]:
                    if onward is None:
                        onward = np.empty(
                            (*(n // section.unit for n in x.shape[:2]), part.shape[3]), np.float32
                        )
                    onward[_smaller(tile.core, section.unit)] = part[0]
            if onward is not None:
                inputs.append(onward)
        return inputs, squares, sums

    def _measure(
        self,
        image: tf.Tensor,
        content_targets: Targets,
        style_targets: Targets,
        weighting: Weighting,
    ) -> tuple[
        dict[str, tf.Tensor], list[np.ndarray], tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]
    ]:
        """Losses by name, the inputs of the sections, and the slopes of the total in the layers' squares and sums."""
        targets = dict(zip(self._of.content_layers, content_targets, strict=True))

        def visit(section: _Section, tile: _Tile, x: tf.Tensor, _: Sequence[int]) -> tuple:
            return section.forward(x, tile.bounds, _parts(section, tile, targets))

        inputs, squares, sums = self._forward(image, visit)
        positions, form = self._positions(inputs), self._of.form
        with tf.GradientTape() as tape:
            tape.watch((squares, sums))
            content = [
                content_loss(squares[n], tf.constant(np.size(targets[n]), tf.float32), form=form)
                for n in self._of.content_layers
            ]
            statistics = self._statistics(sums, positions)
            style = [
                style_loss(s, t, form=form) for s, t in zip(statistics, style_targets, strict=True)
            ]
            values = combine(content, style, self._terms(image, *weighting[2:])[0], weighting)
        return values, inputs, tape.gradient(values["total"], (squares, sums))

    def _positions(self, inputs: Sequence[np.ndarray]) -> dict[str, tf.Tensor]:
        """M of every layer."""
        return {
            name: tf.constant((x.shape[0] // factor) * (x.shape[1] // factor), tf.float32)
            for section, x in zip(self._sections, inputs, strict=True)
            for name, factor in section.factors.items()
        }

    def _statistics(
        self, sums: dict[str, tf.Tensor], positions: dict[str, tf.Tensor]
    ) -> list[tf.Tensor]:
        per_position = self._of.form.per_position
        return [
            self._of.statistic.finish(sums[n], positions[n], per_position)
            for n in self._of.style_layers
        ]


def _parts(section: _Section, tile: _Tile, targets: dict[str, np.ndarray]) -> list[tf.Tensor]:
    """What of the content targets lies in the tile's core."""
    return [
        tf.constant(np.asarray(targets[name])[0][_smaller(tile.core, section.factors[name])][None])
        for name in section.content
    ]


def _terms_and_gradient(image: tf.Tensor, tv: tf.Tensor, box: tf.Tensor) -> tuple[tuple, tf.Tensor]:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        terms = image_terms(image)
        weighted = tv * terms[0] + box * terms[1]
    return terms, tape.gradient(weighted, image)
