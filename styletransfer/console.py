"""What the command lines share: options of a dataclass, one sentence for what went wrong, exit codes."""

import argparse
import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn, get_type_hints

from .errors import InputError, NonFiniteError
from .options import reader

__all__ = ["BAD_INPUT", "INTERRUPTED", "Parser", "add_options", "outcome", "spare"]

BAD_INPUT, INTERRUPTED = 2, 130  # argparse's exit code for bad input; a shell's for Ctrl-C


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the list of all options above it."""

    def error(self, message: str) -> NoReturn:
        """End the process with the sentence."""
        self.exit(BAD_INPUT, f"styletransfer: {message} (--help lists the options)\n")


def add_options(group: argparse._ArgumentGroup, kind: type) -> None:
    """Add an argument for every field of a dataclass of `option`s; one that is not given is left out of the result."""
    kinds = get_type_hints(kind)
    for entry in dataclasses.fields(kind):
        default = (
            ",".join(map(str, entry.default)) if isinstance(entry.default, tuple) else entry.default
        )
        about = entry.metadata["help"] + ("" if default is None else f" (default: {default})")
        group.add_argument(
            f"--{entry.name.replace('_', '-')}",
            type=reader(kinds[entry.name]),
            default=argparse.SUPPRESS,
            choices=entry.metadata["choices"] or None,
            metavar=None if entry.metadata["choices"] else entry.name.upper(),
            help=about.replace("%", "%%"),
        )


def outcome(run: Callable[[], int], *, interrupted: str) -> int:
    """The exit code of a command: 2 for bad input, with one sentence on standard error, and 130 after Ctrl-C.

    Args:
        run: does it, and gives the exit code.
        interrupted: what to say after an interrupt that left nothing.
    """
    logging.basicConfig(format="%(message)s")
    try:
        return run()
    except (InputError, NonFiniteError, OSError) as error:
        print(f"styletransfer: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED


def spare(places: Iterable[str | os.PathLike | None], pictures: Iterable[str | None]) -> None:
    """Refuse to write over a picture that goes in.

    Raises:
        InputError: one of the places is one.
    """
    names = [name for name in pictures if name and Path(name).exists()]
    for place in filter(None, places):
        for name in names:
            if Path(place).exists() and Path(place).samefile(name):
                raise InputError(
                    f"{place} is one of the pictures that go in; choose another name to write to"
                )
