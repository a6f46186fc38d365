"""A control for every setting: what it does comes from `Settings`, and so does its default."""

import contextlib
import dataclasses
import html
import math
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import ipywidgets as widgets

from ..errors import InputError
from ..forms import FORMS, default_omega
from ..layers import LAYERS
from ..losses import STATISTICS
from ..options import reader
from ..settings import Settings, settings_from
from ..weights.backbones import BACKBONES

__all__ = ["LIVE", "MAIN", "Controls"]

MAIN = (
    *("size", "quality", "lam", "form", "content_layers", "style_layers", "omega"),
    *("init", "seed", "optimizer", "pooling", "tv", "backbone"),
)
"""The settings that are always in view; all others are under "More settings"."""

LIVE = ("lam", "omega", "tv")
"""The settings that count at once when they are changed during a run."""

DECADES = 4  # of the slider of λ, to each side of the form's default

MOST_OMEGA = 4.0  # of the sliders of ω, in units of the form's own

WIDE = {"width": "auto"}


class Controls(widgets.VBox):
    """All settings of a run."""

    def __init__(self) -> None:
        """Every control stands at the library's default."""
        self._told: list[Callable[[str], None]] = []
        self._quiet = False
        self._kinds = get_type_hints(Settings)
        self._entries = {entry.name: entry for entry in dataclasses.fields(Settings)}
        self.fields: dict[str, widgets.Widget] = {}
        self.weights: dict[str, widgets.FloatSlider] = {}
        rows = {name: self._row(name) for name in self._entries}
        more = widgets.Accordion(
            [widgets.VBox([row for name, row in rows.items() if name not in MAIN])]
        )
        more.set_title(0, "More settings")
        super().__init__([*(rows[name] for name in MAIN), more])
        self._scale_lam()
        self._weigh()
        self.fields["form"].observe(lambda _: self._other_form(), "value")
        self.fields["style_layers"].observe(lambda _: self._weigh(), "value")
        for name, field in self.fields.items():
            if name != "omega":
                field.observe(lambda _, name=name: self._tell(name), "value")

    def on_change(self, then: Callable[[str], None]) -> None:
        """Call `then` with the name of every setting that is changed."""
        self._told.append(then)

    @property
    def settings(self) -> Settings:
        """What the controls say.

        Raises:
            InputError: something cannot be used, alone or together.
        """
        options = {name: self._value(name) for name in self._entries}
        if options["sizes"] is not None:
            del options["size"]  # the last of them
        return settings_from({name: value for name, value in options.items() if value is not None})

    @property
    def omega(self) -> tuple[float, ...]:
        """ω_l of the chosen style layers, shallow to deep."""
        own = default_omega(FORMS[self.fields["form"].value], self._layers)
        return tuple(
            self.weights[layer].value * unit for layer, unit in zip(self._layers, own, strict=True)
        )

    def show(self, settings: Settings) -> None:
        """Bring every control to these settings."""
        with self._silence():
            self.fields["form"].value = settings.form
            self._scale_lam()
            for name in self._entries:
                if name not in ("form", "omega"):
                    self._put(name, getattr(settings, name))
            self._weigh()
            if settings.omega is not None:
                own = default_omega(FORMS[settings.form], settings.style_layers)
                for layer, weight, unit in zip(
                    settings.style_layers, settings.omega, own, strict=True
                ):
                    self.weights[layer].max = max(MOST_OMEGA, weight / unit)
                    self.weights[layer].value = weight / unit
        self._tell("form")

    @contextlib.contextmanager
    def _silence(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _tell(self, name: str) -> None:
        if not self._quiet:
            for then in self._told:
                then(name)

    def _row(self, name: str) -> widgets.Widget:
        field = self.fields[name] = self._field(name)
        about = self._entries[name].metadata["help"]
        if name == "omega":
            about += f"; here as a multiple of it, 0 to {MOST_OMEGA:g}"
        title = {"lam": "λ", "omega": "ω", "tv": "total variation"}.get(
            name, name.replace("_", " ")
        )
        return widgets.VBox(
            [
                widgets.HTML(f"<b>{title}</b>"),
                field,
                widgets.HTML(f"<p>{html.escape(about)}</p>").add_class("st-about"),
            ],
            layout={"margin": "0 0 4px 0"},
        ).add_class(f"st-row-{name}")

    def _field(self, name: str) -> widgets.Widget:
        entry = self._entries[name]
        choices, default = entry.metadata["choices"], entry.default
        if name == "lam":
            # Else, once drawn, it would put the nearest step in the place of a default between two.
            look = {"readout_format": ".3g", "step": 0.05, "layout": WIDE}
            return widgets.FloatLogSlider(value=1.0, continuous_update=False, **look)
        if name in ("content_layers", "style_layers"):
            return widgets.SelectMultiple(options=LAYERS, value=default, rows=6, layout=WIDE)
        if name == "omega":
            return widgets.VBox()
        if name == "backbone":
            return widgets.Combobox(
                value=default, options=BACKBONES, continuous_update=False, layout=WIDE
            )
        if name == "init":
            return widgets.Combobox(
                value=default,
                options=("content", "style", "noise"),
                continuous_update=False,
                layout=WIDE,
            )
        if name == "statistic":
            choices = tuple(STATISTICS)
        if choices:
            options = [(choice, choice) for choice in choices]
            return widgets.Dropdown(
                value=default,
                options=[("as the form has it", None), *options] if default is None else options,
                layout=WIDE,
            )
        kind = self._kinds[name]
        if kind is int:
            return widgets.IntText(value=default, step=64 if name == "size" else 1, layout=WIDE)
        if kind is float:
            return widgets.FloatText(value=default, layout=WIDE)
        return widgets.Text(value="", placeholder="left open", continuous_update=False, layout=WIDE)

    def _value(self, name: str) -> Any:
        field = self.fields[name]
        if name == "omega":
            return (
                None if all(slider.value == 1 for slider in self.weights.values()) else self.omega
            )
        if name in ("content_layers", "style_layers"):
            return tuple(layer for layer in LAYERS if layer in field.value)
        if name == "lam":
            return float(f"{field.value:.3g}")  # as it is shown
        if not isinstance(field, widgets.Text) or isinstance(field, widgets.Combobox):
            return field.value
        if not field.value.strip():
            return None
        try:
            return reader(self._kinds[name])(field.value)
        except ValueError:
            raise InputError(
                f"{name} cannot be {field.value!r}: {self._entries[name].metadata['help']}"
            ) from None

    def _put(self, name: str, value: Any) -> None:
        field = self.fields[name]
        if name == "lam":
            value = FORMS[self.fields["form"].value].lam if value is None else value
            if value > 0:  # a slider in decades has no zero
                field.min, field.max = (
                    min(field.min, math.log10(value)),
                    max(field.max, math.log10(value)),
                )
                field.value = value
        elif isinstance(field, widgets.Text) and not isinstance(field, widgets.Combobox):
            several = isinstance(value, (tuple, list))
            field.value = (
                "" if value is None else ", ".join(map(str, value)) if several else str(value)
            )
        else:
            field.value = value

    @property
    def _layers(self) -> tuple[str, ...]:
        return tuple(layer for layer in LAYERS if layer in self.fields["style_layers"].value)

    def _other_form(self) -> None:
        """Another form has another λ: its own default, and its own range."""
        if not self._quiet:
            with self._silence():
                self._scale_lam()
                self._weigh()

    def _scale_lam(self) -> None:
        field, lam = self.fields["lam"], FORMS[self.fields["form"].value].lam
        middle = round(math.log10(lam))
        low, high = middle - DECADES, middle + DECADES
        field.min, field.max = (
            min(low, field.min),
            max(high, field.max),
        )  # so that no order of setting is refused
        field.value = lam
        field.min, field.max = low, high

    def _weigh(self) -> None:
        """A slider for each style layer; those that were there keep their place."""
        before = {layer: slider.value for layer, slider in self.weights.items()}
        self.weights = {
            layer: widgets.FloatSlider(
                before.get(layer, 1.0),
                min=0,
                max=max(MOST_OMEGA, before.get(layer, 1.0)),
                step=0.05,
                description=layer,
                layout=WIDE,
                style={"description_width": "90px"},
            )
            for layer in self._layers
        }
        for slider in self.weights.values():
            slider.observe(lambda _: self._tell("omega"), "value")
        self.fields["omega"].children = tuple(self.weights.values())
