"""What the page shows of a run: its curves, its call in Python, its time."""

import dataclasses
import io
from collections.abc import Sequence

from matplotlib.figure import Figure

from ..pictures.sources import Collection, Source
from ..runs.request import Request
from ..runs.state import Step
from ..settings import Settings

COLOURS = {"total": "#888888", "content": "#1f9e89", "style": "#d1495b"}


def curves(steps: Sequence[Step]) -> bytes:
    """The losses of a run, step by step, as a PNG that can be read on light and on dark."""
    figure = Figure(figsize=(6.4, 2.4), layout="constrained")
    axis = figure.add_subplot()
    numbers = [step.step for step in steps]
    for name, colour in COLOURS.items():
        values = [getattr(step.losses, name) for step in steps]
        axis.plot(numbers, values, color=colour, label=name, linewidth=1.6)
    for layer in steps[-1].losses.layers["style"]:
        values = [step.losses.layers["style"][layer] for step in steps]
        axis.plot(numbers, values, linewidth=0.9, linestyle=":", label=layer)
    axis.set(yscale="log", xlabel="step")
    axis.tick_params(colors="0.5", which="both")
    axis.xaxis.label.set_color("0.5")
    axis.spines[:].set_color("0.5")
    where = (1.0, 0.5)
    axis.legend(
        frameon=False, labelcolor="0.5", fontsize=7, loc="center left", bbox_to_anchor=where
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, transparent=True)
    return buffer.getvalue()


def as_code(request: Request) -> str:
    """The call of `transfer` that makes a request's picture."""
    default = dataclasses.asdict(Settings())
    options = [
        f"    {name}={value!r},"
        for name, value in dataclasses.asdict(request.settings).items()
        if value != default[name]
    ]
    lines = [f"    {_shown(request.content)},", f"    {_shown(request.style)},", *options]
    call = ["from styletransfer import transfer", "", "result = transfer(", *lines, ")"]
    return "\n".join([*call, 'result.save("out.png")'])


def _shown(source: Source | Collection) -> str:
    names = [member.about["picture"] for member in source.members]
    return repr(names if len(names) > 1 else names[0])


def minutes(seconds: float) -> str:
    """A time in words: "1 min 26 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
