"""A study of neural style transfer: Gatys, Ecker and Bethge (CVPR 2016), reproduced and measured."""

import importlib
from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "InputError": "errors",
    "NonFiniteError": "errors",
    "Losses": "objective",
    "Objective": "objective",
    "Result": "runs",
    "Run": "loop",
    "load_image": "datasets",
    "save_image": "images",
    "Settings": "settings",
    "sweep": "sweeps",
    "transfer": "stylize",
}
__all__ = [*_HOMES, "datasets"]


def __getattr__(name: str) -> Any:
    # Importing TensorFlow takes seconds. Names are looked up when they are first used, so that --help, a wrong
    # option or a look at the databases answers at once.
    if name == "datasets":
        return importlib.import_module(".datasets", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
