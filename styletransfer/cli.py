"""The command line: python -m styletransfer CONTENT STYLE --out OUT.png."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .console import INTERRUPTED, Parser, add_options, outcome, spare
from .errors import InputError, NonFiniteError
from .pictures import datasets
from .pictures.files import WRITABLE, check_writable
from .pictures.sources import open_picture, open_pictures
from .runs.record import picture_checksum, read_record, recorded_picture
from .settings import Settings, settings_from
from .weights.backbones import fetch, networks, refuse_retired

__all__ = ["main"]

WITHOUT_NETWORK = """
--fetch NAME gets one that is not here. For machines without a network, take the file of vgg19
along once. Put it where the list says (KERAS_HOME moves that folder), or anywhere and name it:
--backbone /path/to/the/file.h5."""


def _parser() -> Parser:
    parser = Parser(
        prog="python -m styletransfer",
        description="Paint CONTENT in the manner of STYLE, and write the picture and the record of how it was made.",
        epilog="Lists are separated by commas. Pictures are paths, or names from the list that --list prints.",
    )
    parser.add_argument("content", nargs="?", metavar="CONTENT", help="the photograph")
    parser.add_argument(
        "style",
        nargs="?",
        metavar="STYLE",
        help="the painting; or several, separated by commas, or a folder of them",
    )
    parser.add_argument(
        "--out", metavar="OUT.png", help="where the picture goes; its record goes beside it (.json)"
    )
    parser.add_argument("--replay", metavar="OUT.json", help="make the picture of a record again")
    parser.add_argument(
        "--resume", metavar="STATE.npz", help="go on with a run that --checkpoint saved"
    )
    parser.add_argument(
        "--checkpoint", metavar="STATE.npz", help="save the state of the run there, now and then"
    )
    parser.add_argument(
        "--preview", metavar="FILE", help="write the picture so far there, every two seconds"
    )
    parser.add_argument(
        "--forecast",
        action="store_true",
        help="only say how long it would take, and how much memory",
    )
    parser.add_argument("--quiet", action="store_true", help="no forecast and no progress bar")
    parser.add_argument(
        "--list", action="store_true", help="list the pictures that have names, and exit"
    )
    parser.add_argument(
        "--backbones",
        action="store_true",
        help="list the networks, where they are and how to get them",
    )
    parser.add_argument("--fetch", metavar="NAME", help="get a network of that list, and exit")
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    add_options(parser.add_argument_group("settings"), Settings)
    return parser


def _list() -> None:
    for title, pictures in (
        ("Photographs", datasets.photos()),
        *((f"Paintings by {name}", datasets.paintings(artist=name)) for name in datasets.artists()),
        ("The papers' pictures (downloaded when they are used)", datasets.paper()),
    ):
        print(f"{title}:")
        for name, picture in pictures.items():
            print(f"  {name:34}{picture.credit}")


def _list_networks() -> None:
    for network in networks().values():
        print(f"{network.name}: {network.about}")
        for place, checksum in network.files.items():
            print(f"  {'here' if place.is_file() else 'not here'}: {place}\n    {checksum}")
        print(f"  from {network.source}")
    print(WITHOUT_NETWORK)


def _run(given: dict[str, Any]) -> int:
    out, replay, resume = (given.pop(name) for name in ("out", "replay", "resume"))
    checkpoint, preview, quiet, only = (
        given.pop(name) for name in ("checkpoint", "preview", "quiet", "forecast")
    )
    sources = [
        source for source in (given.pop("content"), given.pop("style")) if source is not None
    ]
    again = replay or resume
    if again and (sources or given or (replay and resume)):
        raise InputError(
            f"{'--replay' if replay else '--resume'} takes pictures and settings from its file; give none"
        )
    if not again and len(sources) < 2:
        raise InputError(
            "name a photograph and a painting (--list shows those that come along; --help says more)"
        )
    if out is None and not replay and not only:
        raise InputError("say where the picture goes, with --out OUT.png")
    if resume and Path(resume).suffix == ".npz":
        checkpoint = checkpoint or resume
    # What can be known without TensorFlow is told before it takes its seconds.
    if resume and not Path(resume).exists():
        raise FileNotFoundError(f"there is no saved state {resume}")
    before = None
    if replay:
        before, settings = read_record(replay)
        refuse_retired(before["weights"]["sha256"], replay)
        home = Path(replay).parent
        sources = [recorded_picture(before, key, beside=home) for key in ("content", "style")]
        start = recorded_picture(before, "start", beside=home)
    elif not resume:
        settings, start = settings_from(given), None
        sources = [open_picture(sources[0]), open_pictures(_several(sources[1]), "STYLE")]
    elsewhere = _other_name(replay) if replay else None
    if not only:
        _check_places(out or elsewhere, preview, checkpoint)
    written = [out or elsewhere, None if out else replay and _own_name(replay), preview]
    if not resume:
        members = [member for source in (*sources, start) if source for member in source.members]
        spare(written, [settings.init, *(member.about["picture"] for member in members)])

    from .loop import Run
    from .runs.callbacks import Checkpoint, Preview, Progress, Reweighing

    run = Run.load(resume) if resume else Run(*sources, settings, start=start)
    if before and before["weights"]["sha256"] != run.objective.weights.sha256:
        raise InputError(
            f"the weights of {settings.backbone} are not those that made {replay}; their checksums differ"
        )
    if only:
        print(run.forecast())
        return 0
    spare(written, [source.about["picture"] for source in run.inputs])
    if not quiet:
        print(f"{run.forecast()}", file=sys.stderr)
    reweighing = Reweighing(before.get("changes", ()) if before else ())
    reweighing(run)
    listeners = [reweighing] if quiet else [reweighing, Progress()]
    listeners += [Checkpoint(checkpoint)] if checkpoint else []
    listeners += [Preview(preview)] if preview else []
    try:
        # A run that was stopped is made again as far as it went.
        result = run.finish(
            listeners, until=len(before["history"]) if before and before["stopped"] else None
        )
    except NonFiniteError as error:
        if error.result is not None:
            error.result.save(out or elsewhere)
        raise
    same = before is not None and before["picture"]["sha256"] == picture_checksum(result.image)
    if out is None:
        # The record's own picture is only replaced by itself.
        out = _own_name(replay) if same else elsewhere
    result.save(out)
    print(f"{out}: {result.caption}", file=sys.stderr)
    if before and not same and result.record["stopped"] != "interrupted":
        print(
            "The picture differs from the recorded one: versions or machine are not the same.",
            file=sys.stderr,
        )
    if result.record["stopped"] == "interrupted":
        print("Interrupted: this is the picture so far.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _several(style: str) -> str | list[str]:
    """The pictures that STYLE names; a file, or a folder, whose name has a comma is that file."""
    if "," not in style or Path(style).exists():
        return style
    return [name.strip() for name in style.split(",") if name.strip()]


def _own_name(record: str) -> str:
    """The picture beside a record; a .png where there is none any more."""
    beside = [path for path in map(Path(record).with_suffix, WRITABLE) if path.exists()]
    return str(beside[0] if beside else Path(record).with_suffix(".png"))


def _other_name(record: str) -> str:
    return str(Path(record).with_name(f"{Path(record).stem}-replay.png"))


def _check_places(out: str, preview: str | None, checkpoint: str | None) -> None:
    """Refuse what cannot be written, and what would be lost if it were.

    Raises:
        InputError: an unknown ending, a missing folder, no permission, or a .json that is no record.
    """
    for path in (out, preview):
        if path is not None:
            check_writable(path)
    record = Path(out).with_suffix(".json")
    check_writable(record, endings={".json": "JSON"})
    if record.exists():
        try:
            read_record(record)
        except InputError:
            raise InputError(
                f"{record} is there and is not a record; choose another name for {out}"
            ) from None
    if checkpoint is not None:
        check_writable(checkpoint, endings={".npz": "NPZ"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    given = vars(_parser().parse_args(arguments))

    def run() -> int:
        pictures, networks_too, wanted = (
            given.pop(name) for name in ("list", "backbones", "fetch")
        )
        if pictures:
            _list()
        if networks_too:
            _list_networks()
        if wanted is not None:
            print(f"{wanted} is here: {', '.join(map(str, fetch(wanted).files))}")
        return 0 if pictures or networks_too or wanted is not None else _run(given)

    return outcome(run, interrupted="Interrupted; no picture was written.")


if __name__ == "__main__":
    sys.exit(main())
