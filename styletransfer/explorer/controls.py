"""A control for every setting: what it does comes from `Settings`, and so does its default."""

import contextlib
import dataclasses
import html
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import ipywidgets as widgets

from ..errors import InputError
from ..forms import FORMS, Form
from ..layers import LAYERS, default_omega
from ..options import reader
from ..runs.request import STARTS
from ..settings import Settings, settings_from, title
from ..statistics import STATISTICS
from ..weights.backbones import BACKBONES

MAIN = ("size", "quality", "lam", "color", "init")
"""The settings that are always in view; all others are under "More settings"."""

GROUPS = {
    "The objective": (
        "form",
        "content_layers",
        "style_layers",
        "omega",
        "statistic",
        "tv",
        "box",
        "style_scale",
        "mix",
        "regions",
        "guide",
    ),
    "The loss network": (
        "backbone",
        "pooling",
        "padding",
        "activation",
        "floor",
        "precision",
        "tile",
    ),
}
"""The headings under "More settings"; what is not named here stands under `LAST`."""

LAST = "The start and the optimiser"

LABELS = {
    "lam": "style weight λ",
    "color": "colours",
    "init": "initialisation",
    "omega": "layer weights ω",
    "statistic": "style statistic",
    "tv": "total variation",
    "box": "range weight",
    "style_scale": "scale of the painting",
    "mix": "weights of paintings",
    "guide": "positions of a region",
    "backbone": "loss network",
    "history": "L-BFGS history",
    "noise": "noise level",
    "decay": "learning rate decay",
}

SUGGESTED = {"backbone": BACKBONES, "init": STARTS}
"""Of settings that may also be the path of a file."""

DECADES = 4  # of the slider of λ, to each side of the form's default

MOST_OMEGA = 4.0  # of the sliders of ω, in units of the form's own

WIDE = {"width": "auto"}

DEFAULTS = Settings()
ENTRIES = {entry.name: entry.metadata for entry in dataclasses.fields(Settings)}
KINDS = get_type_hints(Settings)


class Controls(widgets.VBox):
    """All settings of a run; `changed` is called with the name of every one that is changed."""

    def __init__(self) -> None:
        self.changed: Callable[[str], None] = lambda name: None
        self._quiet = False
        self.fields = {name: _field(name) for name in ENTRIES}
        self.weights: dict[str, widgets.FloatSlider] = {}
        rows = {name: _row(name, field) for name, field in self.fields.items()}
        named = [*MAIN, *itertools.chain(*GROUPS.values())]
        groups = {**GROUPS, LAST: [name for name in rows if name not in named]}
        more = []
        for heading, names in groups.items():
            more += [widgets.HTML(heading).add_class("st-heading"), *(rows[name] for name in names)]
        accordion = widgets.Accordion([widgets.VBox(more)], titles=("More settings",))
        super().__init__([*(rows[name] for name in MAIN), accordion])
        self._form_chosen()
        self._layers_chosen()
        self.fields["form"].observe(lambda _: self._form_chosen(), "value")
        self.fields["style_layers"].observe(lambda _: self._layers_chosen(), "value")
        for name, field in self.fields.items():
            if name != "omega":
                field.observe(lambda _, name=name: self._notify(name), "value")

    @property
    def settings(self) -> Settings:
        """What the controls say; InputError where it cannot be used, alone or together."""
        options = {name: self._value(name) for name in ENTRIES}
        if options["sizes"] is not None:
            del options["size"]  # the last of them
        return settings_from({name: value for name, value in options.items() if value is not None})

    @property
    def omega(self) -> tuple[float, ...]:
        """ω_l of the chosen style layers, shallow to deep."""
        return tuple(self.weights[layer].value * unit for layer, unit in self._units().items())

    def show(self, settings: Settings) -> None:
        """Bring every control to these settings."""
        with self._silence():
            for name in ENTRIES:  # the form before λ, and the layers before ω
                self._put(name, getattr(settings, name))
        self._notify("form")

    @contextlib.contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _notify(self, name: str) -> None:
        if not self._quiet:
            self.changed(name)

    def _value(self, name: str) -> Any:
        field = self.fields[name]
        if name == "omega":
            changed = any(slider.value != 1 for slider in self.weights.values())
            return self.omega if changed else None
        if isinstance(field, widgets.SelectMultiple):
            return tuple(layer for layer in LAYERS if layer in field.value)
        if name == "lam":
            return float(f"{field.value:.3g}")  # as it is shown
        if type(field) is not widgets.Text:
            return field.value
        if not field.value.strip():
            return None
        try:
            return reader(KINDS[name])(field.value)
        except ValueError:
            about = ENTRIES[name]["help"]
            raise InputError(f"{name} cannot be {field.value!r}: {about}") from None

    def _put(self, name: str, value: Any) -> None:
        field = self.fields[name]
        if name == "lam":
            value = self._form.lam if value is None else value
            if value > 0:  # a slider in decades has no zero
                field.min = min(field.min, math.log10(value))
                field.max = max(field.max, math.log10(value))
                field.value = value
        elif name == "omega":
            units = self._units()
            weights = units.values() if value is None else value
            for (layer, unit), weight in zip(units.items(), weights, strict=True):
                self.weights[layer].max = max(MOST_OMEGA, weight / unit)
                self.weights[layer].value = weight / unit
        elif type(field) is widgets.Text:
            values = value if isinstance(value, (tuple, list)) else [value]
            field.value = "" if value is None else ", ".join(map(str, values))
        else:
            field.value = value

    @property
    def _form(self) -> Form:
        return FORMS[self.fields["form"].value]

    def _units(self) -> dict[str, float]:
        """The form's own ω of the chosen layers; the sliders show multiples of it."""
        layers = self._value("style_layers")
        return dict(zip(layers, default_omega(self._form, layers), strict=True))

    def _form_chosen(self) -> None:
        """Another form has another λ: its own default, and its own range."""
        field, middle = self.fields["lam"], round(math.log10(self._form.lam))
        with self._silence(), field.hold_trait_notifications():
            field.min, field.max = middle - DECADES, middle + DECADES
            field.value = self._form.lam

    def _layers_chosen(self) -> None:
        """A slider for every style layer; old ones stay as they are."""
        before = {layer: slider.value for layer, slider in self.weights.items()}
        look = {"min": 0, "step": 0.05, "layout": WIDE, "style": {"description_width": "90px"}}
        self.weights = {}
        for layer in self._value("style_layers"):
            value = before.get(layer, 1.0)
            most = max(MOST_OMEGA, value)
            self.weights[layer] = widgets.FloatSlider(value, max=most, description=layer, **look)
            self.weights[layer].observe(lambda _: self._notify("omega"), "value")
        self.fields["omega"].children = tuple(self.weights.values())


def label(name: str) -> str:
    """What the page calls a setting beside its control."""
    return LABELS.get(name, title(name))


def _row(name: str, field: widgets.Widget) -> widgets.VBox:
    about = ENTRIES[name]["help"]
    if name == "omega":
        about += f"; here as a multiple of it, 0 to {MOST_OMEGA:g}"
    heading = widgets.HTML(f"<b>{label(name)}</b>")
    note = widgets.HTML(f"<p>{html.escape(about)}</p>").add_class("st-about")
    row = widgets.VBox([heading, field, note], layout={"margin": "0 0 4px 0"})
    return row.add_class(f"st-row-{name}")


def _field(name: str) -> widgets.Widget:
    value, kind = getattr(DEFAULTS, name), KINDS[name]
    choices = STATISTICS if name == "statistic" else ENTRIES[name]["choices"]
    late = {"continuous_update": False, "layout": WIDE}
    if name == "lam":
        # With coarser steps the drawn slider would take the nearest one in place of a default.
        return widgets.FloatLogSlider(1.0, readout_format=".3g", step=0.05, **late)
    if name in ("content_layers", "style_layers"):
        return widgets.SelectMultiple(options=LAYERS, value=value, rows=6, layout=WIDE)
    if name == "omega":
        return widgets.VBox()
    if name in SUGGESTED:
        return widgets.Combobox(value=value, options=SUGGESTED[name], **late)
    if choices:
        form = [("as the form has it", None)] if value is None else []
        options = [*form, *zip(choices, choices, strict=True)]
        return widgets.Dropdown(options=options, value=value, layout=WIDE)
    if kind is int:
        return widgets.IntText(value=value, step=64 if name == "size" else 1, layout=WIDE)
    if kind is float:
        return widgets.FloatText(value=value, layout=WIDE)
    return widgets.Text(placeholder="left open", **late)
