"""Losses and gradient of a picture as a whole, compiled; `fast/tiles.py` has the same in tiles."""

from collections.abc import Sequence
from typing import Any

from ._tensorflow import keras, tf
from .losses import Measures, Weighting, content_loss, image_terms, objective, style_loss


class Whole:
    """Evaluates a picture as a whole; targets and the weights of terms come as arguments.

    Args:
        network: see `network.loss_network`; or any other from (1, H, W, C) to features by name.
        measures: what of its features is compared, and how.
    """

    def __init__(self, network: keras.Model, measures: Measures) -> None:
        self._network, self._measures = network, measures
        # With shapes left open each function is traced once: a trace takes seconds and some 40 MB.
        image = tf.TensorSpec((1, *network.inputs[0].shape[1:]))
        guides = measures.guides(measures.style_layers)
        signature: list[Any] = [image, guides]
        self.encode = tf.function(self._encode, input_signature=signature, autograph=False)
        """Picture (1, H, W, C), guides → content targets and style targets, in the order of layers.

        Where there are regions, each style layer has guides (see `Statistic.sums_over`)."""
        encoded = self.encode.get_concrete_function().structured_outputs
        targets = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), encoded)
        scalar, omega = tf.TensorSpec(()), tf.TensorSpec(len(measures.style_layers))
        signature = [image, *targets, (scalar, omega, scalar, scalar), guides]
        self.evaluate = tf.function(self._evaluate, input_signature=signature, autograph=False)
        """Picture, content targets, style targets, weighting, guides → losses by name."""
        self.differentiate = tf.function(
            self._differentiate, input_signature=signature, autograph=False
        )
        """The same → losses by name, gradient of the total (1, H, W, C)."""

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the evaluation with gradient."""
        return self.differentiate.experimental_get_tracing_count()

    def _encode(
        self, image: tf.Tensor, guides: Sequence[tf.Tensor]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        features = {name: tf.cast(F, tf.float32) for name, F in self._network(image).items()}
        content = [features[layer] for layer in self._measures.content_layers]
        return content, self._measures.style(features, tf.shape(image)[1:3], guides)

    def _evaluate(
        self,
        image: tf.Tensor,
        content_targets: Sequence[tf.Tensor],
        style_targets: Sequence[tf.Tensor],
        weighting: Weighting,
        guides: Sequence[tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        form, regions = self._measures.form, self._measures.regions
        features, statistics = self._encode(image, guides)
        contents = zip(features, content_targets, strict=True)
        styles = zip(statistics, style_targets, strict=True)
        content = [content_loss(F, P, form=form) for F, P in contents]
        style = [style_loss(G, A, form=form, regions=regions) for G, A in styles]
        return objective(content, style, image_terms(image), weighting)

    def _differentiate(
        self,
        image: tf.Tensor,
        content_targets: Sequence[tf.Tensor],
        style_targets: Sequence[tf.Tensor],
        weighting: Weighting,
        guides: Sequence[tf.Tensor],
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            values = self._evaluate(image, content_targets, style_targets, weighting, guides)
        return values, tape.gradient(values["total"], image)
