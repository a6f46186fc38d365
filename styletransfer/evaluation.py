"""Losses and gradient of a picture as a whole, compiled; `tiles.py` has the same in tiles."""

from collections.abc import Sequence
from dataclasses import dataclass

from ._tensorflow import keras, tf
from .forms import Form
from .losses import Statistic, content_loss, outside, style_loss, total_variation

__all__ = ["Measures", "Targets", "Weighting", "Whole", "combine", "image_terms"]


@dataclass(frozen=True)
class Measures:
    """What is measured of a network's features.

    Attributes:
        form, statistic: see `Form` and `Statistic`.
        content_layers, style_layers: Keras layer names.
    """

    form: Form
    statistic: Statistic
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]


Targets = Sequence[tf.Tensor]
"""Of the content layers the features of the photograph (1, H, W, N), of the style layers the painting's statistics."""

Weighting = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
"""λ, ω (one for each style layer), and the weights of total variation and of `outside`."""


def image_terms(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The terms that take no network: total variation and `outside`."""
    return total_variation(image), outside(image)


def combine(
    content: Sequence[tf.Tensor],
    style: Sequence[tf.Tensor],
    terms: Sequence[tf.Tensor],
    weighting: Weighting,
) -> dict[str, tf.Tensor]:
    """Losses by name, and their total: content + λ · Σ ω_l E_l + tv weight · tv + box weight · box."""
    lam, omega, tv, box = weighting
    values = {
        "content_layers": tf.stack(content) if content else tf.zeros(0),
        "style_layers": tf.stack(style) if style else tf.zeros(0),
        "tv": terms[0],
        "box": terms[1],
    }
    values["content"] = tf.reduce_sum(values["content_layers"])
    values["style"] = tf.reduce_sum(omega * values["style_layers"])
    parts = (values["content"], lam * values["style"], tv * values["tv"], box * values["box"])
    return {**values, "total": tf.add_n(parts)}


class Whole:
    """Evaluates a picture as a whole. It holds no target and no weight of a term: those come as arguments.

    Args:
        network: see `vgg.loss_network`.
        measures: what of its features is compared, and how.
    """

    def __init__(self, network: keras.Model, measures: Measures) -> None:
        """Trace the encoding; the others are traced when they are first called."""
        self._network, self._measures = network, measures
        # With shapes left open each function is traced once: a trace takes seconds, and some 40 MB that stay.
        image = tf.TensorSpec((1, None, None, 3))
        self.encode = tf.function(self._encode, input_signature=[image], autograph=False)
        """Picture (1, H, W, 3) → content targets and style targets, in the order of their layers."""
        encoded = self.encode.get_concrete_function().structured_outputs
        targets = tf.nest.map_structure(
            lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), encoded
        )
        scalar, omega = tf.TensorSpec(()), tf.TensorSpec(len(measures.style_layers))
        signature = [image, *targets, (scalar, omega, scalar, scalar)]
        self.evaluate = tf.function(self._evaluate, input_signature=signature, autograph=False)
        """Picture, content targets, style targets, weighting → losses by name."""
        self.differentiate = tf.function(
            self._differentiate, input_signature=signature, autograph=False
        )
        """The same → losses by name, gradient of the total (1, H, W, 3)."""

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the evaluation with gradient."""
        return self.differentiate.experimental_get_tracing_count()

    def _encode(self, image: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        of = self._measures
        features = {
            layer: tf.cast(values, tf.float32) for layer, values in self._network(image).items()
        }
        statistics = [
            of.statistic(features[layer], per_position=of.form.per_position)
            for layer in of.style_layers
        ]
        return [features[layer] for layer in of.content_layers], statistics

    def _evaluate(
        self,
        image: tf.Tensor,
        content_targets: Targets,
        style_targets: Targets,
        weighting: Weighting,
    ) -> dict[str, tf.Tensor]:
        form = self._measures.form
        found, statistics = self._encode(image)
        content = [
            content_loss(
                tf.reduce_sum(tf.square(f - p)), tf.cast(tf.size(p), tf.float32), form=form
            )
            for f, p in zip(found, content_targets, strict=True)
        ]
        style = [
            style_loss(s, t, form=form) for s, t in zip(statistics, style_targets, strict=True)
        ]
        return combine(content, style, image_terms(image), weighting)

    def _differentiate(
        self,
        image: tf.Tensor,
        content_targets: Targets,
        style_targets: Targets,
        weighting: Weighting,
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            values = self._evaluate(image, content_targets, style_targets, weighting)
        return values, tape.gradient(values["total"], image)
