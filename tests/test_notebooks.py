"""The notebooks: stored as full runs left them, and executed with toy parameters.

The cell tagged `parameters` says in its metadata, under "styletransfer", the parameters of a run
that takes seconds ("toy", with "{folder}" for a folder) and the files that it leaves ("leaves").
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

HOME = Path(__file__).parent.parent
NOTEBOOKS = sorted((HOME / "notebooks").glob("[0-9]*.ipynb"))

# By notebook: what a full run with its parameters leaves in the stored outputs.
STORED = {
    **dict.fromkeys(
        ("01_representations", "04_initialisation", "06_objective"),
        lambda p: [f"{p['size']} px, {p['steps']} steps"],
    ),
    "02_layers": lambda p: [f"{p['size']} px"],
    "03_lambda": lambda p: [f"{p['size']} px, {p['noise_steps']} steps"],
    "05_paintings": lambda p: [f"{len(p['paintings'])} pairs", f"{p['size']} px"],
    "00_quickstart": lambda p: [f"'size': {p['size']}", f"step {p['steps']} of {p['steps']}"],
    "07_optimisers": lambda p: [f"{p['size']} px, {p['steps']} steps"],
    "08_cost": lambda p: [f"{p['plain_steps'][-1]:,} evaluations", f"{p['qualities'][0]}"],
    "09_cyclegan": lambda p: [
        str(p["steps"]),
        " and ".join(str(step) for step, _ in p["chosen"]),
    ],
    "10_cnn_or_gan": lambda p: [f"{p['size']} px", "(e) one pass"],
    "11_adversarial": lambda p: [f"'{painter}': [<Trained: adapted, " for painter in p["painters"]],
    "16_design": lambda p: [f"{p['size'][0]} x {p['size'][1]} elements, {p['steps']} evaluations"],
    "12_defaults": lambda p: [" × ".join(p["pairs"][0]), p["qualities"][-1]],
    "13_what_is_style": lambda p: [f"{p['size']} px, {p['steps']} steps"],
    "15_sound": lambda p: [f"{p['filters']} filters, {p['steps']} evaluations"],
    "17_control": lambda p: [f"The Great Wave, {p['size']} px"],
    "14_content_and_style": lambda p: [f"{p['small']} px", f"{sum(p['steps'])} steps"],
}


def parameters_cell(path):
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return cell


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebook(path):
    """Executed in order, without an error; short cells; JPEG figures; less than 3 MB."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < 3_000_000
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("parameters" in cell.metadata.get("tags", []) for cell in code)
    assert not any("injected-parameters" in cell.metadata.get("tags", []) for cell in code)
    figures = 0
    for cell in code:
        assert len(cell.source.splitlines()) <= 15
        assert not re.search(r"^\s*(def|class) ", cell.source, re.MULTILINE)
        for output in cell.outputs:
            assert output.output_type != "error"
            assert "image/png" not in output.get("data", {})
            figures += "image/jpeg" in output.get("data", {})
    assert figures
    assert f"{Path.home()}/" not in json.dumps(notebook)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebook_was_made_by_its_own_parameters(path):
    notebook = nbformat.read(path, as_version=4)
    values: dict = {}
    exec(parameters_cell(path).source, {}, values)
    texts = json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)
    for said in STORED[path.stem](values):
        assert said in texts


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_at_toy_size(path, tmp_path):
    """In a real kernel, by the command that `make demo` uses."""
    about = parameters_cell(path).metadata["styletransfer"]
    words = {name: str(v).replace("{folder}", str(tmp_path)) for name, v in about["toy"].items()}
    done = subprocess.run(
        [sys.executable, HOME / "notebooks" / "render.py", path, tmp_path / path.name]
        + [word for item in words.items() for word in ("-p", *item)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *about["leaves"]])
    executed = nbformat.read(tmp_path / path.name, as_version=4)
    assert not any(
        o.output_type == "error" for cell in executed.cells for o in cell.get("outputs", [])
    )


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_the_answer_and_its_figure_stand_at_the_top(path):
    """The figure is the one that a cell of the notebook made, not one of an earlier run."""
    cells = nbformat.read(path, as_version=4).cells
    assert "**Question.**" in cells[0].source
    assert len(cells[0].source.partition("**Answer.**")[2]) > 200
    made = [
        o.data["image/jpeg"]
        for c in cells
        if "key-figure" in c.metadata.get("tags", [])
        for o in c.outputs
        if "image/jpeg" in o.get("data", {})
    ]
    assert [made[0].strip()] == [
        attached["image/jpeg"].strip() for attached in cells[0].attachments.values()
    ]
    assert f"(attachment:{next(iter(cells[0].attachments))})" in cells[0].source


@pytest.mark.process
def test_render_refuses_unknown_parameters(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            HOME / "notebooks" / "render.py",
            NOTEBOOKS[0],
            tmp_path / "x.ipynb",
            "-p",
            "sise",
            "64",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "has no parameter 'sise'" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_report_has_every_notebook_once():
    """In the order of `_toc.yml`, and each page of it exists; its first page links to them all."""
    text = (HOME / "notebooks" / "_toc.yml").read_text(encoding="utf-8")
    pages = re.findall(r"(?:root|- file): (\S+)", text)
    assert [page for page in pages if page[0].isdigit()] == [path.stem for path in NOTEBOOKS]
    first = (HOME / "notebooks" / f"{pages[0]}.md").read_text(encoding="utf-8")
    for page in pages[1:]:
        assert any((HOME / "notebooks").glob(f"{page}.*")), page
        assert f"({page}." in first, page
