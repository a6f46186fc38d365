"""An option's default, meaning and range, said once in a dataclass."""

import dataclasses
import math
import os
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

import numpy as np

from .errors import InputError, nearest

T = TypeVar("T", bound="Options")


def option(
    default: Any,
    about: str,
    *,
    choices: Sequence[str] = (),
    convert: Callable[[str], str] | None = None,
    **limits: float,
) -> Any:
    """A field of a dataclass of options.

    Args:
        default: None where something else decides.
        about: its help text.
        choices: its values, where they are a few words.
        convert: makes a word the one that is used, or raises InputError.
        limits: low, high, above, below: see `check_number`.
    """
    about_it = {"help": about, "choices": tuple(choices), "convert": convert, "limits": limits}
    return dataclasses.field(default=default, metadata=about_it)


class Options:
    """A dataclass of `option`s: values are brought to their types, or refused with InputError."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for entry in dataclasses.fields(self):
            value = _checked(entry, kinds[entry.name], getattr(self, entry.name))
            object.__setattr__(self, entry.name, value)


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
    is_list = isinstance(value, Iterable) and not isinstance(value, (str, os.PathLike))
    if of_list is None or (one is not None and not is_list):
        return _one(entry, one, value)
    if not is_list and not isinstance(value, (str, int, float)):
        raise InputError(f"{entry.name} must be a list, not {value!r}")
    return tuple(_one(entry, of_list, item) for item in (value if is_list else [value]))


def _one(entry: dataclasses.Field, kind: type | None, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if kind in (int, float):
        check_number(entry.name, value, whole=kind is int, **entry.metadata["limits"])
        return kind(value)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        given = "an array" if isinstance(value, np.ndarray) else repr(value)
        raise InputError(f"{entry.name} must be text, not {given}")
    choices, convert = entry.metadata["choices"], entry.metadata["convert"]
    if choices and value not in choices:
        raise InputError(nearest(value, choices, what=entry.name))
    return convert(value) if convert else value


def reader(kind: Any) -> Callable[[str], Any]:
    """What makes the text of an option a value, or raises ValueError; commas separate a list.

    So do spaces, but for the words of a list that has commas: names of files have spaces.
    `kind` is the option's type, such as `int | tuple[int, ...] | None`.
    """
    one, of_list = _split(kind)
    parse = of_list
    if parse is None:
        return one or str

    def read(text: str) -> Any:
        spaced = text if parse is str and "," in text else text.replace(",", " ")
        parts = spaced.split("," if "," in spaced else None)
        values = tuple(parse(part.strip()) for part in parts if part.strip())
        return values[0] if one is not None and len(values) == 1 else values

    read.__name__ = f"list of {parse.__name__}"  # argparse names it in its error
    return read


def build(kind: type[T], options: dict[str, Any]) -> T:
    """A dataclass of options from names and values.

    Raises:
        InputError: an unknown name (the message says which comes closest), or a refused value.
    """
    for name in options:
        if name not in kind.__dataclass_fields__:
            raise InputError(nearest(name, kind.__dataclass_fields__, what="setting"))
    return kind(**options)


def check_number(
    name: str,
    value: Any,
    *,
    whole: bool = False,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> None:
    """Refuse what is no number, not finite, or outside its range.

    Args:
        name: of the option.
        value: what was given.
        whole: whether it must be an int.
        low: the least.
        high: the most.
        above: what it must be larger than.
        below: what it must be smaller than.

    Raises:
        InputError: the message says what is allowed.
    """
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise InputError(f"{name} must be {kind}, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} must be finite, not {value}")
    # Python refuses to write out the largest ints.
    large = isinstance(value, int) and abs(value) > 10**30
    given = f"one of {int(value).bit_length()} bits" if large else str(value)
    for outside, allowed in (
        (value < low, f"of at least {low}"),
        (value <= above, f"above {above}"),
        (value > high, f"of at most {high:g}"),
        (value >= below, f"below {below}"),
    ):
        if outside:
            raise InputError(f"{name} must be {kind} {allowed}, not {given}")
