"""An option's default, meaning and range, said once in a dataclass; the command line is made from it (`console.py`)."""

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any, get_args

from .errors import InputError, nearest

__all__ = ["build", "check_number", "option", "reader", "several"]


def option(default: Any, about: str, *, choices: Sequence[str] = ()) -> Any:
    """A field of a dataclass of options: its default, its help text, and its values where they are a few words."""
    return field(default=default, metadata={"help": about, "choices": tuple(choices)})


def reader(kind: Any) -> Callable[[str], Any]:
    """How the text of an option becomes a value of a setting's type; the function raises ValueError where it cannot.

    Args:
        kind: the type, such as `int | tuple[int, ...] | None`; lists are separated by commas.
    """
    kinds = [
        k
        for k in (get_args(kind) if isinstance(kind, types.UnionType) else (kind,))
        if k is not types.NoneType
    ]
    lists = [get_args(k)[0] for k in kinds if get_args(k)]  # int of tuple[int, ...]
    if not lists:
        return kinds[0]

    def read(text: str) -> Any:
        values = tuple(lists[0](part) for part in text.replace(",", " ").split())
        return values[0] if len(kinds) > len(lists) and len(values) == 1 else values

    read.__name__ = f"list of {lists[0].__name__}"  # argparse names it in its error
    return read


def build(kind: type, options: dict[str, Any]) -> Any:
    """A dataclass of options from names and values.

    Raises:
        InputError: an unknown name (the message says which comes closest) or a value that is not allowed.
    """
    known = [entry.name for entry in dataclasses.fields(kind)]
    for name in options:
        if name not in known:
            raise InputError(nearest(name, known, what="setting"))
    return kind(**options)


def several(name: str, value: Any) -> Iterable[Any]:
    """A list as it is, and one value alone as a list of it."""
    if isinstance(value, (str, int, float)):
        return [value]
    if value is None or not isinstance(value, Iterable):
        raise InputError(f"{name} must be a list, not {value!r}")
    return value


def check_number(
    name: str,
    value: Any,
    *,
    whole: bool = False,
    low: float | None = None,
    above: float | None = None,
) -> None:
    """Check a number's type and range.

    Args:
        name: of the option.
        value: what was given.
        whole: whether it must be an int.
        low: the least that is allowed.
        above: what it must be larger than.

    Raises:
        InputError: it is no number, not finite, or outside the range.
    """
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise InputError(f"{name} must be {kind}, not {value!r}")
    if not math.isfinite(value):
        raise InputError(f"{name} must be finite, not {value}")
    if low is not None and value < low:
        raise InputError(f"{name} must be {kind} of at least {low}, not {value}")
    if above is not None and value <= above:
        raise InputError(f"{name} must be {kind} above {above}, not {value}")
