"""What is asked for, the identity of what will come of it, and the plan that it comes to."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import __version__
from ..errors import InputError, log
from ..fast.precision import resolve_precision
from ..forms import FORMS
from ..layers import check_sides
from ..pictures import datasets
from ..pictures.files import file_sha256
from ..pictures.images import MAX_PIXELS, fit
from ..pictures.sources import (
    Collection,
    Pictures,
    Source,
    open_mask,
    open_picture,
    open_pictures,
)
from ..regions import labelled, matched, mixing
from ..settings import Settings
from ..statistics import statistic_named
from ..weights.backbones import load_weights, resolve_backbone
from ..weights.convolutions import Weights
from .memory import tile_for
from .schedule import Shapes, Stage, in_tiles, settled, stages_of

STARTS = ("content", "style", "noise", "generator")
"""What `Settings.init` names beside pictures."""


@dataclass(frozen=True)
class Request:
    """The pictures and the settings of a run, as they were asked for."""

    content: Source  # the photograph
    style: Source | Collection  # the painting, or paintings
    settings: Settings  # every option; None where it is left open
    start: Source | None = None  # where `settings.init` names none of `STARTS`
    masks: Collection | None = None  # label pictures of the photograph and of each painting

    @classmethod
    def open(
        cls,
        content: str | os.PathLike | np.ndarray | Source,
        style: Pictures | Source | Collection,
        settings: Settings,
        start: str | np.ndarray | Source | None = None,
        masks: Sequence[str | np.ndarray] | Collection | None = None,
    ) -> "Request":
        """Open the pictures, where they are not open already; for the arguments see `Run`.

        Several paintings, their weights and their label pictures are put in the order of their
        checksums, so that not even the mean's last digit depends on the order given.

        Raises:
            FileNotFoundError: a picture that is not there.
            InputError: a picture that cannot be used, a start from a style of several pictures,
                label pictures that do not fit (see `labelled`), or weights (see `mixing`).
        """
        if start is None and settings.init not in STARTS:
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
        if masks is None and settings.regions is not None and not settings.clusters:
            masks = settings.regions
        if masks is not None and not isinstance(masks, Collection):
            masks = Collection(tuple(open_mask(mask) for mask in masks))
        if masks is not None:
            labelled(masks.members, cls(content, style, settings).shapes)
        style, settings, masks = _in_order(style, settings, masks)
        return cls(content, style, settings, start, masks)

    def labels(self, weights: Weights) -> list[np.ndarray] | None:
        """Which regions the pictures have, as `labelled` or `matched` says; None for no regions.

        Raises:
            InputError: there are none to be found, or the label pictures do not fit.
        """
        if self.masks is not None:
            labels = labelled(self.masks.members, self.shapes)
            for mask, numbers, shape in zip(self.masks.members, labels, self.shapes, strict=True):
                if numbers.shape != shape[:2] and numbers.min() < numbers.max():
                    said = "The label picture %s has %d x %d pixels, and is resized."
                    log.info(said, mask.label, *numbers.shape[::-1])
            return labels
        if not (regions := self.settings.clusters):
            return None
        paintings = [member.picture for member in self.style.members]
        return matched(self.content.picture, paintings, regions=regions, weights=weights)

    @property
    def shapes(self) -> Shapes:
        """Of the photograph and of the paintings, at their own sizes."""
        return self.content.picture.shape, *(m.picture.shape for m in self.style.members)

    @functools.cached_property
    def identity(self) -> str:
        """The same 32 hexadecimal digits for the same settings, pictures, weights and version.

        The settings count as `settled`: a default that is spelled out is the same as one that is
        left open. Pictures, label pictures and weights count by their checksums, not by their
        names; the order of several paintings does not count, nor does a setting that only another
        start or another network has (`noise`, `floor`). How the network is computed counts, for in
        another precision the picture differs in its last digits: "auto" as what it stands for,
        "mixed" as it was asked for. A user's statistic counts by its code (see
        `Statistic.fingerprint`), the generators that come along by their files where a run starts
        from one.

        Raises:
            InputError: an unknown statistic, or weights that are not here.
        """
        options = counting(self.settings, self.shapes)
        del options["backbone"]
        if self.masks is not None:
            options["regions"] = [mask.about["sha256"] for mask in self.masks.members]
        if self.start is not None:
            del options["init"]  # its name; the picture counts
        sources = (self.content, self.style, self.start)
        facts = {
            "settings": options,
            "statistic": statistic_named(self.settings.statistic).fingerprint,
            "weights": load_weights(resolve_backbone(self.settings.backbone)[0]).sha256,
            "pictures": [source and source.about["sha256"] for source in sources],
            "version": __version__,
        }
        if options.get("init") == "generator":  # all of them: which it is, `cyclegan` knows
            files = sorted((datasets.data_folder() / "generators").glob("*.npz"))
            facts["generators"] = list(map(file_sha256, files))
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _in_order(
    style: Source | Collection, settings: Settings, masks: Collection | None
) -> tuple[Source | Collection, Settings, Collection | None]:
    """Paintings in the order of their checksums, with what belongs to each."""
    count = len(style.members)
    mixing(settings.mix, paintings=count, layers=len(settings.style_layers))
    order = sorted(range(count), key=lambda number: style.members[number].about["sha256"])
    if count > 1:
        style = Collection(tuple(style.members[number] for number in order), style.label)
    if settings.mix is not None:
        mix = np.reshape(settings.mix, (-1, count))[:, order].ravel()
        settings = dataclasses.replace(settings, mix=tuple(mix))
    if masks is not None:
        first, *others = masks.members
        masks = Collection((first, *(others[number] for number in order)))
        labels = tuple(mask.label for mask in masks.members)
        settings = dataclasses.replace(settings, regions=labels)
    return style, settings, masks


def counting(settings: Settings, shapes: Shapes) -> dict[str, Any]:
    """The settings that decide the picture, with all that was left open decided."""
    settings = settled(settings, shapes)
    options = dataclasses.asdict(settings)
    if settings.precision == "auto":
        options["precision"] = resolve_precision("auto", size=settings.size)
    del options["quality"]
    if settings.init != "noise":
        del options["noise"]
    if not FORMS[settings.form].scaled:
        del options["floor"]
    if settings.color == "painting":
        del options["color"]  # as it was before there was a choice
    if settings.mix is None:
        del options["mix"]
    if settings.regions is None:
        del options["regions"], options["guide"]
    return options


@dataclass(frozen=True)
class Plan:
    """What a request comes to, on this machine and with these pictures."""

    settings: Settings  # every one decided
    stages: tuple[Stage, ...]
    weights: Weights  # of the loss network
    asked: dict[str, str]  # what a record says of the weights that were asked for


def resolve(request: Request) -> Plan:
    """Decide form, λ, ω, pooling, sizes, steps, backbone, precision, tile and history.

    Raises:
        InputError: settings that these pictures do not allow, or a run that memory does not.
    """
    settings, shapes = settled(request.settings, request.shapes), request.shapes
    statistic_named(settings.statistic)
    _check_pictures(request, settings)
    backbone, note = resolve_backbone(settings.backbone)
    weights = load_weights(backbone)
    precision = resolve_precision(settings.precision, size=settings.size)
    finish = resolve_precision("auto", size=settings.size)
    stages = stages_of(settings, precision=precision, finish=finish)
    tile = tile_for(settings, weights.architecture, stages[-1], shapes)
    asked = {"requested": settings.backbone, **({"note": note} if note else {})}
    decided = dataclasses.replace(settings, backbone=backbone, precision=precision, tile=tile)
    return Plan(decided, in_tiles(stages, shapes, settings.style_scale, tile), weights, asked)


def _check_pictures(request: Request, settings: Settings) -> None:
    """Refuse pictures that are too large, or too small for the layers at the coarsest size."""
    sizes, style = settings.sizes or (settings.size,), request.style
    pictures = [("content", settings.content_layers, 1.0, request.content)]
    for member in style.members:  # of several, an error names the one
        name = "style" if member is style else f"style ({member.label})"
        pictures.append((name, settings.style_layers, settings.style_scale, member))
    deepest = (*settings.content_layers, *settings.style_layers)
    for name, layers, scale, source in pictures:
        height, width = fit(source.picture.shape, max(1, round(scale * sizes[-1])))
        if height * width > MAX_PIXELS:
            most = f"{MAX_PIXELS / 1e6:.0f} megapixels"
            raise InputError(f"a {name} picture of {width} x {height} is above {most}")
        if layers:
            shape = fit(source.picture.shape, max(1, round(scale * sizes[0])))
            check_sides(shape, deepest, what=name, padding=settings.padding)
