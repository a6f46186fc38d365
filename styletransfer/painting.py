"""One call for one picture."""

import os
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from .keywords import SettingsDict, takes_settings
from .loop import Callback, Run
from .pictures.sources import Pictures
from .runs.callbacks import Progress
from .runs.record import Result
from .runs.request import Request
from .runs.store import Store, kept_in
from .settings import settings_from


@takes_settings
def transfer(
    content: str | os.PathLike | np.ndarray,
    style: Pictures,
    *,
    start: np.ndarray | None = None,
    masks: Sequence[np.ndarray] | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    store: Store | str | os.PathLike | None = None,
    **settings: Unpack[SettingsDict],
) -> Result:
    """Paint the content picture in the manner of the style picture.

    Interrupting it (Ctrl-C, the stop button) returns the picture so far; the record then says so.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
        style: the painting, likewise; or several, as a list or as the path of a folder, whose mean
            statistics count.
        start: the picture to start from, where `init` cannot name it.
        masks: label pictures of the photograph and of each painting, arrays (H, W, 3) in which a
            region has one colour, where `regions` cannot name them.
        callbacks: called with the run and the step after every step.
        progress: show a progress bar with the time left.
        store: a folder (or a `Store`) where the result is kept; where it is there already, with the
            same settings, pictures and weights, it is returned at once.
        settings: any of those below.

    Returns:
        The picture (`image`) and its record (`record`).

    Raises:
        FileNotFoundError: a picture that is not there.
        InputError: anything else that cannot be used; the message says what to do.
        NonFiniteError: the loss became infinite or not a number; the error holds the last good
            picture.
    """
    request = Request.open(content, style, settings_from(dict(settings)), start, masks)

    def make() -> Result:
        run = Run(
            request.content,
            request.style,
            request.settings,
            start=request.start,
            masks=request.masks,
        )
        return run.finish([*([Progress()] if progress else []), *callbacks])

    return kept_in(store, request.identity, make)
