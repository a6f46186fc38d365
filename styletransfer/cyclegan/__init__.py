"""The GAN side: CycleGAN (Zhu et al. 2017), and the study's objective with an adversarial term."""

import importlib
from typing import Any

_HOMES = {
    "AdaptedSettings": "settings",
    "CycleSettings": "settings",
    "Generator": "generators",
    "SHIPPED": "settings",
    "Trained": "experiment",
    "Training": "training",
    "open_data": "data",
    "train": "experiment",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    # As in the package above: TensorFlow's seconds are taken when they are needed.
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
