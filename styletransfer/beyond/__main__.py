"""The command line: python -m styletransfer.beyond sound … or design …."""

import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..console import INTERRUPTED, Parser, add_options, run_word, spare
from ..pictures.files import check_writable
from ..pictures.images import save_image
from .audio import WRITABLE, SoundSettings, read_sound, recordings, write_sound
from .patterns import DRAWN, PROBLEMS, DesignSettings

__all__ = ["main"]


def _parser() -> Parser:
    about = "Style transfer on what is no picture, by the same objective."
    parser = Parser(prog="python -m styletransfer.beyond", description=about)
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    words = parser.add_subparsers(metavar="sound or design", parser_class=Parser)
    _add_sound(words)
    _add_design(words)
    return parser


def _add_sound(words: Any) -> None:
    about = "play the content of one sound in the manner of another"
    known = f"Sounds are files, or recordings that come along: {', '.join(recordings())}."
    command = words.add_parser("sound", help=about, description=f"{about.capitalize()}. {known}")
    command.set_defaults(run=_sound)
    command.add_argument("content", metavar="A.wav", help="whose tune is kept")
    command.add_argument("style", metavar="B.wav", help="whose timbre is taken")
    kinds = f"ends in {', '.join(WRITABLE)}"
    command.add_argument("--out", required=True, metavar="C.wav", help=kinds)
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    add_options(command.add_argument_group("settings"), SoundSettings)


def _add_design(words: Any) -> None:
    about = "make a stiff structure whose material has the style of a pattern"
    command = words.add_parser("design", help=about, description=f"{about.capitalize()}.")
    command.set_defaults(run=_design)
    add = command.add_argument
    add("problem", metavar="PROBLEM", help=", ".join(PROBLEMS))
    known = (
        f"{', '.join(DRAWN)}, a path, or a picture of the databases; without it there is no style"
    )
    add("pattern", nargs="?", metavar="PATTERN", help=known)
    add("--out", required=True, metavar="BEAM.png", help="the picture, material in black")
    add("--stl", metavar="BEAM.stl", help="the material as a plate, an element 1 mm wide")
    add("--quiet", action="store_true", help="no progress bar")
    add_options(command.add_argument_group("settings"), DesignSettings)


def _sound(content: str, style: str, out: str, quiet: bool, **given: Any) -> int:
    spare([out], [content, style])
    check_writable(out, endings=WRITABLE)
    sounds = [read_sound(name) for name in (content, style)]
    from .sound import transfer_sound

    result = transfer_sound(*sounds, progress=not quiet, **given)
    write_sound(out, result.audio)
    done = f"{len(result.losses)} of {result.settings.steps} evaluations"
    print(f"{out}: {done}", file=sys.stderr)
    return INTERRUPTED if result.stopped else 0


def _design(
    problem: str, pattern: str | None, out: str, stl: str | None, quiet: bool, **given: Any
) -> int:
    spare([out, stl], [pattern])
    check_writable(out)
    if stl:
        check_writable(stl, endings={".stl": "STL"})
    from .structures import design, picture_of, write_stl

    made = design(problem, pattern, progress=not quiet, **given)
    save_image(picture_of(made.density), out)
    if stl:
        write_stl(made.density, stl)
    said = f"{out}: compliance {made.compliance:.4g}, style {made.style:.2f} of that without style"
    print(f"{said}, greyness {made.greyness:.3f}, parts {made.parts}", file=sys.stderr)
    return INTERRUPTED if made.stopped else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    return run_word(_parser(), arguments, words="sound or design")


if __name__ == "__main__":
    sys.exit(main())
