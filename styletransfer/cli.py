"""The command line: python -m styletransfer CONTENT STYLE --out OUT.png."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .console import INTERRUPTED, Parser, add_options, outcome, spare, without_bars
from .errors import InputError, NonFiniteError
from .pictures import datasets
from .pictures.files import WRITABLE, check_writable
from .pictures.sources import open_mask, open_picture, open_pictures, recorded_picture
from .runs.checkpoint import is_saved_run
from .runs.record import check_record_place, picture_checksum, read_record
from .settings import Settings, settings_from
from .weights.backbones import fetch, networks, refuse_retired

WITHOUT_NETWORK = """
--fetch NAME gets one that is not here. For machines without a network, take the file of vgg19
along once. Put it where the list says (KERAS_HOME moves that folder), or anywhere and name it:
--backbone /path/to/the/file.h5."""

FILES = {
    "out": ("OUT.png", "where the picture goes; its record goes beside it (.json)"),
    "replay": ("OUT.json", "make the picture of a record again"),
    "resume": ("STATE.npz", "go on with a run that --checkpoint saved"),
    "checkpoint": ("STATE.npz", "save the state of the run there, now and then"),
    "preview": ("FILE", "write the picture so far there, every two seconds"),
}

SWITCHES = {
    "forecast": "only say how long it would take, and how much memory",
    "quiet": "no forecast and no progress bar",
    "list": "list the pictures that have names, and exit",
    "backbones": "list the networks, where they are and how to get them",
}


def _file(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; name a file")
    return text


def _parser() -> Parser:
    parser = Parser(
        prog="python -m styletransfer",
        description="Paint CONTENT in the manner of STYLE, and write the picture and the record of "
        "how it was made.",
        epilog="Lists are separated by commas. Pictures are paths, or names from the list that "
        "--list prints.",
    )
    parser.add_argument("content", nargs="?", metavar="CONTENT", help="the photograph")
    style = "the painting; or several, separated by commas, or a folder of them"
    parser.add_argument("style", nargs="?", metavar="STYLE", help=style)
    for name, (metavar, about) in FILES.items():
        parser.add_argument(f"--{name}", type=_file, metavar=metavar, help=about)
    for name, about in SWITCHES.items():
        parser.add_argument(f"--{name}", action="store_true", help=about)
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


def _run(given: dict[str, Any], *, only_forecast: bool, quiet: bool) -> int:
    out, replay, resume, checkpoint, preview = (given.pop(name) for name in FILES)
    names = [name for name in (given.pop("content"), given.pop("style")) if name is not None]
    again = replay or resume
    if again and (names or given or (replay and resume)):
        option = "--replay" if replay else "--resume"
        raise InputError(f"{option} takes pictures and settings from its file; give none")
    if not again and len(names) < 2:
        raise InputError(
            "name a photograph and a painting (--list shows those that come along; --help says "
            "more)"
        )
    if out is None and not replay and not only_forecast:
        raise InputError("say where the picture goes, with --out OUT.png")
    # What can be known without TensorFlow is told before it takes its seconds.
    before, settings = None, None
    sources: dict[str, Any] = {}
    if replay:
        before, settings = read_record(replay)
        refuse_retired(before["weights"]["sha256"], replay)
        beside = Path(replay).parent
        for key in ("content", "style", "start"):
            sources[key] = recorded_picture(before, key, beside=beside)
        sources["masks"] = recorded_picture(before, "masks", beside=beside, open_it=open_mask)
    elif resume:
        if not Path(resume).exists():
            raise FileNotFoundError(f"there is no saved state {resume}")
        if not is_saved_run(resume):
            raise InputError(f"{resume} is not the saved state of a run")
        checkpoint = checkpoint or (resume if Path(resume).suffix == ".npz" else None)
    else:
        settings = settings_from(given)
        sources["content"] = open_picture(names[0])
        sources["style"] = open_pictures(_several(names[1]), "STYLE")
    target = out or (replay and str(Path(replay).with_name(f"{Path(replay).stem}-replay.png")))
    if not only_forecast:
        _check_places(target, preview, checkpoint)
    own = _own_name(replay) if replay and not out else None
    if settings is not None:
        members = [member for source in sources.values() if source for member in source.members]
        inputs = [settings.init, *(member.about["picture"] for member in members)]
        spare([target, own, preview], inputs)

    from .loop import Run
    from .runs import callbacks

    run = Run.load(resume) if resume else Run(settings=settings, **sources)
    if before and before["weights"]["sha256"] != run.objective.weights.sha256:
        raise InputError(
            f"the weights of {run.settings.backbone} are not those that made {replay}; their "
            "checksums differ"
        )
    if only_forecast:
        print(run.forecast())
        return 0
    spare([target, own, preview], [source.about["picture"] for source in run.inputs])
    if not quiet:
        print(f"{run.forecast()}", file=sys.stderr)
    reweighing = callbacks.Reweighing(before.get("changes", ()) if before else ())
    reweighing(run)
    following: list[Any] = [reweighing] if quiet else [reweighing, callbacks.Progress()]
    following += [callbacks.Checkpoint(checkpoint)] if checkpoint else []
    following += [callbacks.Preview(preview)] if preview else []
    # A run that was stopped is made again as far as it went.
    until = len(before["history"]) if before and before["stopped"] else None
    with callbacks.interrupted_once():
        try:
            result = run.finish(following, until=until)
        except NonFiniteError as error:
            if error.result is not None:
                error.result.save(target)
            raise
        same = before is not None and before["picture"]["sha256"] == picture_checksum(result.image)
        # The record's own picture is only replaced by itself.
        place = own if own and same else target
        with contextlib.suppress(KeyboardInterrupt), callbacks.uninterrupted():
            result.save(place)
    print(f"{place}: {result.caption}", file=sys.stderr)
    interrupted = result.record["stopped"] == "interrupted"
    if before and not same and not interrupted:
        print(
            "The picture differs from the recorded one: versions or machine are not the same.",
            file=sys.stderr,
        )
    if interrupted:
        print("Interrupted: this is the picture so far.", file=sys.stderr)
    return INTERRUPTED if interrupted else 0


def _several(style: str) -> str | list[str]:
    """The pictures that STYLE names; a file, or a folder, whose name has a comma is that file."""
    if "," not in style or Path(style).exists():
        return style
    return [name.strip() for name in style.split(",") if name.strip()]


def _own_name(record: str) -> str:
    """The picture beside a record; a .png where there is none any more."""
    beside = [path for path in map(Path(record).with_suffix, WRITABLE) if path.exists()]
    return str(beside[0] if beside else Path(record).with_suffix(".png"))


def _check_places(out: str, preview: str | None, checkpoint: str | None) -> None:
    """Refuse what cannot be written, and what would be lost if it were."""
    for path in filter(None, (out, preview)):
        check_writable(path)
    check_record_place(out)
    check_writable(Path(out).with_suffix(".json"), endings={".json": "JSON"})
    if checkpoint is not None:
        check_writable(checkpoint, endings={".npz": "NPZ"})
        if Path(checkpoint).exists() and not is_saved_run(checkpoint):
            raise InputError(f"{checkpoint} is there and is not a saved run; choose another name")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with the process's words or those given, and return its `outcome`."""

    def run() -> int:
        given = vars(_parser().parse_args(arguments))
        pictures, about_networks, wanted = (given.pop(n) for n in ("list", "backbones", "fetch"))
        only_forecast, quiet = given.pop("forecast"), given.pop("quiet")
        with without_bars() if quiet else contextlib.nullcontext():
            if pictures:
                _list()
            if about_networks:
                _list_networks()
            if wanted is not None:
                print(f"{wanted} is here: {', '.join(map(str, fetch(wanted).files))}")
            if pictures or about_networks or wanted is not None:
                return 0
            return _run(given, only_forecast=only_forecast, quiet=quiet)

    return outcome(run, interrupted="Interrupted; no picture was written.")
