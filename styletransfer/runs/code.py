"""The call of `transfer` that makes a picture, as lines of Python."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..settings import Settings, settings_from
from . import schema
from .request import Request, counting


def as_code(request: Request) -> str:
    """The call that makes a request's picture, with the settings that are not the defaults."""
    default = dataclasses.asdict(Settings())
    asked = dataclasses.asdict(request.settings).items()
    options = {name: value for name, value in asked if value != default[name]}
    masks = request.masks.about if request.masks else None
    return _call(request.content.about, request.style.about, options, {"masks": masks})


def code_of(record: Mapping[str, Any]) -> str:
    """The call that makes a record's picture: no setting stands there that would follow anyway.

    The network is always named, for "auto" may be another one elsewhere. Where a picture was an
    array, `photo`, `painting` or `start` stands for it, and `masks` for label pictures.

    Raises:
        InputError: the record has settings that do not exist any more.
    """
    options = dataclasses.asdict(schema.replayable(record["settings"]))
    shapes = ((record["content"]["height"], record["content"]["width"], 3),)
    whole = counting(settings_from(options), shapes)
    for name in reversed(list(options)):  # sizes and steps before size and quality
        shorter = {other: value for other, value in options.items() if other != name}
        with contextlib.suppress(InputError):  # those that are left do not go together
            if name != "backbone" and counting(settings_from(shorter), shapes) == whole:
                options = shorter
    more = {name: record.get(name) for name in ("start", "masks")}
    return _call(record["content"], record["style"], options, more)


def _call(
    content: Mapping[str, Any],
    style: Mapping[str, Any],
    options: Mapping[str, Any],
    more: Mapping[str, Mapping[str, Any] | None],
) -> str:
    pictures = [_named(_all(content), "photo"), _named(_all(style), "painting")]
    arrays = [name for name, about in more.items() if None in (p["picture"] for p in _all(about))]
    left_out = "regions" if "masks" in arrays else ""
    settings = [f"{name}={_short(v)!r}" for name, v in options.items() if name != left_out]
    arrays = [f"{name}={name}" for name in arrays]
    lines = [f"    {line}," for line in [*pictures, *settings, *arrays]]
    call = ["from styletransfer import transfer", "", "result = transfer(", *lines, ")"]
    return "\n".join([*call, 'result.save("out.png")'])


def _all(about: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    return about.get("pictures") or [about] if about else []


def _named(pictures: Sequence[Mapping[str, Any]], unnamed: str) -> str:
    names = [repr(each["picture"]) if each["picture"] else unnamed for each in pictures]
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _short(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value
