"""One call for one picture."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .listeners import Progress
from .loop import Listener, Run
from .runs import Result
from .settings import settings_from, takes_settings

__all__ = ["transfer"]


@takes_settings
def transfer(
    content: str | os.PathLike | np.ndarray,
    style: str | os.PathLike | np.ndarray,
    *,
    start: np.ndarray | None = None,
    listeners: Sequence[Listener] = (),
    progress: bool = True,
    **settings: Any,
) -> Result:
    """Paint the content picture in the manner of the style picture.

    Interrupting it (Ctrl-C, the stop button) returns the picture so far; the record then says so.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
        style: the painting, likewise.
        start: the picture to start from, where `init` cannot name it.
        listeners: called with the run and the step after every step.
        progress: show a progress bar with the time left.
        settings: any of those below.

    Returns:
        The picture (`image`) and its record (`record`).

    Raises:
        FileNotFoundError: a picture that is not there.
        InputError: anything else that cannot be used; the message says what to do.
        NonFiniteError: the loss became infinite or not a number; the error holds the last good picture.
    """
    run = Run(content, style, settings_from(settings), start=start)
    return run.finish([*([Progress()] if progress else []), *listeners])
