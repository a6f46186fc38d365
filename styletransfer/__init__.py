"""Neural style transfer after Gatys, Ecker and Bethge (CVPR 2016), reproduced and measured."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import InputError, NonFiniteError
    from .loop import Run
    from .objective import Losses, Objective
    from .painting import transfer
    from .pictures import datasets
    from .pictures.datasets import load_image
    from .pictures.images import save_image
    from .runs.record import Result
    from .settings import Settings
    from .study.sweeps import sweep

__version__ = "0.2.0"

__all__ = [
    "InputError",
    "Losses",
    "NonFiniteError",
    "Objective",
    "Result",
    "Run",
    "Settings",
    "datasets",
    "load_image",
    "save_image",
    "sweep",
    "transfer",
]

_HOMES = {
    "InputError": "errors",
    "NonFiniteError": "errors",
    "Losses": "objective",
    "Objective": "objective",
    "Result": "runs.record",
    "Run": "loop",
    "Settings": "settings",
    "load_image": "pictures.datasets",
    "save_image": "pictures.images",
    "sweep": "study.sweeps",
    "transfer": "painting",
}


def __getattr__(name: str) -> Any:
    # Importing TensorFlow takes seconds. Names are looked up when they are first used, so that
    # --help, a wrong option or a look at the databases answers at once.
    if name == "datasets":
        return importlib.import_module(".pictures.datasets", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
