"""The command line: python -m styletransfer.study bake OUT.html …, and suggest PHOTO."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any, get_type_hints

from .. import __version__
from ..console import INTERRUPTED, Parser, add_options, outcome, without_bars
from ..options import reader
from ..pictures import datasets
from ..pictures.files import check_writable
from ..pictures.images import save_image
from ..settings import Settings

__all__ = ["main"]


def _parser() -> Parser:
    parser = Parser(prog="python -m styletransfer.study", description="Many runs, and what to run.")
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    words = parser.add_subparsers(
        dest="word", metavar="bake|suggest", required=True, parser_class=Parser
    )
    about = "make the runs of a grid that are missing, and write all as one page for a browser"
    command = words.add_parser("bake", help=about, description=f"{about.capitalize()}.")
    add = command.add_argument
    add("out", metavar="OUT.html", help="where the page goes")
    add("--content", nargs="+", required=True, metavar="PHOTO", help="photographs: paths or names")
    add("--style", nargs="+", required=True, metavar="PAINTING", help="paintings, likewise")
    grid = "values of a setting, such as lam=0.01,0.1; every combination of these is made"
    add("--grid", action="append", default=[], type=_values, metavar="NAME=VALUE,…", help=grid)
    add("--store", metavar="FOLDER", help="where runs are kept; by default the user's cache")
    add("--title", default="", help="heading of the page")
    add("--unjudged", action="store_true", help="leave out the judge's numbers, which take a while")
    add("--quiet", action="store_true", help="no progress bar")
    add_options(command.add_argument_group("settings of all runs"), Settings)
    about = "say which paintings, and which parts of them, are most like a photograph"
    command = words.add_parser("suggest", help=about, description=f"{about.capitalize()}.")
    add = command.add_argument
    add("photo", metavar="PHOTO", help="the photograph: path or name")
    add("--folder", help="where the paintings are; by default the bundled ones")
    add("--by", choices=("neighbours", "pooled"), default="neighbours", help="what is compared")
    add("--backbone", default=Settings.backbone, help="the loss network's weights")
    add("--out", metavar="OUT.png", help="where the best part goes, to be a style")
    add("--quiet", action="store_true", help="no progress bar")
    return parser


def _values(text: str) -> tuple[str, list[Any]]:
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise argparse.ArgumentTypeError(f"write {name}=VALUE,VALUE, not {text}")
    read = reader(get_type_hints(Settings).get(name, str))
    try:
        return name, [read(value) for value in values.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{values} are no values of {name}") from None


def _bake(given: dict[str, Any]) -> int:
    out, title, quiet, unjudged = (given.pop(n) for n in ("out", "title", "quiet", "unjudged"))
    grid: dict[str, list[Any]] = {}
    for name in ("content", "style"):
        several = given.pop(name)
        given[name] = several[0] if len(several) == 1 else None
        grid |= {name: several} if len(several) > 1 else {}
    for name, values in given.pop("grid"):
        grid.setdefault(name, []).extend(values)

    from .page import PAGES
    from .sweeps import Sweep

    check_writable(out, endings=PAGES)
    with without_bars() if quiet else contextlib.nullcontext():
        runs = Sweep(grid=grid, **given).run(progress=not quiet)
        left = set(runs.missing) - set(runs.errors)
        count = sum(runs.record(i) is not None for i in range(len(runs)))
        if left and not count:
            raise KeyboardInterrupt
        runs.to_html(out, title=title, judged=not unjudged)
    size = os.path.getsize(out) / 1e6
    print(f"{out}: {count} of {len(runs)} pictures, {size:.1f} MB", file=sys.stderr)
    if left:
        print("Interrupted: the same command makes the other pictures.", file=sys.stderr)
    return INTERRUPTED if left else 0


def _suggest(given: dict[str, Any]) -> int:
    out, quiet, folder = (given.pop(name) for name in ("out", "quiet", "folder"))
    if out is not None:
        check_writable(out)
    paintings = datasets.folder(folder) if folder is not None else None

    from .suggestions import suggest

    found = suggest(**given, paintings=paintings, progress=not quiet)
    for each in found:
        left, top, share = (f"{100 * number:.0f} %" for number in each.part)
        place = "whole" if each.part[2] == 1 else f"{share} of it, from {left} left, {top} top"
        print(f"{each.similarity:.3f}  {each.name:34}{place}")
    if out is not None:
        save_image(found[0].load(), out)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    given = vars(_parser().parse_args(arguments))
    if given.pop("word") == "suggest":
        return outcome(lambda: _suggest(given), interrupted="Interrupted; nothing was found.")
    return outcome(lambda: _bake(given), interrupted="Interrupted; no page was written.")


if __name__ == "__main__":
    sys.exit(main())
