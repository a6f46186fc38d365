"""Every setting as a keyword of a function: for type checkers, editors and its documentation."""

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import TypedDict

from .settings import Settings


class SettingsDict(TypedDict, total=False):
    """`Settings` as the keywords of a function, for editors and type checkers."""

    size: int
    quality: str
    sizes: Sequence[int] | None
    steps: int | Sequence[int] | None
    form: str
    lam: float | None
    content_layers: str | Sequence[str]
    style_layers: str | Sequence[str]
    omega: float | Sequence[float] | None
    statistic: str
    tv: float
    box: float
    backbone: str
    pooling: str | None
    padding: str
    floor: float
    activation: str
    precision: str
    tile: int | None
    optimizer: str
    history: int | None
    learning_rate: float | None
    momentum: float
    decay: float
    init: str
    seed: int
    noise: float
    color: str
    style_scale: float
    mix: Sequence[float] | None
    regions: str | Sequence[str] | None
    guide: str


def takes_settings(function: Callable) -> Callable:
    """Describe every setting in the documentation of a function that takes them as keywords."""
    entries = dataclasses.fields(Settings)
    lines = [f"    {e.name} (default {e.default!r}): {e.metadata['help']}" for e in entries]
    about = inspect.cleandoc(function.__doc__ or "")
    function.__doc__ = "\n".join([about, "", "Settings:", *lines, ""])
    return function
