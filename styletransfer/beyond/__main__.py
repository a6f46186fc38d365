"""The command line: python -m styletransfer.beyond sound …."""

import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..console import INTERRUPTED, Parser, add_options, outcome, spare
from ..pictures.files import check_writable
from .audio import WRITABLE, SoundSettings, read_sound, recordings, write_sound

__all__ = ["main"]


def _parser() -> Parser:
    about = "Style transfer on what is no picture, by the same objective."
    parser = Parser(prog="python -m styletransfer.beyond", description=about)
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    words = parser.add_subparsers(metavar="sound", parser_class=Parser)
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
    return parser


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    if "run" not in given:
        parser.error("say what to do: sound")
    run = given.pop("run")
    return outcome(lambda: run(**given), interrupted="Interrupted before anything was made.")


if __name__ == "__main__":
    sys.exit(main())
