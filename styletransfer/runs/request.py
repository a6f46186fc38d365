"""A run that has not begun: its pictures, its settings, what they amount to, and who it is."""

import dataclasses
import functools
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import __version__
from ..errors import InputError
from ..fast.precision import resolve_precision
from ..forms import FORMS
from ..layers import check_sides
from ..pictures.images import MAX_PIXELS, fit
from ..pictures.sources import Collection, Pictures, Source, open_picture, open_pictures
from ..settings import Settings
from ..weights.backbones import load_weights, resolve_backbone
from ..weights.convolutions import Weights
from .forecast import Forecast, forecast, tile_for
from .plan import Shapes, Stage, history_for, in_tiles, ladder, pixels, plan, share

__all__ = ["Decision", "Job"]


class Decision(NamedTuple):
    """What was left open, decided for this machine and these pictures.

    Attributes:
        settings: with sizes, steps, precision, tile, history and backbone.
        stages: through which the run goes.
        weights: of the loss network.
        asked: what a record says of the weights that were asked for.
    """

    settings: Settings
    stages: tuple[Stage, ...]
    weights: Weights
    asked: dict[str, str]


@dataclass(frozen=True)
class Job:
    """The pictures and the settings of a run, as they were asked for.

    Attributes:
        content, style: the photograph and the painting, or paintings.
        settings: every option; None where it is left open.
        start: the picture to start from, where `settings.init` names none of the two and no noise.
    """

    content: Source
    style: Source | Collection
    settings: Settings
    start: Source | None = None

    @classmethod
    def open(
        cls,
        content: str | os.PathLike | np.ndarray | Source,
        style: Pictures | Source | Collection,
        settings: Settings,
        start: np.ndarray | Source | None = None,
    ) -> "Job":
        """Open the pictures.

        Args:
            content: a path, a name in the databases, an array (H, W, 3) in [0, 1], or a picture that is open already.
            style: likewise, or several (see `Pictures`).
            settings: every option.
            start: the picture to start from, where it is none that `settings.init` can name.

        Raises:
            FileNotFoundError: a picture that is not there.
            InputError: a picture that cannot be used, or a start from a style of several pictures.
        """
        if start is None and settings.init not in ("content", "style", "noise"):
            start = settings.init
        content, start = (
            picture
            if picture is None or isinstance(picture, Source)
            else open_picture(picture, f"the {what} picture")
            for picture, what in ((content, "content"), (start, "first"))
        )
        if not isinstance(style, (Source, Collection)):
            style = open_pictures(style, "the style picture")
        if start is None and settings.init == "style" and len(style.members) > 1:
            raise InputError(
                f"init is 'style', but the style is {len(style.members)} pictures; name one to start from"
            )
        return cls(content, style, settings, start)

    @property
    def shapes(self) -> Shapes:
        """Of the photograph and of the paintings, at their own sizes."""
        return self.content.picture.shape, *(member.picture.shape for member in self.style.members)

    @functools.cached_property
    def identity(self) -> str:
        """Who the run is, in 32 hexadecimal digits: the same for the same settings, pictures, weights and version.

        A default that is spelled out is the same as one that is left open where it depends on the form alone (λ and
        pooling). Pictures and weights count by their checksums, not by their names; the order of several paintings does
        not count, nor does a setting that only another start or another network has (`noise`, `floor`). How the network
        is computed counts, for a picture that was made in another precision is another
        picture, if only in its last digits.
        """
        form = FORMS[self.settings.form]
        settings = dataclasses.asdict(self.settings)
        settings["lam"] = form.lam if settings["lam"] is None else float(settings["lam"])
        settings["pooling"] = settings["pooling"] or form.pooling
        settings["precision"] = resolve_precision(
            settings["precision"], size=(self.settings.sizes or (self.settings.size,))[-1]
        )
        del settings["backbone"]
        if settings["init"] != "noise":
            del settings["noise"]
        if not form.scaled:
            del settings["floor"]
        if self.start is not None:
            del settings["init"]  # its name; the picture counts
        facts = {
            "settings": settings,
            "weights": load_weights(resolve_backbone(self.settings.backbone)[0]).sha256,
            "pictures": [
                source and source.about["sha256"]
                for source in (self.content, self.style, self.start)
            ],
            "version": __version__,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]

    def decide(self) -> Decision:
        """Decide what was left open.

        Raises:
            InputError: settings that cannot be used with these pictures, or a run that does not fit into memory.
        """
        settings, shapes = self.settings, self.shapes
        sizes = settings.sizes or ladder(settings, shapes[0])
        layers = (*settings.content_layers, *settings.style_layers)
        checked = [("content", 1.0, self.content, "content")]
        for member in self.style.members:  # of several, an error names the one
            name = "style" if member is self.style else f"style ({member.label})"
            checked.append(("style", settings.style_scale, member, name))
        for what, scale, source, name in checked:
            height, width = fit(source.picture.shape, round(scale * sizes[-1]))
            if height * width > MAX_PIXELS:
                raise InputError(
                    f"a {name} picture of {width} x {height} is above {MAX_PIXELS / 1e6:.0f} megapixels"
                )
            if getattr(settings, f"{what}_layers"):
                shape = fit(source.picture.shape, round(scale * sizes[0]))
                check_sides(shape, layers, what=name, padding=settings.padding)
        backbone, note = resolve_backbone(settings.backbone)
        weights = load_weights(backbone)
        precision, finish = (
            resolve_precision(name, size=sizes[-1]) for name in (settings.precision, "auto")
        )
        stages = plan(settings, sizes, precision=precision, finish=finish)
        tile = tile_for(settings, weights.architecture, stages[-1], shapes)
        decided: dict[str, Any] = {
            "sizes": sizes,
            "size": sizes[-1],
            "steps": share(settings, sizes),
            "backbone": backbone,
            "tile": tile,
            "precision": precision,
            "history": settings.history
            or history_for(pixels(shapes, sizes[-1], settings.style_scale)[0]),
        }
        asked = {"requested": settings.backbone, **({"note": note} if note else {})}
        return Decision(
            dataclasses.replace(settings, **decided),
            in_tiles(stages, shapes, settings.style_scale, tile),
            weights,
            asked,
        )

    def forecast(self) -> Forecast:
        """How long it will take, and how much memory, on this machine.

        Raises:
            InputError: as `decide`.
        """
        decision = self.decide()
        return forecast(decision.settings, decision.weights, decision.stages, self.shapes)
