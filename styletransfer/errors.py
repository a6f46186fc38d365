"""What can go wrong through no fault of the code: one sentence for the user, no traceback."""

import difflib
import importlib
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runs.record import Result

log = logging.getLogger("styletransfer")


class InputError(ValueError):
    """Something that was given cannot be used; the message says what was wrong and what to do."""


class NonFiniteError(ArithmeticError):
    """The loss or its gradient became infinite or not a number.

    Attributes:
        result: the last picture with a finite loss and its record, or None where there was none.
    """

    result: "Result | None" = None


def nearest(word: str, known: Iterable[str], *, what: str) -> str:
    """The sentence about an unknown name, with the known ones that come closest, or some of all."""
    known = list(known)
    close = difflib.get_close_matches(str(word).lower(), known, n=3, cutoff=0.5)
    if close:
        return f"unknown {what} {word!r}; did you mean {' or '.join(repr(name) for name in close)}?"
    few = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"unknown {what} {word!r}; there are: {few}"


def first_few(words: Sequence[str], joint: str) -> str:
    """The first five of some words, and how many more there are."""
    more = [f"and {len(words) - 5} more"] if len(words) > 5 else []
    return joint.join([*words[:5], *more])


def optional(module: str, *, extra: str, need: str) -> Any:
    """A module of an optional dependency, as "trimesh".

    Raises:
        InputError: it is not installed; the sentence begins with `need`, and names the `extra`.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError):  # OSError: a C library under it is missing
        said = f"{need} {module}: pip install 'styletransfer[{extra}]'"
        raise InputError(said) from None
