"""Execute a notebook with papermill, with its progress on the terminal, and write it tidied.

python notebooks/render.py notebooks/00_quickstart.ipynb results/00_quickstart.ipynb -p size 256
"""

import argparse
import ast
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import papermill
from traitlets.config import Config

DROPPED = ("papermill", "execution", "widgets")  # metadata: times, and the paths of one machine


def render(source: Path, target: Path, parameters: dict[str, Any]) -> None:
    """Execute `source` with some parameters changed; `target` appears only when it ran to its end.

    Raises:
        ValueError: the notebook has no such parameter.
        papermill.PapermillExecutionError: a cell failed.
    """
    known = papermill.inspect_notebook(str(source))
    for name in parameters:
        if name not in known:
            raise ValueError(f"{source} has no parameter {name!r}; it has: {', '.join(known)}")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".render-") as folder:
        temporary = Path(folder) / source.name
        papermill.execute_notebook(
            *(str(source), str(temporary), parameters),
            cwd=str(source.parent),
            kernel_name="python3",
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,  # where the progress bars are
            coalesce_streams=True,  # of a progress bar, only its last state is stored
            # The kernel talks through a file of this user, not through an open port.
            config=Config({"KernelManager": {"transport": "ipc"}}),
        )
        notebook = nbformat.read(temporary, as_version=4)
        for part in (notebook, *notebook.cells):
            for name in DROPPED:
                part.metadata.pop(name, None)
        _attach_key_figure(notebook)
        nbformat.write(notebook, temporary)
        os.replace(temporary, target)


def _attach_key_figure(notebook: nbformat.NotebookNode) -> None:
    """Put the figure of the cell tagged `key-figure` beside the answer in the first cell, too."""
    for cell in notebook.cells:
        if "key-figure" in cell.metadata.get("tags", ()):
            pictures = [
                output.data["image/jpeg"]
                for output in cell.outputs
                if "image/jpeg" in output.get("data", {})
            ]
            notebook.cells[0].attachments = {"key.jpg": {"image/jpeg": pictures[0].strip()}}


def _value(text: str) -> Any:
    """A Python value where the text is one, and else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters"
    )
    arguments = parser.parse_args()
    parameters = {name: _value(text) for name, text in arguments.parameters}
    try:
        render(arguments.source, arguments.target, parameters)
    except ValueError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
