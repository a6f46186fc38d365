"""Targets, λ and ω_l made into one function of one picture: its losses and its gradient."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._tensorflow import keras, tf
from .errors import InputError
from .evaluation import Whole
from .fast.precision import resolve_precision
from .fast.tiles import Tiled
from .forms import FORMS
from .layers import check_sides, default_omega, smallest_side
from .losses import Losses, Measures, mean_statistic
from .neighbours import GRID, ITERATE, matched, taken
from .network import loss_network
from .pictures.images import as_picture
from .regions import guiding, mixing
from .scaling import in_units, rescaled
from .settings import Settings, settings_from
from .statistics import statistic_named
from .weights.backbones import load_weights, resolve_backbone


class Objective:
    """The objective as a callable of one picture.

    Args:
        content: the photograph, float (H, W, 3) in [0, 1]; None where there is no content layer.
        style: the painting, float (H', W', 3) in [0, 1] of any size; None where there is no style
            layer. Or several of any sizes: the targets are the means of their statistics, as in Zhu
            et al. 2017 (arXiv 1703.10593), Sec. 5.2: "the average Gram matrix over the whole target
            collection"; or the means with the weights of `mix`. Where the form does not divide the
            Gram matrix by the positions (`proposal` and its kin), a painting counts in proportion
            to its pixels. Of `mean_std` means and deviations are averaged, each by itself.
        labels: with a style for each region, the number of every pixel's region, int (H, W), in the
            content picture and in each painting, −1 for none (see `regions.py`). The targets of a
            region are the means over the paintings that have it. A layer is left out where the
            region has no position in it, with a word in the log.
        start: with the form `nearest` the picture so far, of the photograph's shape: ¼ of it and ¾
            of the photograph are matched with the painting; None for the photograph alone.
        matches: with this form the `matches` of an objective like this one, in place of a search.
        form: this and all that follow: see `Settings`; a tile of None evaluates the picture whole.

    Attributes:
        lam, omega, tv: the weights, which may be changed; anything but finite numbers of at least
            0, ω one for each style layer, raises InputError.
        box: the weight of the box term (`losses.image_terms`); 0 until `weigh_box`.
        form: the `Form`.
        matches: with the form `nearest` the paintings' position that each of the picture is to be
            like, int (H/4, W/4) (see `neighbours.matched`); else None.
        weights: the `Weights` of the loss network.
        pooling: "avg" or "max", as in use.
        precision: "float32", "winograd" or "mixed", as in use.

    Raises:
        InputError: a picture or a setting that cannot be used.
    """

    OPTIONS = (
        "form",
        "lam",
        "content_layers",
        "style_layers",
        "omega",
        "statistic",
        "tv",
        "backbone",
        "pooling",
        "padding",
        "floor",
        "activation",
    )
    """The settings that say what is computed; `precision` and `tile` say how."""

    lam: float
    omega: Sequence[float]
    tv: float
    box: float

    def __init__(
        self,
        content: np.ndarray | None,
        style: np.ndarray | Sequence[np.ndarray] | None,
        *,
        labels: Sequence[np.ndarray] | None = None,
        start: np.ndarray | None = None,
        matches: np.ndarray | None = None,
        form: str = Settings.form,
        lam: float | None = Settings.lam,
        content_layers: Sequence[str] = Settings.content_layers,
        style_layers: Sequence[str] = Settings.style_layers,
        omega: Sequence[float] | None = Settings.omega,
        statistic: str = Settings.statistic,
        tv: float = Settings.tv,
        backbone: str = Settings.backbone,
        pooling: str | None = Settings.pooling,
        padding: str = Settings.padding,
        floor: float = Settings.floor,
        activation: str = Settings.activation,
        precision: str = Settings.precision,
        tile: int | None = Settings.tile,
        mix: Sequence[float] | None = Settings.mix,
        guide: str = Settings.guide,
    ) -> None:
        settings = settings_from(
            {
                "form": form,
                "lam": lam,
                "content_layers": content_layers,
                "style_layers": style_layers,
                "omega": omega,
                "statistic": statistic,
                "tv": tv,
                "backbone": backbone,
                "pooling": pooling,
                "padding": padding,
                "floor": floor,
                "activation": activation,
                "precision": precision,
                "tile": tile,
                "mix": mix,
                "guide": guide,
            }
        )
        self.form = FORMS[settings.form]
        self.content_layers, self.style_layers = settings.content_layers, settings.style_layers
        nearest = self.form.nearest and bool(self.style_layers)
        grid = (f"block{GRID}_conv1",) if nearest else ()
        self._layers = (*self.content_layers, *self.style_layers, *grid)
        self._padding = settings.padding
        content = self._picture(content, "content") if self.content_layers or nearest else None
        self.shape = None if content is None else content.shape
        several: list[Any] = list(style) if isinstance(style, Sequence) else [style]
        paintings = []
        if self.style_layers:
            paintings = [self._picture(painting, "style") for painting in several or [None]]
        self.weights = load_weights(resolve_backbone(settings.backbone)[0])
        self.pooling = settings.pooling or self.form.pooling
        sides = [side for p in (content, *paintings) if p is not None for side in p.shape[:2]]
        self.precision = resolve_precision(settings.precision, size=max(sides, default=0))
        sizes = [content if content is None else content.shape[:2]]
        several = self._labels(labels, [*sizes, *(p.shape[:2] for p in paintings)])
        count, mix = len(self.style_layers), settings.mix if paintings else None
        weights = list(mixing(mix, paintings=len(paintings), layers=count))
        guides: list[list[tf.Tensor]] = [[] for _ in (content, *paintings)]
        if several:
            maps, weights = guiding(
                several,
                self.style_layers,
                weights,
                guide=settings.guide,
                architecture=self.weights.architecture,
            )
            guides = [list(map(tf.constant, layers)) for layers in maps]
        self._functions = self._compiled(settings, len(guides[0][0]) if several else 0)
        encode, self._guides = self._functions.encode, guides[0]
        self._content_targets = [] if content is None else encode(content[None], guides[0])[0]
        pairs = zip(paintings, guides[1:], strict=True)
        encoded = [encode(painting[None], guide)[1] for painting, guide in pairs]
        self.matches = None
        if nearest and content is not None:
            if matches is None:
                now = self._tensor(content if start is None else start)
                mixed = ITERATE * now + (1 - ITERATE) * content[None]
                matches = matched(encode(mixed, [])[1], encoded)
            self.matches, self._style_targets = matches, taken(encoded, matches, content.shape)
        else:
            layers = zip(zip(*encoded, strict=True), weights, strict=True)
            self._style_targets = [mean_statistic(A, w) for A, w in layers]
        self.lam = self.form.lam if settings.lam is None else settings.lam
        self.omega = settings.omega or default_omega(self.form, self.style_layers)
        self.tv, self.box = settings.tv, 0.0

    def _labels(
        self, labels: Sequence[np.ndarray] | None, sizes: Sequence[tuple[int, ...] | None]
    ) -> list[np.ndarray]:
        if labels is None or not self.style_layers:
            return []
        several = [np.asarray(one) for one in labels]
        found = [one.shape for one in several]
        wanted = [size or shape for size, shape in zip(sizes, found, strict=False)]
        if found != wanted or len(found) != len(sizes):
            raise InputError(f"the labels must have the pictures' shapes {sizes}, not {found}")
        self.shape = self.shape or (*found[0], 3)
        return several

    def _compiled(self, settings: Settings, regions: int) -> Whole | Tiled:
        weights = self.weights
        if self.form.scaled:
            weights = rescaled(weights, pooling=self.pooling, floor=settings.floor)
        statistic = statistic_named(settings.statistic)
        if regions and not statistic.additive:
            raise InputError(
                "this style statistic does not add up over the parts of a picture, so it cannot be "
                "that of a region; leave out the regions, or give another statistic"
            )
        measures = Measures(self.form, statistic, self.content_layers, self.style_layers, regions)
        measures = in_units(measures, self.weights, pooling=self.pooling)
        network = loss_network(
            weights,
            measures.layers,
            pooling=self.pooling,
            padding=settings.padding,
            activation=settings.activation,
            precision=self.precision,
        )
        return _compiled(network, measures, settings.tile)

    def _picture(self, picture: np.ndarray | None, what: str) -> np.ndarray:
        if picture is None:
            raise InputError(f"there are {what} layers, but no {what} picture")
        picture = as_picture(picture, f"the {what} picture")
        check_sides(picture.shape, self._layers, what=what, padding=self._padding)
        return picture

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("lam", "tv"):
            value = _weight(name, value)
        elif name == "omega":
            value = tuple(_weight(name, one) for one in value)
            if len(value) != len(self.style_layers):
                raise InputError(
                    f"omega has {len(value)} weights for {len(self.style_layers)} style layers"
                )
        super().__setattr__(name, value)

    @property
    def weighting(self) -> dict[str, Any]:
        """The weights that a user may change, by name."""
        return {"lam": self.lam, "omega": self.omega, "tv": self.tv}

    def __call__(self, image: np.ndarray) -> Losses:
        """The losses of a picture, float (H, W, 3) of the content picture's size.

        Values outside [0, 1] are evaluated as they are; another shape raises InputError.
        """
        return self._losses(self._functions.evaluate(self._tensor(image), *self._arguments()))

    def value_and_gradient(self, image: np.ndarray) -> tuple[Losses, np.ndarray]:
        """The losses of a picture, as a call gives them, and their total's gradient, float32."""
        values, gradient = self._functions.differentiate(self._tensor(image), *self._arguments())
        return self._losses(values), np.asarray(gradient)[0]

    def weigh_box(self, strength: float, gradient: np.ndarray) -> None:
        """Choose the box's weight from the gradient at a picture in [0, 1], where the term is zero.

        The root mean square makes one `strength` (`Settings.box`) serve every form, λ and size.
        Near a minimum the gradient is small: a weight that is there is never made smaller.
        """
        self.box = max(self.box, strength * float(np.sqrt(np.mean(np.square(gradient)))))

    @property
    def traces(self) -> int:
        """How often TensorFlow has traced the gradient: once, however many runs and sizes."""
        return self._functions.traces

    def _tensor(self, image: np.ndarray) -> tf.Tensor:
        image = np.asarray(image, np.float32)
        if image.ndim != 3 or image.shape[2] != 3 or (self.shape and image.shape != self.shape):
            raise InputError(
                f"the picture must have the shape {self.shape or '(H, W, 3)'}, not {image.shape}"
            )
        if min(image.shape[:2]) < (least := smallest_side(self._layers, padding=self._padding)):
            raise InputError(
                f"the picture has a side below the {least} pixels that the deepest layer needs"
            )
        return tf.constant(image[None])

    def _arguments(self) -> tuple:
        # The weights are tensors: changing them never traces the function again.
        weighting = tuple(
            tf.constant(value, tf.float32) for value in (self.lam, self.omega, self.tv, self.box)
        )
        return self._content_targets, self._style_targets, weighting, self._guides

    def _losses(self, values: dict[str, tf.Tensor]) -> Losses:
        content = zip(self.content_layers, values["content_layers"].numpy().tolist(), strict=True)
        style = zip(self.style_layers, values["style_layers"].numpy().tolist(), strict=True)
        return Losses(
            **{name: float(values[name]) for name in ("total", "content", "style", "tv", "box")},
            layers={"content": dict(content), "style": dict(style)},
        )


def _weight(name: str, value: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"{name} must be a finite number of at least 0, not {value}")
    return number


@functools.lru_cache(maxsize=4)  # as many as networks are kept
def _compiled(network: keras.Model, measures: Measures, tile: int | None) -> Whole | Tiled:
    return Whole(network, measures) if tile is None else Tiled(network, measures, tile=tile)
