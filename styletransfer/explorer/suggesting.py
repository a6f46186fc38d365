"""A button that chooses the painting, and the part of it, most like the photograph."""

import asyncio
from typing import TYPE_CHECKING

from ..errors import InputError
from ..pictures import datasets
from ..study.suggestions import Suggestion, suggest

if TYPE_CHECKING:
    from .workbench import Workbench

ABOUT = "Take the painting, and the part of it, that is most like the photograph"


async def take_suggestion(bench: "Workbench") -> None:
    """Compare the bundled paintings with the page's photograph in a thread, and take the best."""
    if bench.active:
        bench.complain("A run is under way: stop it first, or wait for its end.")
        return
    bench.say("Comparing the paintings with the photograph …")
    photo, backbone = bench.photo.source.picture, bench.controls.fields["backbone"].value

    def best() -> Suggestion:
        with bench.turn:  # networks are built one after another
            return suggest(photo, backbone=backbone, progress=False)[0]

    try:
        found = await asyncio.to_thread(best)
    except (InputError, OSError) as error:
        bench.complain(str(error))
        return
    left, top, share = found.part
    bench.painting.choose(found.name)
    bench.painting.crop.corners = [] if share == 1 else [left, top, left + share, top + share]
    title = datasets.paintings()[found.name].title
    part = "" if share == 1 else ", the part that is marked,"
    bench.say(f"{title}{part} is most like the photograph: similarity {found.similarity:.2f}.")
