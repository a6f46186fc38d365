"""The command line: python -m styletransfer CONTENT STYLE --out OUT.png."""

import argparse
import dataclasses
import logging
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from . import __version__, datasets
from .errors import InputError, NonFiniteError
from .images import check_writable
from .runs import open_picture, picture_checksum, read_record, recorded_picture
from .settings import Settings, settings_from

if TYPE_CHECKING:
    from .runs import Result

__all__ = ["main"]

BAD_INPUT, INTERRUPTED = 2, 130  # argparse's exit code for bad input; a shell's for Ctrl-C


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m styletransfer",
        description="Paint CONTENT in the manner of STYLE, and write the picture and the record of how it was made.",
        epilog="Lists are separated by commas. Pictures are paths, or names from the list that --list prints.",
    )
    parser.add_argument("content", nargs="?", metavar="CONTENT", help="the photograph")
    parser.add_argument("style", nargs="?", metavar="STYLE", help="the painting")
    parser.add_argument("--out", metavar="OUT.png", help="where the picture goes; its record goes beside it (.json)")
    parser.add_argument("--replay", metavar="OUT.json", help="make the picture of a record again")
    parser.add_argument("--resume", metavar="STATE.npz", help="go on with a run that --checkpoint saved")
    parser.add_argument("--checkpoint", metavar="STATE.npz", help="save the state of the run there, now and then")
    parser.add_argument("--preview", metavar="FILE", help="write the picture so far there, every two seconds")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--list", action="store_true", help="list the pictures that have names, and exit")
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    options = parser.add_argument_group("settings")
    kinds = get_type_hints(Settings)
    for entry in dataclasses.fields(Settings):
        default = ",".join(map(str, entry.default)) if isinstance(entry.default, tuple) else entry.default
        about = entry.metadata["help"] + ("" if default is None else f" (default: {default})")
        options.add_argument(
            f"--{entry.name.replace('_', '-')}",
            type=_reader(kinds[entry.name]),
            default=argparse.SUPPRESS,
            choices=entry.metadata["choices"] or None,
            metavar=None if entry.metadata["choices"] else entry.name.upper(),
            help=about.replace("%", "%%"),
        )
    return parser


def _reader(kind: Any) -> Callable[[str], Any]:
    """How the text of an option becomes a value of a setting's type."""
    kind = next((k for k in get_args(kind) if k is not types.NoneType), kind) if type(None) in get_args(kind) else kind
    if inner := get_args(kind):  # tuple[int, ...]

        def read(text: str) -> tuple:
            return tuple(inner[0](part) for part in text.replace(",", " ").split())

        read.__name__ = f"list of {inner[0].__name__}"  # argparse names it in its error
        return read
    return kind


def _list() -> None:
    for title, pictures in (
        ("Photographs", datasets.photos()),
        ("Paintings", datasets.paintings()),
        ("The papers' pictures (downloaded when they are used)", datasets.paper()),
    ):
        print(f"{title}:")
        for name, picture in pictures.items():
            print(f"  {name:34}{picture.credit}")


def _run(given: dict[str, Any]) -> int:
    out, replay, resume = (given.pop(name) for name in ("out", "replay", "resume"))
    checkpoint, preview, quiet = (given.pop(name) for name in ("checkpoint", "preview", "quiet"))
    sources = [source for source in (given.pop("content"), given.pop("style")) if source is not None]
    again = replay or resume
    if again and (sources or given or (replay and resume)):
        raise InputError(f"{'--replay' if replay else '--resume'} takes pictures and settings from its file; give none")
    if not again and len(sources) < 2:
        raise InputError("name a photograph and a painting (--list shows those that come along; --help says more)")
    if replay and out is None:
        out = str(Path(replay).with_suffix(".png"))
    if out is None:
        raise InputError("say where the picture goes, with --out OUT.png")
    for path in (out, preview):
        if path is not None:
            check_writable(path)
    check_writable(Path(out).with_suffix(".json"), endings={".json": "JSON"})
    if checkpoint is not None:
        check_writable(checkpoint, endings={".npz": "NPZ"})
    # Everything that can be wrong with pictures, options and places is told before TensorFlow takes its seconds.
    before = None
    if replay:
        before, settings = read_record(replay)
        home = Path(replay).parent
        sources = [recorded_picture(before, key, beside=home) for key in ("content", "style")]
        start = recorded_picture(before, "start", beside=home)
    elif not resume:
        settings, start = settings_from(given), None
        sources = [open_picture(source) for source in sources]

    from .listeners import Checkpoint, Preview, Progress
    from .loop import Run

    run = Run.load(resume) if resume else Run(*sources, settings, start=start)
    if before and before["weights"]["sha256"] != run.objective.weights.sha256:
        raise InputError(f"the weights of {settings.backbone} are not those that made {replay}; their checksums differ")
    listeners = [] if quiet else [Progress()]
    listeners += [Checkpoint(checkpoint)] if checkpoint else []
    listeners += [Preview(preview)] if preview else []
    try:
        result = run.finish(listeners)
    except NonFiniteError as error:
        kept = error.result
        if kept is not None:
            kept.save(out)
        raise
    result.save(out)
    return _report(result, out, before)


def _report(result: "Result", out: str, before: dict[str, Any] | None) -> int:
    print(f"{out}: {result.caption}", file=sys.stderr)
    if before and before["picture"]["sha256"] != picture_checksum(result.image):
        print("The picture differs from the recorded one: versions or machine are not the same.", file=sys.stderr)
    if result.record["stopped"] == "interrupted":
        print("Interrupted: this is the picture so far.", file=sys.stderr)
        return INTERRUPTED
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    logging.basicConfig(format="%(message)s")
    given = vars(_parser().parse_args(arguments))
    try:
        if given.pop("list"):
            _list()
            return 0
        return _run(given)
    except (InputError, NonFiniteError, OSError) as error:
        print(f"styletransfer: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("Interrupted before the first step: nothing was written.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
