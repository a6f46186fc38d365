"""Saved states: arrays and facts in one .npz file, which is there whole or not at all."""

import dataclasses
import itertools
import json
import math
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import InputError
from ..pictures.files import atomic_path
from ..pictures.images import MAX_PIXELS, as_picture, fit
from ..pictures.sources import Source, described
from . import schema
from .request import Request
from .schedule import Stage

__all__ = ["Saved", "read_state", "write_state"]

MOST_FACTS = 2**28
"""Bytes of the facts, 4 a character."""

Headers = dict[str, tuple[tuple[int, ...], np.dtype]]
"""Shape and type of every array of a file, by name."""


def write_state(
    path: str | os.PathLike, arrays: dict[str, np.ndarray], facts: dict[str, Any]
) -> None:
    """Write arrays and facts (anything that JSON holds) into one .npz file, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)


def read_state(
    path: str | os.PathLike,
    *,
    what: str = "the saved state of a run",
    check: Callable[[dict[str, Any], Headers], None] | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `write_state` wrote. Nothing is read that the file declares larger than it is.

    Args:
        path: the file.
        what: it should be, for the message where it is not.
        check: sees the facts and the arrays' headers before any array is read, and raises an
            InputError where they are not what they should be.

    Raises:
        FileNotFoundError: no such file.
        InputError: the file is damaged or something else.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if not path.is_file():
            raise InputError("it is no file")
        with zipfile.ZipFile(path) as archive:
            headers = _headers(archive, path.stat().st_size)
            if headers.pop("facts")[1].itemsize > MOST_FACTS:
                raise InputError("its facts are too long")
            facts = schema.parsed(str(_array(archive, "facts")))
            if not isinstance(facts, dict):
                raise InputError("its facts have no names")
            if check is not None:
                check(facts, dict(headers))
            return {name: _array(archive, name) for name in headers}, facts
    except Exception as error:  # zipfile, zlib, NumPy and the system each have their own
        raise InputError(f"{path} is not {what}, or it is damaged ({error})") from None


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _headers(archive: zipfile.ZipFile, most: int) -> Headers:
    """The arrays' headers; raises an error where anything is larger than it is on the disk."""
    headers: Headers = {}
    for member in archive.infolist():
        name, ending = os.path.splitext(member.filename)
        most -= member.compress_size
        stored = member.compress_type == zipfile.ZIP_STORED
        if ending != ".npy" or name in headers or not stored or most < 0:
            raise InputError(f"{member.filename} is not as they are written here")
        with archive.open(member) as file:
            headers[name] = shape, dtype = _header(file)
            size = math.prod(shape) * dtype.itemsize
            if dtype.hasobject or size != member.compress_size - file.tell():
                raise InputError(f"{member.filename} is not as long as it says")
    return headers


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    old = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A run on disk: all that is needed to go on with it.

    Attributes:
        request: the pictures, and the settings with every one decided.
        plan: the stages, as the machine decided that the run began on.
        weights: SHA-256 of the network's weights.
        asked: what a record says of the weights that were asked for.
        arrays, position: see `RunState.packed`.
    """

    request: Request
    plan: tuple[Stage, ...]
    weights: str
    asked: dict[str, str]
    arrays: dict[str, np.ndarray]
    position: dict[str, Any]

    def write(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all.

        Raises:
            InputError: the place cannot be written, or has a file that is no saved run.
        """
        if Path(path).exists() and not schema.is_saved_run(path):
            raise InputError(f"{path} is there and is not a saved run; choose another name")
        request = self.request
        sources = {"content": request.content, "style": request.style, "start": request.start}
        pictures = {
            _picture(name, number): member.compact
            for name, source in sources.items()
            for number, member in enumerate(source.members if source else ())
        }
        facts = {
            "settings": dataclasses.asdict(request.settings),
            "about": {"content": request.content.about, "style": request.style.about},
            "start": request.start.about if request.start else None,
            "weights": self.weights,
            "asked": self.asked,
            "plan": [dataclasses.asdict(stage) for stage in self.plan],
            "position": self.position,
        }
        write_state(path, {**self.arrays, **pictures}, facts)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Saved":
        """What `write` wrote, checked as a whole.

        Raises:
            FileNotFoundError: no such file.
            InputError: the file is damaged, something else, or from a version that cannot go on.
        """
        arrays, facts = read_state(path, check=_check)

        def source(name: str, about: dict[str, Any]) -> Any:
            number = itertools.count()

            def member(about: dict[str, Any]) -> Source:
                return Source(as_picture(arrays.pop(_picture(name, next(number)))), about)

            return described(about, member)

        try:
            content, style = (source(name, facts["about"][name]) for name in ("content", "style"))
            start = source("start", facts["start"]) if facts["start"] else None
            _check_arrays(arrays, facts["position"]["state"].get("pairs", ()))
            request = Request(content, style, schema.replayable(facts["settings"]), start)
        except InputError as error:
            raise InputError(f"{path} cannot be gone on with: {error}") from None
        plan = tuple(Stage(**stage) for stage in facts["plan"])
        about = {name: facts[name] for name in ("weights", "asked", "position")}
        return cls(request=request, plan=plan, arrays=arrays, **about)


def _picture(name: str, number: int) -> str:
    """What the array of a source's picture is called."""
    return f"{name}-{number}" if number else name


def _check(values: dict[str, Any], headers: Headers) -> None:
    """Refuse a saved run that does not agree with itself.

    Raises:
        InputError: the message names the key.
    """
    facts = schema.checked(schema.Facts, values)
    settings, at = schema.recorded_settings(values["settings"]), facts.position
    style = enumerate(facts.about.style.pictures or [facts.about.style])
    pictures: list[tuple[str, Any]] = [("content", facts.about.content)]
    pictures += [(_picture("style", number), about) for number, about in style]
    pictures += [("start", facts.start)] if facts.start else []
    shapes: dict[str, tuple[int, ...]] = {}
    for name, about in pictures:
        shape, dtype = headers.pop(name, ((), np.dtype(float)))
        right = len(shape) == 3 and shape[2] == 3 and 0 < math.prod(shape[:2]) <= MAX_PIXELS
        if not right or dtype not in (np.uint8, np.float32):
            raise InputError(f"the array {name} is no picture")
        shapes[name] = shape
        if (about.height or shape[0], about.width or shape[1]) != shape[:2]:
            raise InputError(f"the array {name} has another size than its picture")
    sizes = [stage.size for stage in facts.plan]
    steps = sum(stage.steps for stage in facts.plan)
    if settings.sizes is None or tuple(dict.fromkeys(sizes)) != settings.sizes:
        raise InputError("plan: the sizes are not those of the settings")
    if not isinstance(settings.steps, tuple) or steps != sum(settings.steps):
        raise InputError("plan: the steps are not those of the settings")
    photo = shapes["content"]
    scales = {name: settings.style_scale if "style" in name else 1.0 for name in shapes}
    for name, shape in shapes.items():
        if math.prod(fit(shape, max(1, round(scales[name] * sizes[-1])))) > MAX_PIXELS:
            raise InputError(f"plan: its sizes are too large for the array {name}")
    if at.stage >= len(facts.plan):
        raise InputError("position.stage: there are not so many sizes")
    if at.done > facts.plan[at.stage].steps:
        raise InputError("position.done: there are not so many steps")
    if not at.done <= len(at.history) <= steps or (at.losses is None) == bool(at.history):
        raise InputError("position.history: it does not have the steps that are made")
    position = values["position"]
    weightings = (position["weighting"], position["weights"], *position["changes"])
    schema.check_weights(weightings, settings)
    canvas = (*fit(photo, facts.plan[at.stage].size), 3)
    needed = _state_arrays(settings.optimizer, position["state"], bool(at.done))
    if needed - headers.keys() or headers.keys() - needed - {"state.direction"}:
        raise InputError("position.state: its arrays are not those of the optimiser")
    for name, (shape, dtype) in headers.items():
        if shape != canvas or dtype != np.float32:
            raise InputError(f"the array {name} does not have the picture's shape and type")


def _state_arrays(optimizer: str, values: dict[str, Any], evaluated: bool) -> set[str]:
    """The arrays that an optimiser's state must have."""
    state = schema.checked(schema.STATES[optimizer], values, "position.state")
    names = {"lbfgs": [], "adam": ["mean", "square"], "sgd": ["velocity"]}[optimizer]
    if isinstance(state, schema.LBFGS):
        names += [f"{name}{i}" for i in range(len(state.pairs)) for name in "sy"]
        names += ["gradient"] if evaluated else []
        names += ["direction"] if evaluated and not state.stalled else []
        low, high = state.low or [0.0], state.high or [math.inf]
        downhill = state.slope < 0 or state.stalled or not evaluated
        if not (low[0] < high[0] and downhill):
            raise InputError("position.state: its line search has no bracket")
    return {f"state.{name}" for name in ("x", "kept", *names)}


def _check_arrays(arrays: dict[str, np.ndarray], factors: list[float]) -> None:
    """Refuse values that would be divided by zero, and a picture that cannot be shown."""
    if not np.isfinite(arrays["state.kept"]).all():
        raise InputError("the array state.kept has values that are not finite")
    for i, factor in enumerate(factors):
        y = arrays[f"state.y{i}"].ravel()
        if not 0 < factor * float(np.dot(y, y)) < math.inf:
            raise InputError(f"position.state.pairs: the pair {i} has no curvature")
