"""Neural style transfer after Gatys, Ecker and Bethge (CVPR 2016), reproduced and measured."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import InputError, NonFiniteError
    from .loop import Run
    from .losses import Losses
    from .objective import Objective
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
    "errors": ("InputError", "NonFiniteError"),
    "loop": ("Run",),
    "losses": ("Losses",),
    "objective": ("Objective",),
    "painting": ("transfer",),
    "pictures.datasets": ("datasets", "load_image"),
    "pictures.images": ("save_image",),
    "runs.record": ("Result",),
    "settings": ("Settings",),
    "study.sweeps": ("sweep",),
}


def __getattr__(name: str) -> Any:
    # Importing TensorFlow takes seconds. Names are looked up when they are first used, so that
    # --help, a wrong option or a look at the databases answers at once.
    for home, names in _HOMES.items():
        if name in names:
            module = importlib.import_module(f".{home}", __name__)
            return module if name == "datasets" else getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
