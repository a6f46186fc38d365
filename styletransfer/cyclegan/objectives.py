"""What a generator is trained for: Zhu et al. 2017, and the study's objective with an adversary.

An objective holds the networks. Its losses are means over each picture, one value a picture of the
batch, so that batches can be spread over devices. Side A are the paintings, B the photographs.

The paper's letters: G: X → Y and F: Y → X; here X = A, so G is `AtoB` and F is `BtoA`. D_X and D_Y
are the discriminators of A and B; files, records and losses call them `critic_A` and `critic_B`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._tensorflow import keras, tf
from ..errors import InputError
from ..evaluation import Whole
from ..forms import FORMS
from ..layers import default_omega
from ..losses import Measures
from ..network import loss_network
from ..pictures.images import as_picture
from ..scaling import in_units, rescaled
from ..statistics import gram, statistic_named
from ..weights.backbones import load_weights, resolve_backbone
from .networks import discriminator, generator
from .settings import LEAST_SIZE, AdaptedSettings, CycleSettings, TrainingSettings


class Losses(NamedTuple):
    """What a step is made of, with one value a picture.

    Attributes:
        total: what is minimised, (n,).
        parts: the terms without their weights, (n,), by name.
        fakes: generated pictures (n, H, W, 3) in [-1, 1], one tensor for each discriminator.
    """

    total: tf.Tensor
    parts: dict[str, tf.Tensor]
    fakes: Sequence[tf.Tensor] = ()


def _mean(values: tf.Tensor) -> tf.Tensor:
    """One value a picture."""
    return tf.reduce_mean(values, (1, 2, 3))


def _deceived(D: keras.Model, fake: tf.Tensor) -> tf.Tensor:
    """(D(G(x)) − 1)²: least squares, Zhu et al. 2017, Sec. 4 (after Mao et al. 2017)."""
    return _mean(tf.square(D(fake) - 1))


def _judgement(D: keras.Model, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """½ ((D(y) − 1)² + D(G(x))²); the half slows the discriminator: Zhu et al. 2017, Sec. 4."""
    # One call: without batch statistics it is the same as two.
    on_real, on_fake = tf.split(D(tf.concat([real, fake], 0)), 2)
    return 0.5 * (_mean(tf.square(on_real - 1)) + _mean(tf.square(on_fake)))


def _enlarged(picture: tf.Tensor) -> tf.Tensor:
    """A picture (H, W, 3) in [-1, 1] with twice as many pixels a side, bicubic."""
    height, width, _ = picture.shape
    return tf.image.resize(picture, (2 * height, 2 * width), method="bicubic")


def asked(D: keras.Model, picture: np.ndarray) -> np.ndarray:
    """What a discriminator asks of a picture: the way downhill of what a generator pays for it.

    It is -∂(D(x) - 1)²/∂x, of the mean over D's outputs.

    Args:
        D: see `Trained.discriminator`.
        picture: (H, W, 3) in [0, 1] or uint8, with sides of at least `LEAST_SIZE` px.

    Returns:
        float32 (H, W, 3); its unit says nothing, for an adversary's losses have none.

    Raises:
        InputError: the picture cannot be used.
    """
    picture = as_picture(picture)
    if min(picture.shape[:2]) < LEAST_SIZE:
        raise InputError(f"the sides of a picture need {LEAST_SIZE} px for a discriminator")
    x = tf.constant(2 * picture[None] - 1, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = _deceived(D, x)
    return -tape.gradient(loss, x).numpy()[0]


class TrainingObjective:
    """The networks by name, and their losses; `dtype` is Keras' dtype policy.

    Attributes are the names of the generators, of the discriminators (of A first) and of all losses
    (`terms`).
    """

    terms: tuple[str, ...]

    def __init__(
        self,
        settings: TrainingSettings,
        generators: tuple[str, ...],
        discriminators: tuple[str, ...],
        dtype: str,
    ) -> None:
        self.generators, self.discriminators = generators, discriminators
        self.networks: dict[str, keras.Model] = {}
        names = (*generators, *discriminators)
        children = np.random.SeedSequence(settings.seed).spawn(len(names))
        for name, child in zip(names, children, strict=True):
            kind: dict[str, Any] = {"dtype": dtype, "seed": int(child.generate_state(1)[0] >> 1)}
            if name in discriminators:
                kind |= {"filters": settings.critic_filters, "halving": settings.halving}
                self.networks[name] = discriminator(**kind)
            else:
                self.networks[name] = generator(**settings.network, **kind)

    def generated(self, a: tf.Tensor, b: tf.Tensor, step: tf.Tensor) -> Losses:
        """The generators' losses on paintings and photographs (n, H, W, 3) in [-1, 1].

        What is drawn at random depends on the `step`, a whole number, and the settings' seed alone.
        """
        raise NotImplementedError

    def judged(self, a: tf.Tensor, b: tf.Tensor, *fakes: tf.Tensor) -> Losses:
        """The discriminators' losses; `fakes` come from the pools."""
        judgements = zip(self.discriminators, (a, b), fakes, strict=False)
        parts = {name: _judgement(self.networks[name], *pair) for name, *pair in judgements}
        return Losses(tf.add_n(list(parts.values())), parts)


class Cycle(TrainingObjective):
    """Zhu et al. 2017, Eqs. 1 to 3, with the identity loss of Sec. 5.2."""

    def __init__(self, settings: CycleSettings, *, dtype: str) -> None:
        super().__init__(settings, ("AtoB", "BtoA"), ("critic_A", "critic_B"), dtype)
        lam = settings.cycle
        self._weights = {"adversarial": 1.0, "cycle": lam, "identity": lam * settings.identity}
        kinds = ["adversarial", "cycle", *(["identity"] if settings.identity else []), "critic"]
        self.terms = tuple(f"{kind}_{side}" for kind in kinds for side in "AB")

    def generated(self, a: tf.Tensor, b: tf.Tensor, step: tf.Tensor) -> Losses:
        """See `TrainingObjective`."""
        G, F, D_A, D_B = self.networks.values()
        parts = {}
        if "identity_A" in self.terms:
            # What a generator makes of its own goal is asked in the same call.
            fake_b, same_b = tf.split(G(tf.concat([a, b], 0)), 2)
            fake_a, same_a = tf.split(F(tf.concat([b, a], 0)), 2)
            parts["identity_A"] = _mean(tf.abs(same_a - a))
            parts["identity_B"] = _mean(tf.abs(same_b - b))
        else:
            fake_b, fake_a = G(a), F(b)
        parts["adversarial_A"] = _deceived(D_A, fake_a)
        parts["adversarial_B"] = _deceived(D_B, fake_b)
        parts["cycle_A"] = _mean(tf.abs(F(fake_b) - a))
        parts["cycle_B"] = _mean(tf.abs(G(fake_a) - b))
        total = tf.add_n([self._weights[name[:-2]] * part for name, part in parts.items()])
        return Losses(total, parts, [fake_a, fake_b])


STYLE_PICTURES = 64  # paintings, at most, for the style target; crops of photographs for the unit


class Adapted(TrainingObjective):
    """The proposal's objective, adapted to a generator: content + λ · style, and an adversary.

    For a photograph x and the generator's G(x), with the style target the mean statistics of the
    paintings:

        (content(G(x), x) + λ Σ_l ω_l E_l(G(x))) / u + γ (D(G(x)) − 1)²

    content and E_l are those of the `form`, in the loss network (`evaluation.py`). The unit u is λ
    times the style loss of the photographs themselves, so that γ (`adversarial`) means the same in
    every form and at every λ. With γ = 0 it is the feed-forward network of Johnson et al. 2016,
    trained on a collection in place of one painting.

    The style target is the mean of the whole `paintings`, each (H, W, 3): random crops see a
    painting's middle more often than its borders, and so have other statistics. The unit is taken
    from `photographs`, batches of crops. Attributes are λ (`lam`), ω (`omega`), u (`unit`) and the
    `weights` of the loss network.

    At a share of the steps (`closeups`) both losses are those of a quarter of the crop, enlarged
    twofold, and the style target is that of the paintings enlarged twofold. Strokes of one or two
    pixels then count, which the loss network passes over otherwise and another network sees. This
    departs from Johnson et al. 2016.

    Raises:
        InputError: there is no such statistic.
    """

    def __init__(
        self,
        settings: AdaptedSettings,
        *,
        dtype: str,
        paintings: Sequence[tf.Tensor],
        photographs: Sequence[tf.Tensor],
    ) -> None:
        form = FORMS[settings.form]
        layers = settings.content_layers, settings.style_layers
        measures = Measures(form, statistic_named(settings.statistic), *layers)
        self.lam = form.lam if settings.lam is None else settings.lam
        self._adversarial = settings.adversarial
        self.omega = default_omega(form, settings.style_layers)
        self.weights = weights = load_weights(resolve_backbone(settings.backbone)[0])
        measures = in_units(measures, weights, pooling=form.pooling)
        network = loss_network(
            rescaled(weights, pooling=form.pooling) if form.scaled else weights,
            measures.layers,
            pooling=form.pooling,
            precision="mixed" if dtype == "mixed_bfloat16" else "float32",
        )
        self._whole = Whole(network, measures)
        adversary = ("critic_A",) if self._adversarial else ()
        super().__init__(settings, ("BtoA",), adversary, dtype)
        self.terms = ("content", "style", *(("adversarial_A",) if adversary else ()), *adversary)
        # Without `per_position` a Gram matrix is a sum, and a crop has fewer terms than a painting.
        self._summed = not form.per_position and measures.statistic.finish is gram.finish
        self._size, self._seed, self._closeups = settings.size, settings.seed, settings.closeups
        self._target = self._mean_style(paintings)
        if self._closeups:
            self._fine_target = self._mean_style([_enlarged(painting) for painting in paintings])
        crops = [crop for batch in photographs for crop in batch]
        of_crops = [self._losses(crop, crop, self._target)["style_layers"] for crop in crops]
        losses = np.maximum(np.mean(of_crops, axis=0, dtype=np.float64), 1e-12)
        style = float(np.dot(self.omega, losses))
        if settings.omega == "even":
            self.omega = tuple(style / (len(losses) * loss) for loss in losses.tolist())
        self.unit = self.lam * style

    def _encode(self, crop: tf.Tensor) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        return self._whole.encode((crop[None] + 1) / 2, [])

    def _mean_style(self, paintings: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The mean statistics of whole paintings (H, W, 3)."""
        encoded = []
        for painting in paintings:
            share = self._size**2 / math.prod(painting.shape[:2]) if self._summed else 1.0
            encoded.append([share * A for A in self._encode(painting)[1]])
        styles = zip(*encoded, strict=True)
        return [tf.add_n(statistics) / len(encoded) for statistics in styles]

    def _losses(
        self, crop: tf.Tensor, photograph: tf.Tensor, target: list[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """The study's losses of one picture (H, W, 3) in [-1, 1] made of a photograph."""
        content, _ = self._encode(photograph)
        # Neither total variation nor the box is asked of a generator, whose values end at 0 and 1.
        weighting = tuple(tf.constant(w, tf.float32) for w in (self.lam, self.omega, 0.0, 0.0))
        return self._whole.evaluate((crop[None] + 1) / 2, content, target, weighting, [])

    def _seen(self, fake: tf.Tensor, b: tf.Tensor, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """Content, style and total of each picture: as a whole or, at some steps, from nearby."""
        names = ("content", "style", "total")

        def of(view: Callable[[tf.Tensor], tf.Tensor], target: list[tf.Tensor]) -> list[tf.Tensor]:
            # A Gram matrix is that of one picture.
            losses = [self._losses(view(fake[i]), view(b[i]), target) for i in range(b.shape[0])]
            return [tf.stack([loss[name] for loss in losses]) for name in names]

        def whole() -> list[tf.Tensor]:
            return of(lambda crop: crop, self._target)

        def closeup() -> list[tf.Tensor]:
            side = self._size // 2
            corner = tf.cast(drawn[1:] * (self._size - side + 1), tf.int32)
            begin = tf.concat([corner, [0]], 0)
            return of(lambda x: _enlarged(tf.slice(x, begin, (side, side, 3))), self._fine_target)

        if not self._closeups:
            return dict(zip(names, whole(), strict=True))
        drawn = tf.random.stateless_uniform((3,), (self._seed, tf.cast(step, tf.int32)))
        values = tf.cond(drawn[0] < self._closeups, closeup, whole)
        return dict(zip(names, values, strict=True))

    def generated(self, a: tf.Tensor, b: tf.Tensor, step: tf.Tensor) -> Losses:
        """See `TrainingObjective`."""
        fake = self.networks["BtoA"](b)
        parts = self._seen(fake, b, step)
        total = parts.pop("total") / self.unit
        if self._adversarial:
            parts["adversarial_A"] = _deceived(self.networks["critic_A"], fake)
            total += self._adversarial * parts["adversarial_A"]
        return Losses(total, parts, [fake] * len(self.discriminators))
