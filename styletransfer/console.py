"""What the command lines share: options of a dataclass, a sentence for an error, exit codes."""

import argparse
import contextlib
import dataclasses
import functools
import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, get_type_hints

from tqdm import tqdm

from .errors import InputError, NonFiniteError
from .options import reader

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141
"""argparse's exit code for bad input; a shell's for Ctrl-C, and for a pipe that nobody reads."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the list of all options above it."""

    def error(self, message: str) -> NoReturn:
        """End the process with the sentence."""
        self.exit(BAD_INPUT, f"styletransfer: {message} (--help lists the options)\n")


def add_options(group: argparse._ArgumentGroup, kind: type) -> None:
    """Add an argument for every `option` of a dataclass; the result has those that are given."""
    kinds = get_type_hints(kind)
    for entry in dataclasses.fields(kind):
        default, choices = entry.default, entry.metadata["choices"] or None
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        about = entry.metadata["help"] + ("" if default is None else f" (default: {shown})")
        group.add_argument(
            f"--{entry.name.replace('_', '-')}",
            type=reader(kinds[entry.name]),
            default=argparse.SUPPRESS,
            choices=choices,
            metavar=None if choices else entry.name.upper(),
            help=about.replace("%", "%%"),
        )


def run_word(parser: Parser, arguments: Sequence[str] | None, *, words: str) -> int:
    """Parse the arguments and call the `run` that the given word's parser has set as a default.

    Returns:
        The exit code, as `outcome` gives it. Without a word, the process is told to name one of the
        `words` and ends with 2.
    """
    given = vars(parser.parse_args(arguments))
    if "run" not in given:
        parser.error(f"say what to do: {words}")
    run = given.pop("run")
    return outcome(lambda: run(**given), interrupted="Interrupted before anything was made.")


def outcome(run: Callable[[], int], *, interrupted: str) -> int:
    """The exit code that `run` gives; 2 for bad input, with one sentence on standard error.

    It is 130 after Ctrl-C, where `interrupted` is said, and 141 for a pipe that nobody reads.
    """
    logging.basicConfig(format="%(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no ö shows \xf6
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python would try once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (InputError, NonFiniteError, OSError) as error:
        print(f"styletransfer: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """No progress bar within the block, of no library: tqdm has no switch for all of them."""
    shown = tqdm.__init__
    hidden = functools.partialmethod(shown, disable=True)
    tqdm.__init__ = hidden  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        tqdm.__init__ = shown  # type: ignore[method-assign]


def spare(places: Iterable[str | os.PathLike | None], pictures: Iterable[str | None]) -> None:
    """Raise InputError where one of the places is a picture that goes in."""
    names = [name for name in pictures if name and Path(name).exists()]
    for place in places:
        if place and Path(place).exists() and any(Path(place).samefile(name) for name in names):
            raise InputError(
                f"{place} is one of the pictures that go in; choose another name to write to"
            )
