"""How long a call takes."""

import time
from collections.abc import Callable


def fastest(*functions: Callable[[], object], trials: int = 3) -> list[float]:
    """Seconds of the fastest of some calls of each function.

    They are called in turn, so that another program's work falls on all of them.
    """
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(trials):
        for function, found in zip(functions, seconds, strict=True):
            began = time.perf_counter()
            function()
            found.append(time.perf_counter() - began)
    return [min(found) for found in seconds]
