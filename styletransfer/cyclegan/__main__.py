"""The command line: python -m styletransfer.cyclegan train|adapt|translate …."""

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..console import INTERRUPTED, Parser, add_options, outcome, spare, without_bars
from ..errors import InputError
from ..pictures.files import WRITABLE, check_writable
from ..runs.record import check_record_place
from .settings import AdaptedSettings, CycleSettings, TrainingSettings

__all__ = ["main"]

GENERATOR = "photo2vangogh"

TRAININGS: dict[str, tuple[str, type[TrainingSettings], str]] = {
    "train": ("cycle", CycleSettings, "train a CycleGAN, or go on with one"),
    "adapt": (
        "adapted",
        AdaptedSettings,
        "train a generator with the study's objective and an adversarial term",
    ),
}
"""Kind, settings and help of each command that trains."""

DATA = (
    "a folder with trainA and trainB (paintings, photographs) and perhaps testA and testB; two "
    "folders, paintings,photographs; the name of a published set, such as vangogh2photo (needs "
    "tensorflow-datasets); or bundled, the default: the photographs and the paintings by Van Gogh "
    "that come along"
)


def _parser() -> Parser:
    about = "Train generators on two sets of pictures (CycleGAN), and translate pictures with them."
    parser = Parser(prog="python -m styletransfer.cyclegan", description=about)
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    words = parser.add_subparsers(dest="what", metavar="train|adapt|translate", parser_class=Parser)
    for what, (kind, settings, about) in TRAININGS.items():
        add = words.add_parser(what, help=about, description=f"{about.capitalize()}.").add_argument
        words.choices[what].set_defaults(kind=kind)
        add("--out", required=True, type=_name, metavar="FOLDER", help="where all is written")
        add("--data", default="bundled", type=_data, help=DATA)
        add("--until", type=int, metavar="STEP", help="stop after this step; a later call goes on")
        add("--quiet", action="store_true", help="no progress bar")
        add_options(words.choices[what].add_argument_group("settings"), settings)
    about = "translate pictures"
    add = words.add_parser("translate", help=about, description="Translate pictures.").add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="paths, or names of the databases")
    place = "a file for one picture, or a folder"
    add("--out", required=True, type=_name, metavar="OUT", help=place)
    known = f"photo2vangogh, vangogh2photo, or a trained generator's path (default: {GENERATOR})"
    add("--generator", default=GENERATOR, type=_name, help=known)
    add("--size", type=int, help="long side in pixels; by default the picture's own")
    return parser


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty")
    return text


def _data(text: str) -> str | list[str]:
    """Two folders where there is a comma and no folder of that name."""
    return _name(text) if "," not in text or Path(text).is_dir() else text.split(",")


def _train(given: dict[str, Any]) -> int:
    folder, quiet = given.pop("out"), given.pop("quiet")
    with without_bars() if quiet else contextlib.nullcontext():
        from .experiment import train

        record = train(folder, progress=not quiet, **given).record
    print(f"{folder}: {record['step']} of {record['settings']['steps']} steps", file=sys.stderr)
    if record["stopped"] == "interrupted":
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _translate(given: dict[str, Any]) -> int:
    out, names = Path(given["out"]), given["pictures"]
    one = len(names) == 1 and out.suffix.lower() in WRITABLE
    if not one and (os.path.isfile(out) or out.suffix.lower() in WRITABLE):
        raise InputError(f"{out} is no folder; name one for several pictures")
    places = [out if one else out / f"{Path(name).stem}.png" for name in names]
    if len(set(places)) < len(places):
        raise InputError(
            "two of the pictures would have the same name in the folder; translate them one by one"
        )
    spare(places, names)
    if one or os.path.isdir(out):
        for place in places:
            check_writable(place)
            check_record_place(place)
    from .generators import Generator

    generator, made, refused = Generator(given["generator"]), 0, []
    for place, name in zip(places, names, strict=True):
        try:
            result = generator.translate(name, size=given["size"])
            if not one:
                out.mkdir(parents=True, exist_ok=True)
            result.save(place)
        except (InputError, OSError) as error:
            refused.append(str(error))
        except KeyboardInterrupt:
            if not made:
                raise
            print(f"Interrupted: {made} of {len(names)} pictures are made.", file=sys.stderr)
            return INTERRUPTED
        else:
            made += 1
            print(f"{place}: {result.caption}", file=sys.stderr)
    if refused:
        left = f"{len(refused)} of {len(names)} pictures are left out: " if len(names) > 1 else ""
        raise InputError(left + "; ".join(refused))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    what = given.pop("what")
    if what is None:
        parser.error("say what to do: train, adapt or translate")
    run = functools.partial(_translate if what == "translate" else _train, given)
    return outcome(run, interrupted="Interrupted before anything was made.")


if __name__ == "__main__":
    sys.exit(main())
