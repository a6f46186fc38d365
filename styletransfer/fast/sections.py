"""Sections of the loss network, as functions of one tile of their input; see `tiles.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._tensorflow import keras, tf
from ..layers import block_of
from ..losses import Measures, content_loss

CUTS = ("pool2", "pool3", "pool4")
"""Where the network is cut: after blocks 2, 3 and 4. Pooled features of the first block would be
twice the rest."""

Span = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Tile:
    """A tile in a section's input: `core` is what counts, `outer` has the margin too."""

    core: Span
    outer: Span

    @property
    def bounds(self) -> tf.Tensor:
        """Where the core lies inside the tile: rows and columns from, to (exclusive)."""
        pairs = zip(self.core, self.outer, strict=True)
        edges = [edge - o.start for c, o in pairs for edge in (c.start, c.stop)]
        return tf.constant(edges, tf.int32)


def _spans(length: int, tile: int, margin: int, unit: int) -> list[tuple[slice, slice]]:
    """One direction cut into even pieces of at most `tile` positions, from multiples of `unit`."""
    pieces = -(-length // max(unit, tile // unit * unit))
    step = -(-length // (pieces * unit)) * unit
    spans = []
    for begin in range(0, length, step):
        end = min(begin + step, length)
        spans.append((slice(begin, end), slice(max(0, begin - margin), min(length, end + margin))))
    return spans


def smaller(span: Span, factor: int) -> Span:
    """The same part of a map that is `factor` times smaller."""
    rows, columns = (slice(s.start // factor, s.stop // factor) for s in span)
    return rows, columns


def _cut(features: tf.Tensor, bounds: tf.Tensor, factor: int) -> tf.Tensor:
    top, bottom, left, right = tf.unstack(bounds // factor)
    return tf.cast(features[:, top:bottom, left:right], tf.float32)


class Section:
    """Some blocks of the network between two of its tensors, as functions of one tile."""

    def __init__(
        self,
        network: keras.Model,
        begin: keras.KerasTensor,
        end: keras.KerasTensor | None,
        *,
        blocks: Sequence[int],
        measures: Measures,
    ) -> None:
        prefixes = tuple(f"block{block}_" for block in blocks)
        own = [layer.name for layer in network.layers if layer.name.startswith(prefixes)]
        self.content = [layer for layer in measures.content_layers if layer in own]
        self.style = [layer for layer in measures.style_layers if layer in own]
        # Every pooling halves: a layer of the section's second block has half the positions.
        self.factors = {name: 2 ** (block_of(name) - blocks[0]) for name in own}
        self.last = end is None
        self.unit = 2 ** (len(blocks) - 1 if self.last else len(blocks))
        reach = sum(self.factors.values())  # each convolution sees one of its positions further
        self.margin = -(-reach // self.unit) * self.unit
        self._measures = measures
        outputs = {name: network.get_layer(name).output for name in (*self.content, *self.style)}
        self._model = keras.Model(begin, outputs if self.last else {**outputs, "onward": end})
        # Shapes are left open: tiles at the border are smaller than others.
        tile: list[Any] = [
            tf.TensorSpec((1, None, None, begin.shape[3])),
            tf.TensorSpec(4, tf.int32),
        ]
        targets = [tf.TensorSpec((1, None, None, outputs[name].shape[3])) for name in self.content]
        entries = [tf.TensorSpec(()) for _ in self.content]
        tile.append(measures.guides(self.style))
        inputs = [*tile, targets, entries]
        self.encode = tf.function(self._encode, input_signature=tile, autograph=False)
        self.forward = tf.function(self._forward, input_signature=inputs, autograph=False)
        results = self.forward.get_concrete_function().structured_outputs
        upstream = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), results)
        inputs = [*inputs, upstream]
        self.backward = tf.function(self._backward, input_signature=inputs, autograph=False)

    def tiles(self, shape: Sequence[int], tile: int) -> Iterator[Tile]:
        """The tiles of an input (H, W, …)."""
        rows, columns = (_spans(n, tile, self.margin, self.unit) for n in shape[:2])
        for core_rows, outer_rows in rows:
            for core_columns, outer_columns in columns:
                yield Tile((core_rows, core_columns), (outer_rows, outer_columns))

    def _encode(
        self, x: tf.Tensor, bounds: tf.Tensor, guides: Sequence[tf.Tensor]
    ) -> tuple[list, list, list]:
        """Content features, sums of the style statistics, and the next section's input, if any."""
        features = self._model(x)
        measured = (*self.content, *self.style)
        cores = {n: _cut(features[n], bounds, self.factors[n]) for n in measured}
        onward = [] if self.last else [_cut(features["onward"], bounds, self.unit)]
        pairs = zip(self.style, guides or [None] * len(self.style), strict=True)
        sums_over, unit = self._measures.statistic.sums_over, self._measures.unit
        sums = [sums_over(cores[name], guide, unit(name)) for name, guide in pairs]
        return [cores[name] for name in self.content], sums, onward

    def _forward(
        self,
        x: tf.Tensor,
        bounds: tf.Tensor,
        guides: Sequence[tf.Tensor],
        targets: list[tf.Tensor],
        entries: list[tf.Tensor],
    ) -> tuple[list, list, list]:
        """The tile's part of the content losses, and else as `_encode`."""
        cores, sums, onward = self._encode(x, bounds, guides)
        form = self._measures.form
        parts = zip(cores, targets, entries, strict=True)
        return [content_loss(F, P, form=form, entries=n) for F, P, n in parts], sums, onward

    def _backward(
        self,
        x: tf.Tensor,
        bounds: tf.Tensor,
        guides: Sequence[tf.Tensor],
        targets: list[tf.Tensor],
        entries: list[tf.Tensor],
        upstream: tuple,
    ) -> tf.Tensor:
        """The gradient in the tile, from those in what `_forward` gives."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            results = tf.nest.flatten(self._forward(x, bounds, guides, targets, entries))
        return tape.gradient(results, x, output_gradients=tf.nest.flatten(upstream))


def sections(network: keras.Model, measures: Measures) -> list[Section]:
    """The whole network as sections, shallow to deep."""
    deepest = max(block_of(name) for name in (*measures.content_layers, *measures.style_layers))
    cuts = [name for name in CUTS if block_of(name) < deepest]
    ends = [*(network.get_layer(name).output for name in cuts), None]
    lasts = [*(block_of(name) for name in cuts), deepest]
    found, begin, first = [], network.inputs[0], 1
    for end, last in zip(ends, lasts, strict=True):
        blocks = range(first, last + 1)
        found.append(Section(network, begin, end, blocks=blocks, measures=measures))
        begin, first = end, last + 1
    return found
