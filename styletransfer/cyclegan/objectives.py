"""What a generator is trained for: the objective of Zhu et al. 2017, and the study's own with an adversarial term.

An objective holds the networks. Its losses are means over each picture, one value a picture of the batch, so that
batches can be spread over devices. Side A are the paintings, B the photographs.

The paper's letters: G: X → Y and F: Y → X; here X = A, so G is `AtoB` and F is `BtoA`, with D_Y = `critic_B` and
D_X = `critic_A`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._tensorflow import keras, tf
from ..errors import InputError
from ..forms import FORMS, default_omega
from ..losses import STATISTICS, content_loss, style_loss
from ..network import loss_network
from ..scaling import rescaled
from ..weights.backbones import load_weights, resolve_backbone
from .networks import critic, generator
from .settings import AdaptedSettings, CycleSettings, TrainingSettings

__all__ = ["Adapted", "Cycle", "Generated", "TrainingObjective"]


class Generated(NamedTuple):
    """What a generator's step is made of.

    Attributes:
        total: what is minimised, (n,).
        parts: the terms without their weights, (n,) each, by name.
        fakes: generated pictures (n, H, W, 3) in [-1, 1], one tensor for each discriminator.
    """

    total: tf.Tensor
    parts: dict[str, tf.Tensor]
    fakes: list[tf.Tensor]


class TrainingObjective(Protocol):
    """The networks, and their losses.

    Attributes:
        networks: by name.
        critics: which of them are discriminators.
        terms: the names of all losses.
    """

    networks: dict[str, keras.Model]
    critics: tuple[str, ...]
    terms: tuple[str, ...]

    def generated(self, a: tf.Tensor, b: tf.Tensor) -> Generated:
        """The generators' losses on paintings and photographs (n, H, W, 3) in [-1, 1]."""

    def judged(
        self, a: tf.Tensor, b: tf.Tensor, fakes: Sequence[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """The discriminators' losses (n,), by name; `fakes` come from the pools."""


def _mean(values: tf.Tensor) -> tf.Tensor:
    """One value a picture."""
    return tf.reduce_mean(values, (1, 2, 3))


def _deceived(judge: keras.Model, fake: tf.Tensor) -> tf.Tensor:
    """(D(G(x)) − 1)²: least squares, Zhu et al. 2017, Sec. 4 (after Mao et al. 2017)."""
    return _mean(tf.square(judge(fake) - 1))


def _judgement(judge: keras.Model, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """½ ((D(y) − 1)² + D(G(x))²); the half slows the discriminator: Zhu et al. 2017, Sec. 4."""
    found = judge(
        tf.concat([real, fake], 0)
    )  # one call: without batch statistics it is the same as two
    on_real, on_fake = tf.split(found, 2)
    return 0.5 * (_mean(tf.square(on_real - 1)) + _mean(tf.square(on_fake)))


def _seeds(seed: int, count: int) -> list[int]:
    return [
        int(child.generate_state(1)[0] >> 1) for child in np.random.SeedSequence(seed).spawn(count)
    ]


def _generator(settings: TrainingSettings, *, dtype: str, seed: int) -> keras.Model:
    shape = {
        "filters": settings.filters,
        "blocks": settings.depth,
        "upsampling": settings.upsampling,
    }
    return generator(**shape, dtype=dtype, seed=seed)


class Cycle:
    """Zhu et al. 2017, Eqs. 1 to 3, with the identity loss of Sec. 5.2.

    Args:
        settings: every option.
        dtype: Keras' dtype policy of the networks.
    """

    def __init__(self, settings: CycleSettings, *, dtype: str) -> None:
        """Build the four networks."""
        self._cycle, self._identity = settings.cycle, settings.identity
        seeds = _seeds(settings.seed, 4)
        self.networks = {
            "AtoB": _generator(settings, dtype=dtype, seed=seeds[0]),
            "BtoA": _generator(settings, dtype=dtype, seed=seeds[1]),
            "critic_A": critic(filters=settings.critic_filters, dtype=dtype, seed=seeds[2]),
            "critic_B": critic(filters=settings.critic_filters, dtype=dtype, seed=seeds[3]),
        }
        self.critics = ("critic_A", "critic_B")
        kinds = ("adversarial", "cycle", *(["identity"] if settings.identity else []), "critic")
        self.terms = tuple(f"{kind}_{side}" for kind in kinds for side in "AB")

    def generated(self, a: tf.Tensor, b: tf.Tensor) -> Generated:
        """See `TrainingObjective`."""
        to_b, to_a = self.networks["AtoB"], self.networks["BtoA"]
        parts = {}
        if self._identity:  # what a generator makes of its own goal is asked in the same call
            fake_b, same_b = tf.split(to_b(tf.concat([a, b], 0)), 2)
            fake_a, same_a = tf.split(to_a(tf.concat([b, a], 0)), 2)
            parts = {
                "identity_A": _mean(tf.abs(same_a - a)),
                "identity_B": _mean(tf.abs(same_b - b)),
            }
        else:
            fake_b, fake_a = to_b(a), to_a(b)
        parts |= {
            "adversarial_A": _deceived(self.networks["critic_A"], fake_a),
            "adversarial_B": _deceived(self.networks["critic_B"], fake_b),
            "cycle_A": _mean(tf.abs(to_a(fake_b) - a)),
            "cycle_B": _mean(tf.abs(to_b(fake_a) - b)),
        }
        weights = {
            "adversarial": 1.0,
            "cycle": self._cycle,
            "identity": self._cycle * self._identity,
        }
        total = tf.add_n([weights[name[:-2]] * part for name, part in parts.items()])
        return Generated(total, parts, [fake_a, fake_b])

    def judged(
        self, a: tf.Tensor, b: tf.Tensor, fakes: Sequence[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See `TrainingObjective`."""
        sides = (("A", a, fakes[0]), ("B", b, fakes[1]))
        return {
            f"critic_{side}": _judgement(self.networks[f"critic_{side}"], *two)
            for side, *two in sides
        }


STYLE_CROPS = 64
"""Crops of paintings whose mean statistics are the style target, and of photographs whose style loss is the unit."""


class Adapted:
    """The proposal's objective, adapted to a generator: content + λ · style, and an adversarial term.

    For a photograph x and the generator's G(x), with the style target the mean statistics of the paintings:

        (content(G(x), x) + λ Σ_l ω_l E_l(G(x))) / u + γ (D(G(x)) − 1)²

    content and E_l are those of the `form`, in the loss network (`losses.py`). The unit u is λ times the style loss of
    the photographs themselves, so that γ (`adversarial`) means the same in every form and at every λ. With γ = 0 it is
    the feed-forward network of Johnson et al. 2016, trained on a collection in place of one painting.

    Args:
        settings: every option.
        dtype: Keras' dtype policy of the networks.
        samples: batches of crops (paintings, photographs), from which the style target and the unit are taken.

    Raises:
        InputError: λ is zero, so that there is no style to learn.
    """

    def __init__(
        self, settings: AdaptedSettings, *, dtype: str, samples: Sequence[tuple[tf.Tensor, ...]]
    ) -> None:
        """Build the networks, and measure the style."""
        self.form = FORMS[settings.form]
        self.lam = self.form.lam if settings.lam is None else settings.lam
        if not self.lam:
            raise InputError("lam must be above 0: without style there is nothing to train for")
        self._adversarial, self._statistic = settings.adversarial, STATISTICS[settings.statistic]
        self._omega = default_omega(self.form, settings.style_layers)
        self._content_layers, self._style_layers = settings.content_layers, settings.style_layers
        self.weights = load_weights(resolve_backbone(settings.backbone)[0])
        weights = self.weights
        if self.form.scaled:
            weights = rescaled(weights, pooling=self.form.pooling)
        kind = {
            "pooling": self.form.pooling,
            "precision": "mixed" if dtype == "mixed_bfloat16" else "float32",
        }
        layers = tuple(dict.fromkeys((*self._content_layers, *self._style_layers)))
        self._network = loss_network(weights, layers, **kind)
        self._content_network = loss_network(weights, self._content_layers, **kind)
        seeds = _seeds(settings.seed, 2)
        self.networks = {"BtoA": _generator(settings, dtype=dtype, seed=seeds[0])}
        if self._adversarial:
            self.networks["critic_A"] = critic(
                filters=settings.critic_filters, dtype=dtype, seed=seeds[1]
            )
        self.critics = ("critic_A",) if self._adversarial else ()
        self.terms = (
            "content",
            "style",
            *(("adversarial_A", "critic_A") if self._adversarial else ()),
        )
        self._measure(samples)

    def _measure(self, samples: Sequence[tuple[tf.Tensor, ...]]) -> None:
        statistics = tf.function(lambda picture: self._statistics(self._features(picture)))
        paintings = [statistics(picture[None]) for a, _ in samples for picture in a]
        self._target = [tf.add_n(layer) / len(paintings) for layer in zip(*paintings, strict=True)]
        photographs = [self._style(statistics(picture[None])) for _, b in samples for picture in b]
        self.unit = self.lam * float(tf.reduce_mean(photographs))

    def _features(self, picture: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            name: tf.cast(found, tf.float32)
            for name, found in self._network((picture + 1) / 2).items()
        }

    def _statistics(self, features: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        per_position = self.form.per_position
        return [
            self._statistic(features[layer], per_position=per_position)
            for layer in self._style_layers
        ]

    def _style(self, statistics: Sequence[tf.Tensor]) -> tf.Tensor:
        losses = [
            style_loss(found, goal, form=self.form)
            for found, goal in zip(statistics, self._target, strict=True)
        ]
        return tf.add_n([omega * loss for omega, loss in zip(self._omega, losses, strict=True)])

    def _content(self, features: dict[str, tf.Tensor], photograph: tf.Tensor) -> tf.Tensor:
        wanted = self._content_network((photograph + 1) / 2)
        losses = []
        for layer in self._content_layers:
            target = tf.cast(wanted[layer], tf.float32)
            losses.append(content_loss(features[layer], target, form=self.form))
        return tf.add_n(losses)

    def generated(self, a: tf.Tensor, b: tf.Tensor) -> Generated:
        """See `TrainingObjective`."""
        fake = self.networks["BtoA"](b)
        content, style = [], []
        for i in range(b.shape[0]):  # a Gram matrix is that of one picture
            features = self._features(fake[i : i + 1])
            content.append(self._content(features, b[i : i + 1]))
            style.append(self._style(self._statistics(features)))
        parts: dict[str, Any] = {"content": tf.stack(content), "style": tf.stack(style)}
        total = (parts["content"] + self.lam * parts["style"]) / self.unit
        if self._adversarial:
            parts["adversarial_A"] = _deceived(self.networks["critic_A"], fake)
            total += self._adversarial * parts["adversarial_A"]
        return Generated(total, parts, [fake] * len(self.critics))

    def judged(
        self, a: tf.Tensor, b: tf.Tensor, fakes: Sequence[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """See `TrainingObjective`."""
        return {
            name: _judgement(self.networks[name], a, fake)
            for name, fake in zip(self.critics, fakes, strict=True)
        }
