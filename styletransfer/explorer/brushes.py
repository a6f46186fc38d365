"""Regions that are painted on the photograph with brushes, and a painting for each."""

import io
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image, ImageColor

from ..errors import InputError
from ..pictures import datasets
from ..pictures.images import encode, fit, resize
from ..pictures.sources import Collection, Source, open_mask, open_picture
from ..pictures.strokes import GROWN, WIDTH, drawn, grown
from ..runs.request import Request
from ..settings import Settings
from .controls import Controls
from .parts import Brush, jpeg
from .pictures import Chooser, kept

COLOURS = ("#e69f00", "#56b4e9", "#009e73")
"""Of the brushes: colours that the colour-blind tell apart (Okabe and Ito 2008)."""

FIRST = ("cafe_terrace_at_night", "great_wave", "composition_viii")  # brushes' paintings at first
CHOSEN = "the painting chosen above"


class Regions(widgets.VBox):
    """Brushes, and the paintings of what they cover; the setting `regions` says what they made.

    While the setting is what was painted, `inputs` has its pictures; whoever empties or changes it
    has no regions, or other ones.
    """

    def __init__(
        self, photo: Chooser, painting: Chooser, controls: Controls, *, folder: Path
    ) -> None:
        self._photo, self._painting, self._controls = photo, painting, controls
        self._folder, self._masks = folder, Collection(())
        names = [f"Brush {number + 1}" for number in range(len(COLOURS))]
        self.brush = Brush(colours=list(COLOURS), names=names, width=WIDTH)
        titles = [(each.title, name) for name, each in datasets.paintings().items()]
        self.paintings = {
            colour: widgets.Dropdown(
                options=[(CHOSEN, ""), *titles], description=name, layout={"width": "auto"}
            )
            for colour, name in zip(COLOURS, names, strict=True)
        }
        for number, choice in enumerate(self.paintings.values()):
            choice.value = FIRST[number] if number else ""
            choice.observe(lambda _: controls.changed("regions"), "value")
        self.message = widgets.HTML().add_class("st-about")
        hint = widgets.HTML(
            "Paint over a part of the photograph with one brush, and over another "
            "with the next. Each region grows to the edges around its strokes, and "
            "takes its style from its brush's painting."
        ).add_class("st-about")
        super().__init__([hint, self.brush, self.message, *self.paintings.values()])
        self.brush.observe(lambda _: self._painted(), "strokes")
        photo.observe(lambda _: self._lay(), "source")
        self._lay()

    def inputs(self, settings: Settings) -> tuple[Source | Collection, Collection | None]:
        """The paintings, and the label pictures where regions are painted."""
        if settings.regions is None or settings.regions != self._regions:
            return self._painting.source, None
        names = [self.paintings[colour].value for colour in self._regions[1:]]
        chosen = [open_picture(name) if name else self._painting.source for name in names]
        return Collection(tuple(chosen)), self._masks

    def take(self, request: Request) -> None:
        """Bring back the paintings of a run, and its regions where they were painted."""
        colours = [mask.label for mask in request.masks.members[1:]] if request.masks else []
        members = request.style.members
        if not colours or not set(colours) <= set(COLOURS):
            self._painting.take(request.style)
            return
        assert request.masks is not None
        named = datasets.paintings()
        own = [member for member in members if member.about["picture"] not in named]
        chosen = (own or members)[0]
        self._painting.take(chosen)
        for colour, member in zip(colours, members, strict=True):
            above = member.about == chosen.about
            self.paintings[colour].value = "" if above else member.about["picture"]
        self.brush.strokes = []
        self._show(request.masks)

    @property
    def _regions(self) -> tuple[str, ...]:
        return tuple(mask.label for mask in self._masks.members)

    def _lay(self) -> None:
        self.brush.strokes = []
        self.brush.picture = jpeg(self._photo.source.picture, most=480)

    def _painted(self) -> None:
        """Regions grow from the strokes, where there are enough; else there are none."""
        before, text, masks = self._regions, "", Collection(())
        if self.brush.strokes:
            picture = self._photo.source.picture
            small = resize(picture, fit(picture.shape, GROWN))
            try:
                numbers = grown(small, drawn(self.brush.strokes, small.shape[:2]))
                palette = np.array([ImageColor.getrgb(colour) for colour in ("#000", *COLOURS)])
                labels = kept((palette[numbers] / 255).astype(np.float32), self._folder)
                used = [COLOURS[number - 1] for number in np.unique(numbers)]
                masks = Collection((labels, *map(open_mask, used)))
            except InputError as error:
                text = str(error)
        self.message.value = text
        field = self._controls.fields["regions"]
        ours = before and field.value == ", ".join(before)
        self._show(masks)
        if masks.members or ours:
            field.value = ", ".join(self._regions)

    def _show(self, masks: Collection) -> None:
        self._masks, data = masks, io.BytesIO()
        if masks.members:
            Image.fromarray(encode(masks.members[0].picture)).save(data, "PNG")
        self.brush.regions = data.getvalue()
