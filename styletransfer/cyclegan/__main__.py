"""The command line: python -m styletransfer.cyclegan train|adapt|translate …."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..console import INTERRUPTED, Parser, add_options, run_word, spare, without_bars
from ..errors import InputError
from ..pictures.files import WRITABLE, check_writable
from ..runs.record import check_record_place
from .settings import SHIPPED, AdaptedSettings, CycleSettings, TrainingSettings

__all__ = ["main"]

GENERATOR = "photo2vangogh"

TRAININGS: dict[str, tuple[type[TrainingSettings], str]] = {
    "train": (CycleSettings, "train a CycleGAN, or go on with one"),
    "adapt": (
        AdaptedSettings,
        "train a generator with the study's objective and an adversarial term",
    ),
}
"""Settings and help of each command that trains."""

DATA = (
    "a folder with trainA and trainB (paintings, photographs) and perhaps testA and testB; two "
    "folders, paintings,photographs; the name of a published set, such as vangogh2photo (needs "
    "tensorflow-datasets); or bundled, the default: the photographs and the paintings by Van Gogh "
    "that come along; bundled:great_wave+spring names other paintings"
)


def _parser() -> Parser:
    about = "Train generators on two sets of pictures (CycleGAN), and translate pictures with them."
    parser = Parser(prog="python -m styletransfer.cyclegan", description=about)
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    words = parser.add_subparsers(metavar="train|adapt|translate", parser_class=Parser)
    for word, (settings, about) in TRAININGS.items():
        command = words.add_parser(word, help=about, description=f"{about.capitalize()}.")
        command.set_defaults(run=_train, kind=settings.kind)
        add = command.add_argument
        add("--out", required=True, type=_name, metavar="FOLDER", help="where all is written")
        add("--data", default="bundled", type=_data, help=DATA)
        add("--start", type=_name, metavar="GENERATOR", help="begin with this generator's weights")
        add("--until", type=int, metavar="STEP", help="stop after this step; a later call goes on")
        add("--quiet", action="store_true", help="no progress bar")
        add_options(command.add_argument_group("settings"), settings)
    about = "translate pictures"
    command = words.add_parser("translate", help=about, description="Translate pictures.")
    command.set_defaults(run=_translate)
    add = command.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="paths, or names of the databases")
    place = "a file for one picture, or a folder"
    add("--out", required=True, type=_name, metavar="OUT", help=place)
    known = f"{', '.join(SHIPPED)}, or a trained generator's path (default: {GENERATOR})"
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


def _train(out: str, quiet: bool, **given: Any) -> int:
    with without_bars() if quiet else contextlib.nullcontext():
        from .experiment import train

        record = train(out, progress=not quiet, **given).record
    print(f"{out}: {record['step']} of {record['settings']['steps']} steps", file=sys.stderr)
    if record["stopped"] == "interrupted":
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _translate(pictures: list[str], out: str, generator: str, size: int | None) -> int:
    folder = Path(out)
    file = folder.suffix.lower() in WRITABLE
    one = len(pictures) == 1 and file
    if not one and (file or os.path.isfile(folder)):
        raise InputError(f"{folder} is no folder; name one for several pictures")
    places = [folder if one else folder / f"{Path(name).stem}.png" for name in pictures]
    if len(set(places)) < len(places):
        raise InputError(
            "two of the pictures would have the same name in the folder; translate them one by one"
        )
    spare(places, pictures)
    if one or os.path.isdir(folder):
        for place in places:
            check_writable(place)
            check_record_place(place)
    from .generators import Generator

    translate, made, refused = Generator(generator).translate, 0, []
    for place, name in zip(places, pictures, strict=True):
        try:
            result = translate(name, size=size)
            if not one:
                folder.mkdir(parents=True, exist_ok=True)
            result.save(place)
        except (InputError, OSError) as error:
            refused.append(str(error))
        except KeyboardInterrupt:
            if not made:
                raise
            print(f"Interrupted: {made} of {len(places)} pictures are made.", file=sys.stderr)
            return INTERRUPTED
        else:
            made += 1
            print(f"{place}: {result.caption}", file=sys.stderr)
    if refused:
        left = f"{len(refused)} of {len(places)} pictures are left out: " if len(places) > 1 else ""
        raise InputError(left + "; ".join(refused))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on the words after the command; None takes the process's own.

    Returns:
        The exit code: 0, 2 for bad input (with one sentence on standard error), 130 after Ctrl-C.
    """
    return run_word(_parser(), arguments, words="train, adapt or translate")


if __name__ == "__main__":
    sys.exit(main())
