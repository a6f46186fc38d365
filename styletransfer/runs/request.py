"""What is asked for: pictures and settings; and the identity of what will come of it."""

import dataclasses
import functools
import hashlib
import json
import os
from dataclasses import dataclass

import numpy as np

from .. import __version__
from ..errors import InputError
from ..fast.precision import resolve_precision
from ..forms import FORMS
from ..losses import statistic_named
from ..pictures.sources import Collection, Pictures, Source, open_picture, open_pictures
from ..settings import Settings
from ..weights.backbones import load_weights, resolve_backbone
from .schedule import Shapes, settled

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
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
        start: str | np.ndarray | Source | None = None,
    ) -> "Request":
        """Open the pictures.

        Args:
            content: a path, a name in the databases, an array (H, W, 3) in [0, 1], or a picture
                that is open already.
            style: likewise, or several (see `Pictures`).
            settings: every option.
            start: the picture to start from, where it is none that `settings.init` can name.

        Raises:
            FileNotFoundError: a picture that is not there.
            InputError: a picture that cannot be used, or a start from a style of several pictures.
        """
        if start is None and settings.init not in ("content", "style", "noise"):
            start = settings.init
        if not isinstance(content, Source):
            content = open_picture(content, "the content picture")
        if not isinstance(style, (Source, Collection)):
            style = open_pictures(style, "the style picture")
        if start is not None and not isinstance(start, Source):
            start = open_picture(start, "the first picture")
        if start is None and settings.init == "style" and len(style.members) > 1:
            raise InputError(
                f"init is 'style', but the style is {len(style.members)} pictures; name one to "
                "start from"
            )
        return cls(content, style, settings, start)

    @property
    def shapes(self) -> Shapes:
        """Of the photograph and of the paintings, at their own sizes."""
        return self.content.picture.shape, *(m.picture.shape for m in self.style.members)

    @functools.cached_property
    def identity(self) -> str:
        """The same 32 hexadecimal digits for the same settings, pictures, weights and version.

        The settings count as `settled`: a default that is spelled out is the same as one that is
        left open. Pictures and weights count by their checksums, not by their names; the order of
        several paintings does not count, nor does a setting that only another start or another
        network has (`noise`, `floor`). How the network is computed counts, for in another precision
        the picture differs in its last digits: "auto" as what it stands for, "mixed" as it was
        asked for. A user's statistic counts by its code (see `Statistic.fingerprint`).

        Raises:
            InputError: an unknown statistic, or weights that are not here.
        """
        settings = settled(self.settings, self.shapes)
        options = dataclasses.asdict(settings)
        if settings.precision == "auto":
            options["precision"] = resolve_precision("auto", size=settings.size)
        del options["backbone"], options["quality"]
        if settings.init != "noise":
            del options["noise"]
        if not FORMS[settings.form].scaled:
            del options["floor"]
        sources = (self.content, self.style, self.start)
        if self.start is not None:
            del options["init"]  # its name; the picture counts
        facts = {
            "settings": options,
            "statistic": statistic_named(settings.statistic).fingerprint,
            "weights": load_weights(resolve_backbone(settings.backbone)[0]).sha256,
            "pictures": [source and source.about["sha256"] for source in sources],
            "version": __version__,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
