"""An option's default, meaning and range, said once in a dataclass."""

import dataclasses
import functools
import math
import os
import types
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import field
from typing import Any, ClassVar, TypeVar, cast, get_args, get_type_hints

import numpy as np

from .errors import InputError, nearest

__all__ = ["Options", "build", "check_number", "option", "reader"]

T = TypeVar("T", bound="Options")


def option(
    default: Any,
    about: str,
    *,
    choices: Sequence[str] = (),
    convert: Callable[[str], str] | None = None,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A field of a dataclass of options.

    Args:
        default: None where something else decides.
        about: its help text.
        choices: its values, where they are a few words.
        convert: makes a word the one that is used, or raises InputError.
        low: the least number that is allowed.
        high: the greatest.
        above: what a number must be larger than.
        below: what it must be smaller than.
    """
    limits = {"low": low, "high": high, "above": above, "below": below}
    about_it = {"help": about, "choices": tuple(choices), "convert": convert, "limits": limits}
    return field(default=default, metadata=about_it)


class Options:
    """A dataclass of `option`s: its values are brought to their types and checked.

    Raises:
        InputError: a value outside its range, or a word that is not among the choices.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        kinds = _kinds(cast(Hashable, type(self)))
        for entry in dataclasses.fields(self):
            value = _checked(entry, kinds[entry.name], getattr(self, entry.name))
            object.__setattr__(self, entry.name, value)


@functools.cache
def _kinds(options: Hashable) -> dict[str, Any]:
    return get_type_hints(cast(type, options))


def _split(kind: Any) -> tuple[type | None, type | None]:
    """Of `int | tuple[int, ...] | None` the type of one value, and that of a list's entries."""
    kinds = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    one = next((k for k in kinds if k is not types.NoneType and not get_args(k)), None)
    return one, next((get_args(k)[0] for k in kinds if get_args(k)), None)


def _checked(entry: dataclasses.Field, kind: Any, value: Any) -> Any:
    if value is None:
        if entry.default is not None:
            raise InputError(f"{entry.name} must have a value; its default is {entry.default!r}")
        return None
    one, of_list = _split(kind)
    if of_list is None or (one is not None and not _is_list(value)):
        return _one(entry, one, value)
    if not _is_list(value) and not isinstance(value, (str, int, float)):
        raise InputError(f"{entry.name} must be a list, not {value!r}")
    return tuple(_one(entry, of_list, item) for item in (value if _is_list(value) else [value]))


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, os.PathLike))


def _one(entry: dataclasses.Field, kind: type | None, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if kind in (int, float):
        check_number(entry.name, value, whole=kind is int, **entry.metadata["limits"])
        return kind(value)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise InputError(f"{entry.name} must be text, not {value!r}")
    choices, convert = entry.metadata["choices"], entry.metadata["convert"]
    if choices and value not in choices:
        raise InputError(nearest(value, choices, what=entry.name))
    return convert(value) if convert else value


def reader(kind: Any) -> Callable[[str], Any]:
    """How the text of an option becomes a value; the function raises ValueError where it cannot.

    Args:
        kind: the type, such as `int | tuple[int, ...] | None`; commas separate a list.
    """
    one, of_list = _split(kind)
    if of_list is None:
        return one or str
    parse = of_list

    def read(text: str) -> Any:
        values = tuple(parse(part) for part in text.replace(",", " ").split())
        return values[0] if one is not None and len(values) == 1 else values

    read.__name__ = f"list of {parse.__name__}"  # argparse names it in its error
    return read


def build(kind: type[T], options: dict[str, Any]) -> T:
    """A dataclass of options from names and values.

    Raises:
        InputError: an unknown name (the message says which comes closest) or a value that is not
            allowed.
    """
    known = list(kind.__dataclass_fields__)
    for name in options:
        if name not in known:
            raise InputError(nearest(name, known, what="setting"))
    return kind(**options)


def check_number(
    name: str,
    value: Any,
    *,
    whole: bool = False,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> None:
    """Check a number's type and range.

    Args:
        name: of the option.
        value: what was given.
        whole: whether it must be an int.
        low: the least that is allowed.
        high: the most.
        above: what it must be larger than.
        below: what it must be smaller than.

    Raises:
        InputError: it is no number, not finite, or outside the range.
    """
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise InputError(f"{name} must be {kind}, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} must be finite, not {value}")
    if low is not None and value < low:
        raise InputError(f"{name} must be {kind} of at least {low}, not {_short(value)}")
    if above is not None and value <= above:
        raise InputError(f"{name} must be {kind} above {above}, not {_short(value)}")
    if high is not None and value > high:
        raise InputError(f"{name} must be {kind} of at most {high:g}, not {_short(value)}")
    if below is not None and value >= below:
        raise InputError(f"{name} must be {kind} below {below}, not {_short(value)}")


def _short(value: float) -> str:
    """A number as text; Python refuses to write out the largest ints."""
    large = isinstance(value, int) and abs(value) > 10**30
    return f"one of {len(bin(int(value))) - 2} bits" if large else str(value)
