"""The project as a newcomer finds it: environment, packaging, lint, the order of imports."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from styletransfer.cyclegan.settings import SHIPPED

HOME = Path(__file__).parent.parent
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))
USERS = ("cluster", "explorer", "beyond", "published")  # extras for users with lower bounds
SHIPPED_FILES = (  # what the wheel may have
    r"styletransfer/([a-z_]+/)?[a-z_]+\.py",
    r"styletransfer/py\.typed",
    r"styletransfer/explorer/(static/[a-z]+\.(js|css)|voila/templates/offline/[a-z.0-9]+)",
    r"styletransfer/study/page\.html",
    r"styletransfer/data/([A-Z]+\.csv|(photos|paintings)/[a-z_]+\.webp|generators/[a-z0-9_]+\.npz)",
    r"styletransfer/data/sounds/([A-Z]+\.csv|[a-z0-9_]+\.flac)",
    r"styletransfer/data/runs/[0-9a-f]+/picture\.(json|png)",
    rf"styletransfer-{PROJECT['project']['version']}\.dist-info/(licenses/)?[A-Za-z_]+(\.txt)?",
)
SOURCES = [
    path for folder in ("styletransfer", "tests") for path in sorted((HOME / folder).rglob("*.py"))
]


def test_conda_installs_the_same():
    text = (HOME / "environment.yml").read_text("utf-8")
    listed = set(re.findall(r"^      - (?!--)(\S+)$", text, re.MULTILINE))
    assert listed == {
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["test"],
    }
    assert f"- python{PROJECT['project']['requires-python']}\n" in text


def test_the_oldest_versions_are_the_lower_bounds():
    """Of what a user can install, and of pytest; `make oldest` runs the tests with them."""
    extras = PROJECT["project"]["optional-dependencies"]
    named = [*PROJECT["project"]["dependencies"], *(n for e in USERS for n in extras[e])]
    named += [name for name in extras["test"] if name.startswith("pytest")]
    bounds = dict(re.match(r"([\w-]+)>=([\d.]+)", name).groups() for name in named)
    text = (HOME / "tests" / "constraints-oldest.txt").read_text("utf-8")
    pinned = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    assert pinned == bounds


def test_the_version_is_the_packages():
    import styletransfer

    assert styletransfer.__version__ == PROJECT["project"]["version"]


@pytest.mark.process
def test_an_installed_package_has_the_pictures(tmp_path):
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, HOME]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        assert [
            name for name in names if not any(re.fullmatch(p, name) for p in SHIPPED_FILES)
        ] == []
        assert len([name for name in names if name.endswith(".webp")]) == 61
        assert "styletransfer/study/page.html" in names
        assert len([name for name in names if "/data/runs/" in name]) == 2 * 8
        networks = [name for name in names if "generators" in name and name.endswith(".npz")]
        assert {Path(name).stem for name in networks} == set(SHIPPED)
        file.extractall(tmp_path / "site")
    script = "import styletransfer as s; print(s.__file__, s.load_image('petra').shape)"
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


@pytest.mark.process
@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=" ".join)
def test_formatted_and_linted(words):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words, HOME], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_imports_go_downwards_and_in_no_circle():
    """By the contracts in pyproject.toml, none of which makes an exception."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    assert [contract["type"] for contract in contracts] == ["layers", "acyclic_siblings"]
    assert not [name for contract in contracts for name in contract if "ignore" in name]
    assert not [name for contract in contracts for name in contract if "skip" in name]
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=HOME,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


@pytest.mark.process
def test_an_import_that_goes_upwards_is_found(tmp_path):
    """By the same contracts, in a copy of the sources."""
    shutil.copytree(HOME / "styletransfer", tmp_path / "styletransfer")
    shutil.copy(HOME / "pyproject.toml", tmp_path)
    with (tmp_path / "styletransfer" / "losses.py").open("a") as file:
        file.write("\n\ndef late():\n    from .study import sweeps\n\n    return sweeps\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.search(r"styletransfer.losses -> styletransfer.study.sweeps \(l.\d+\)", done.stdout)


def test_files_and_lines_are_short():
    assert len(SOURCES) > 100
    lines = {path.relative_to(HOME): path.read_text("utf-8").splitlines() for path in SOURCES}
    assert {path: len(text) for path, text in lines.items() if len(text) > 300} == {}
    long = [f"{p}:{i}" for p, text in lines.items() for i, x in enumerate(text, 1) if len(x) > 100]
    assert long == []


def test_the_summary_says_what_was_left_out_for_lack_of_a_browser():
    from .conftest import pytest_terminal_summary

    lines = []
    skips = [("test_a.py", 1, "no Chromium here"), ("test_b.py", 1, "another reason")]
    reports = [SimpleNamespace(nodeid=f"{skip[0]}::test", longrepr=skip) for skip in skips]
    reporter = SimpleNamespace(stats={}, section=lines.append, line=lines.append)
    pytest_terminal_summary(reporter)
    assert lines == []
    reporter.stats["skipped"] = reports
    pytest_terminal_summary(reporter)
    assert lines[0].startswith("1 tests of pages")
    assert "apt-get install chromium" in lines[1]
    assert lines[2:] == ["test_a.py::test"]
