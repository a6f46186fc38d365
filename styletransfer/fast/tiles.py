"""A picture too large for memory, evaluated tile by tile: the same losses and the same gradient.

The network is cut into sections: blocks 1 and 2, and each later block. A section goes over its
input in tiles, each with a margin as wide as its own convolutions reach (8 pixels for the first, 4
positions for the others), which is cut off. Whatever is compared adds up over tiles (the content
loss, FᵀF, ΣF, ΣF²). Once the sums are known, the sections are gone through backwards: each tile is
computed a second time, now with the derivatives of the total with respect to its sums and to its
output. In memory are one tile's features, and the pooled features between the sections, a tenth of
what the whole network holds.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tensorflow import keras, tf
from ..errors import InputError
from ..losses import Measures, Weighting, image_terms, objective, style_loss
from .sections import Section, Tile, sections, smaller

Sums = dict[str, tf.Tensor]
"""By layer, what adds up over tiles."""

Guides = dict[str, np.ndarray]
"""By style layer, which positions are a region's, bool (R, H, W); empty without regions."""


class Tiled:
    """Evaluates a picture in tiles, with the functions that `evaluation.Whole` has.

    `tile` is the side of the first section's tiles in pixels; those of the others are twice as
    wide, for they hold a quarter as much for each pixel. InputError refuses a statistic that parts
    of a picture do not add up to.
    """

    def __init__(self, network: keras.Model, measures: Measures, *, tile: int) -> None:
        if not measures.statistic.additive:
            raise InputError(
                "this style statistic does not add up over the parts of a picture, so it cannot be "
                "used in tiles; give a smaller size, or another statistic"
            )
        self._measures, self._tile = measures, tile
        self._sections = sections(network, measures)
        # Open shapes: one trace for all sizes.
        inputs = [tf.TensorSpec((1, None, None, 3)), tf.TensorSpec(()), tf.TensorSpec(())]
        self._terms = tf.function(_terms_and_gradient, input_signature=inputs, autograph=False)

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced a section's gradient."""
        return sum(s.backward.experimental_get_tracing_count() for s in self._sections)

    def encode(
        self, image: np.ndarray | tf.Tensor, guides: Sequence[tf.Tensor]
    ) -> tuple[list[np.ndarray], list[tf.Tensor]]:
        """Picture (1, H, W, 3), guides → content targets and style targets, in layers' order."""
        features: dict[str, np.ndarray] = {}
        guiding = self._guiding(guides)

        def visit(section: Section, tile: Tile, x: np.ndarray) -> tuple[list, list, list]:
            outer, inside = tf.constant(x[tile.outer][None]), _inside(section, tile, guiding)
            cores, sums, onward = section.encode(outer, tile.bounds, inside)
            for name, core in zip(section.content, cores, strict=True):
                factor = section.factors[name]
                if name not in features:
                    shape = (1, x.shape[0] // factor, x.shape[1] // factor, core.shape[3])
                    features[name] = np.empty(shape, np.float32)
                features[name][0][smaller(tile.core, factor)] = core[0]
            return [], sums, onward

        inputs, _, sums = self._forward(image, visit)
        content = [features[name] for name in self._measures.content_layers]
        return content, self._statistics(sums, inputs, guiding)

    def evaluate(self, *inputs: Any) -> dict[str, tf.Tensor]:
        """Picture, content targets, style targets, weighting, guides → losses by name."""
        return self._measure(*inputs)[0]

    def differentiate(
        self, image: tf.Tensor, content_targets: Sequence[np.ndarray], *rest: Any
    ) -> tuple[dict[str, tf.Tensor], np.ndarray]:
        """The same → losses by name, gradient of the total (1, H, W, 3)."""
        values, inputs, slopes, gradient = self._measure(image, content_targets, *rest)
        guiding = self._guiding(rest[-1])
        targets = dict(zip(self._measures.content_layers, content_targets, strict=True))
        upstream: Any = None
        for depth in reversed(range(len(self._sections))):
            section, x = self._sections[depth], inputs[depth]
            below = np.zeros(x.shape, np.float32)
            by_content = [tf.ones(()) for _ in section.content]
            by_sums = [slopes[name] for name in section.style]
            for tile in section.tiles(x.shape, self._side(depth)):
                onward = []
                if not section.last:
                    onward = [tf.constant(upstream[smaller(tile.core, section.unit)][None])]
                part = section.backward(
                    tf.constant(x[tile.outer][None]),
                    tile.bounds,
                    _inside(section, tile, guiding),
                    *_parts(section, tile, targets),
                    (by_content, by_sums, onward),
                )
                below[tile.outer] += part[0].numpy()
            upstream = below
        return values, upstream[None] + gradient.numpy()

    def _side(self, depth: int) -> int:
        return self._tile if depth == 0 else 2 * self._tile // 2 ** (depth + 1)

    def _forward(
        self, image: np.ndarray | tf.Tensor, visit: Callable
    ) -> tuple[list[np.ndarray], Sums, Sums]:
        """Go through all sections: their inputs, and by layer the content losses and the sums."""
        inputs = [np.asarray(image)[0]]
        losses: Sums = {}
        sums: Sums = {}
        for depth, section in enumerate(self._sections):
            x, onward = inputs[-1], None
            for tile in section.tiles(x.shape, self._side(depth)):
                tile_losses, tile_sums, pooled = visit(section, tile, x)
                for name, value in zip(section.content, tile_losses, strict=False):
                    losses[name] = losses[name] + value if name in losses else value
                for name, value in zip(section.style, tile_sums, strict=True):
                    sums[name] = sums[name] + value if name in sums else value
                for part in pooled:
                    if onward is None:
                        rows, columns = (n // section.unit for n in x.shape[:2])
                        onward = np.empty((rows, columns, part.shape[3]), np.float32)
                    onward[smaller(tile.core, section.unit)] = part[0]
            if onward is not None:
                inputs.append(onward)
        return inputs, losses, sums

    def _measure(
        self,
        image: tf.Tensor,
        content_targets: Sequence[np.ndarray],
        style_targets: Sequence[tf.Tensor],
        weighting: Weighting,
        guides: Sequence[tf.Tensor],
    ) -> tuple[dict[str, tf.Tensor], list[np.ndarray], Sums, tf.Tensor]:
        """Losses by name, sections' inputs, slopes of the total in the sums, gradient of terms."""
        guiding = self._guiding(guides)
        targets = dict(zip(self._measures.content_layers, content_targets, strict=True))

        def visit(section: Section, tile: Tile, x: np.ndarray) -> tuple[list, list, list]:
            parts = _inside(section, tile, guiding), *_parts(section, tile, targets)
            return section.forward(tf.constant(x[tile.outer][None]), tile.bounds, *parts)

        inputs, losses, sums = self._forward(image, visit)
        form, regions = self._measures.form, self._measures.regions
        terms, gradient = self._terms(image, weighting[2], weighting[3])
        with tf.GradientTape() as tape:
            tape.watch(sums)
            pairs = zip(self._statistics(sums, inputs, guiding), style_targets, strict=True)
            style = [style_loss(G, A, form=form, regions=regions) for G, A in pairs]
            content = [losses[name] for name in self._measures.content_layers]
            values = objective(content, style, terms, weighting)
        return values, inputs, tape.gradient(values["total"], sums), gradient

    def _guiding(self, guides: Sequence[tf.Tensor]) -> Guides:
        return dict(zip(self._measures.style_layers, map(np.asarray, guides), strict=False))

    def _statistics(
        self, sums: Sums, inputs: Sequence[np.ndarray], guiding: Guides
    ) -> list[tf.Tensor]:
        """The style statistics of the whole picture, from the sums over its tiles."""
        positions = {
            name: (x.shape[0] // factor) * (x.shape[1] // factor)
            for section, x in zip(self._sections, inputs, strict=True)
            for name, factor in section.factors.items()
        }
        finished, per_position = self._measures.statistic.finished, self._measures.form.per_position
        return [
            finished(
                sums[name],
                tf.constant(positions[name], tf.float32),
                per_position,
                guiding.get(name),
                self._measures.unit(name),
            )
            for name in self._measures.style_layers
        ]


def _parts(
    section: Section, tile: Tile, targets: dict[str, np.ndarray]
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Of the content targets what lies in the tile's core, and how many entries each has in all."""
    whole = [np.asarray(targets[name]) for name in section.content]
    spans = [smaller(tile.core, section.factors[name]) for name in section.content]
    parts = [tf.constant(P[0][span][None]) for P, span in zip(whole, spans, strict=True)]
    return parts, [tf.constant(P.size, tf.float32) for P in whole]


def _inside(section: Section, tile: Tile, guiding: Guides) -> list[tf.Tensor]:
    """Of the guides what lies in the tile's core."""
    spans = {name: smaller(tile.core, section.factors[name]) for name in section.style}
    return [tf.constant(guiding[name][:, *span]) for name, span in spans.items() if guiding]


def _terms_and_gradient(
    image: tf.Tensor, tv: tf.Tensor, box: tf.Tensor
) -> tuple[tuple[tf.Tensor, tf.Tensor], tf.Tensor]:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        variation, outside = image_terms(image)
        weighted = tv * variation + box * outside
    return (variation, outside), tape.gradient(weighted, image)
