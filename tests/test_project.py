"""The project as a newcomer finds it: environment, packaging, notebooks, lint."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest

from styletransfer.cyclegan.generators import SHIPPED, Generator

HOME = Path(__file__).parent.parent
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())
NOTEBOOKS = sorted((HOME / "notebooks").glob("[0-9]*.ipynb"))

KEPT = {"store": "TMP/runs"}

# By notebook: parameters of a run that takes seconds, and the files that it leaves.
TOYS = {
    "00_quickstart": (
        {"size": 64, "steps": 6, "backbone": "embedded", "out": "TMP/toy.png"},
        ["toy.png", "toy.json"],
    ),
    "01_representations": (
        {"size": 48, "steps": 2, "content_layers": ["block2_conv2"], **KEPT},
        ["runs"],
    ),
    "02_layers": (
        {"size": 48, "grid_size": 32, "steps": 2, "grid_steps": 2, "lams": [1e3, 1e2], **KEPT},
        ["runs"],
    ),
    "03_lambda": (
        {
            **{
                "size": 48,
                "grid_size": 32,
                "steps": 2,
                "grid_steps": 2,
                "sizes": [32, 40],
                "seeds": [0, 1],
                **KEPT,
            },
            **{
                "pairs": [["petra", "night_cafe"]],
                "figure_lams": [10.0],
                "lams": [100.0, 10.0, 1.0],
            },
        },
        ["runs"],
    ),
    "04_initialisation": (
        {"size": 48, "steps": 2, "seeds": [0], "lams": [1e3, 1e1], **KEPT},
        ["runs"],
    ),
    "05_paintings": (
        {"size": 48, "steps": 2, "paintings": ["night_cafe", "cafe_terrace_at_night"], **KEPT},
        ["runs"],
    ),
    "06_objective": ({"size": 64, "steps": 2, **KEPT}, ["runs"]),
    "07_optimisers": (
        {"size": 48, "steps": 4, "rates": {"sgd": [0.001], "adam": [0.02]}, **KEPT},
        ["runs"],
    ),
    "08_cost": (
        {
            **{"pairs": [["petra", "night_cafe"]], "size": 64, "plain_steps": 4, "moments": [1, 2]},
            **{"profile_size": 64, "error_size": 64, "memory_sizes": [64]},
            **{"qualities": ["draft"], **KEPT},
        },
        ["runs"],
    ),
    "09_cyclegan": (
        {
            **{
                "folder": "TMP/training",
                "photos": ["petra", "colosseum"],
                "paintings": ["night_cafe"],
            },
            **{
                "picture_size": 64,
                "steps": 3,
                "size": 32,
                "load_size": 40,
                "widest": 1.0,
                "filters": 2,
            },
            "averaged": [3],
        },
        ["training"],
    ),
    "10_cnn_or_gan": (
        {
            **{
                "photos": ["petra", "colosseum"],
                "paintings": ["night_cafe"],
                "size": 48,
                "steps": 2,
                **KEPT,
            },
            "adapted": {
                **{
                    "steps": 2,
                    "size": 32,
                    "load_size": 40,
                    "widest": 1.0,
                    "filters": 2,
                    "lam": 1e-3,
                },
                "seeds": [0],
            },
            "trainings": "TMP/trainings",
        },
        ["runs", "trainings"],
    ),
    "11_adversarial": (
        {
            **{
                "photos": ["petra", "colosseum"],
                "picture_size": 48,
                "lams": [1e-3],
                "trainings": "TMP/trainings",
            },
            **{"seeds": [0], "steps": 2, "size": 32, "load_size": 40, "widest": 1.0, "filters": 2},
        },
        ["trainings"],
    ),
    "12_defaults": (
        {
            **{
                "pairs": [["petra", "night_cafe"]],
                "few": 1,
                "size": 48,
                "steps": 2,
                "noise_steps": 2,
                "long_steps": 3,
            },
            **{
                "final_size": 128,
                "qualities": ["draft"],
                "finest": "draft",
                "ladder_steps": [3, 2, 1],
                **KEPT,
            },
        },
        ["runs"],
    ),
}

# By notebook: what a full run with its parameters leaves in the stored outputs.
STORED = {
    **dict.fromkeys(
        ("02_layers", "03_lambda", "05_paintings", "06_objective"), lambda p: [f"{p['size']} px"]
    ),
    **dict.fromkeys(
        ("01_representations", "04_initialisation", "07_optimisers"),
        lambda p: [f"{p['size']} px, {p['steps']} steps"],
    ),
    "00_quickstart": lambda p: [f"'size': {p['size']}", f"step {p['steps']} of {p['steps']}"],
    "08_cost": lambda p: [f"{p['size']} px, {p['plain_steps']} steps"],
    "09_cyclegan": lambda p: [f"{p['steps']} steps at {p['size']} px", f"{p['picture_size']} px"],
    "10_cnn_or_gan": lambda p: [
        f"{p['adapted']['steps']} steps at {p['adapted']['size']} px), {p['size']} px",
        f"photo2vangogh (CycleGAN, {shipped_steps()} steps",
    ],
    "11_adversarial": lambda p: [f"adapted, {p['steps']} of {p['steps']} steps"],
    "12_defaults": lambda p: [" × ".join(p["pairs"][0]), p["finest"]],
}


def shipped_steps():
    """How long the generators that come along were trained."""
    (steps,) = {Generator(name).record["step"] for name in SHIPPED}
    return steps


def test_conda_installs_the_same():
    text = (HOME / "environment.yml").read_text()
    listed = set(re.findall(r"^      - (?!--)(\S+)$", text, re.MULTILINE))
    assert listed == {
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["test"],
    }
    assert f"- python{PROJECT['project']['requires-python']}\n" in text


def test_the_version_is_the_packages():
    import styletransfer

    assert styletransfer.__version__ == PROJECT["project"]["version"]


def test_an_installed_package_has_the_pictures(tmp_path):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--wheel-dir",
            tmp_path,
            HOME,
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        assert len([name for name in names if name.endswith(".webp")]) == 61
        assert {
            Path(name).stem for name in names if "generators" in name and name.endswith(".npz")
        } == set(SHIPPED)
        file.extractall(tmp_path / "site")
    script = "import styletransfer; print(styletransfer.__file__, styletransfer.load_image('petra').shape)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout
    assert "(720, 1024, 3)" in done.stdout


def test_formatted_and_linted():
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, HOME], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_notebook(path):
    """Executed in order by a full run, without an error; short cells; JPEG figures; a size that a page can load."""
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
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    values: dict = {}
    exec(cell.source, {}, values)
    texts = json.dumps([cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False)
    for said in STORED[path.stem](values):
        assert said in texts


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_at_toy_size(path, tmp_path):
    """In a real kernel, by the command that `make demo` uses."""
    words, left = TOYS[path.stem]
    words = {name: str(value).replace("TMP", str(tmp_path)) for name, value in words.items()}
    done = subprocess.run(
        [sys.executable, HOME / "notebooks" / "render.py", path, tmp_path / path.name]
        + [word for item in words.items() for word in ("-p", *item)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *left])
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
        if "key-figure" in c.metadata.tags
        for o in c.outputs
        if "data" in o
    ]
    assert [made[0].strip()] == [
        attached["image/jpeg"].strip() for attached in cells[0].attachments.values()
    ]
    assert f"(attachment:{next(iter(cells[0].attachments))})" in cells[0].source


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
