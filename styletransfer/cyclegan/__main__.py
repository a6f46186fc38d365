"""The command line: python -m styletransfer.cyclegan train|adapt|translate …."""

import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..console import INTERRUPTED, Parser, add_options, outcome, spare
from ..errors import InputError
from ..pictures.files import WRITABLE, check_writable
from .settings import AdaptedSettings, CycleSettings

__all__ = ["main"]

GENERATOR = "photo2vangogh"


def _parser() -> Parser:
    parser = Parser(
        prog="python -m styletransfer.cyclegan",
        description="Train generators on two sets of pictures (CycleGAN), and translate pictures with them.",
    )
    parser.add_argument("--version", action="version", version=f"styletransfer {__version__}")
    words = parser.add_subparsers(dest="what", metavar="train|adapt|translate", parser_class=Parser)
    for what, kind, settings, about in (
        ("train", "cycle", CycleSettings, "train a CycleGAN, or go on with one"),
        (
            "adapt",
            "adapted",
            AdaptedSettings,
            "train a generator with the study's objective and an adversarial term",
        ),
    ):
        training = words.add_parser(what, help=about, description=f"{about.capitalize()}.")
        training.set_defaults(kind=kind)
        training.add_argument(
            "--out", required=True, metavar="FOLDER", help="where everything is written"
        )
        training.add_argument(
            *("--data",),
            default="bundled",
            type=_data,
            help="a folder with trainA and trainB (paintings, photographs) and perhaps testA and testB; two folders, "
            "paintings,photographs; the name of a published set, such as vangogh2photo (needs tensorflow-datasets); or "
            "bundled, the default: the photographs and the paintings by Van Gogh that come along",
        )
        training.add_argument(
            "--until", type=int, metavar="STEP", help="stop after this step; a later call goes on"
        )
        training.add_argument("--quiet", action="store_true", help="no progress bar")
        add_options(training.add_argument_group("settings"), settings)
    translate = words.add_parser(
        "translate", help="translate pictures", description="Translate pictures."
    )
    translate.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="paths, or names of the databases"
    )
    translate.add_argument(
        "--out", required=True, metavar="OUT", help="a file for one picture, or a folder"
    )
    translate.add_argument(
        "--generator",
        default=GENERATOR,
        help=f"photo2vangogh, vangogh2photo, or the path of a trained generator (default: {GENERATOR})",
    )
    translate.add_argument(
        "--size", type=int, help="long side in pixels; by default the picture's own"
    )
    return parser


def _data(word: str) -> str | list[str]:
    """Two folders where there is a comma and no folder of that name."""
    return word if "," not in word or Path(word).is_dir() else word.split(",")


def _train(given: dict[str, Any]) -> int:
    options = {name: given.pop(name) for name in ("kind", "data", "until")}
    folder, quiet = given.pop("out"), given.pop("quiet")
    from .workshop import train

    trained = train(folder, progress=not quiet, **options, **given)
    record = trained.record
    print(f"{folder}: {record['step']} of {record['settings']['steps']} steps", file=sys.stderr)
    if record["stopped"] == "interrupted":
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _translate(given: dict[str, Any]) -> int:
    out, names = Path(given["out"]), given["pictures"]
    one = len(names) == 1 and out.suffix.lower() in WRITABLE
    if not one and (out.is_file() or out.suffix.lower() in WRITABLE):
        raise InputError(f"{out} is no folder; name one for several pictures")
    if not one:
        out.mkdir(parents=True, exist_ok=True)
    places = [out if one else out / f"{Path(name).stem}.png" for name in names]
    if len(set(places)) < len(places):
        raise InputError(
            "two of the pictures would have the same name in the folder; translate them one by one"
        )
    for place in places:
        check_writable(place)
        _check_record(place.with_suffix(".json"))
    spare(places, names)
    from .generators import Generator

    generator, made, refused = Generator(given["generator"]), 0, []
    for place, name in zip(places, names, strict=True):
        try:
            result = generator.translate(name, size=given["size"])
            result.save(place)
        except (InputError, OSError) as error:
            refused.append(str(error))
            continue
        except KeyboardInterrupt:
            if not made:
                raise
            print(f"Interrupted: {made} of {len(names)} pictures are made.", file=sys.stderr)
            return INTERRUPTED
        made += 1
        print(f"{place}: {result.caption}", file=sys.stderr)
    if refused:
        left = f"{len(refused)} of {len(names)} pictures are left out: " if len(names) > 1 else ""
        raise InputError(left + "; ".join(refused))
    return 0


def _check_record(path: Path) -> None:
    """Refuse to write over a .json that is no record of a translation.

    Raises:
        InputError: it is something else.
    """
    if not path.exists():
        return
    try:
        known = "generator" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        known = False
    if not known:
        raise InputError(
            f"{path} is there and is not the record of a translation; choose another name"
        )


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
    run = _translate if what == "translate" else _train
    return outcome(
        functools.partial(run, given), interrupted="Interrupted before anything was made."
    )


if __name__ == "__main__":
    sys.exit(main())
