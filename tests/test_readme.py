"""The README as a newcomer reads it: what it says is true, and what it shows runs."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from styletransfer.cyclegan.generators import SHIPPED, Generator
from styletransfer.forms import FORMS
from styletransfer.weights.backbones import networks

HOME = Path(__file__).parent.parent
README = (HOME / "README.md").read_text(encoding="utf-8")
PAGES = [HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))]
OFFLINE = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}


def test_the_readme_says_how_the_generators_were_made():
    (steps,) = {Generator(name).record["step"] for name in SHIPPED}
    assert f"{steps:,} steps" in README


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def shortened(script):
    """With pictures of 48 px and three steps, which take seconds."""
    script = re.sub(r"size=\d+", "size=48", script)
    script = re.sub(r"steps=\d+|quality=\"\w+\"", "steps=3", script)
    return re.sub(r"((?:transfer|sweep)\(.*size=48)\)", r"\1, steps=3)", script)


@pytest.mark.process
def test_the_readmes_python_runs(tmp_path):
    """As it stands, but for sizes and steps."""
    first, *rest = blocks("python")
    assert len([line for line in first.splitlines() if line.strip()]) <= 6
    (cluster,) = [block for block in rest if "Client()" in block]
    if not networks()["judge"].here:
        rest = [block for block in rest if "study.judge" not in block]
    plain = "".join(block for block in (first, *rest) if block != cluster)
    # The cluster's workers begin by importing the script, which must therefore be a file.
    whole = plain + "if __name__ == '__main__':\n" + textwrap.indent(cluster, "    ")
    (tmp_path / "readme.py").write_text(shortened(whole), encoding="utf-8")
    # What other tests have computed and measured
    known, cache = Path(os.environ["STYLETRANSFER_CACHE_DIR"]), tmp_path / "cache"
    known.mkdir(exist_ok=True)
    shutil.copytree(known, cache, ignore=shutil.ignore_patterns("runs", ".*"))
    done = subprocess.run(
        [sys.executable, "readme.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        env={**OFFLINE, "STYLETRANSFER_CACHE_DIR": str(cache)},
    )
    assert done.returncode == 0, done.stderr
    made = {"petra.json", "petra.png", "petra-cyclegan.png", "sheet.jpg"}
    assert made <= set(os.listdir(tmp_path))
    assert len(list((cache / "runs").iterdir())) == 6 + 2


def test_the_readmes_commands_are_understood(capsys):
    from styletransfer import cli as pictures
    from styletransfer.cyclegan import __main__ as generators

    modules = {"styletransfer": pictures, "styletransfer.cyclegan": generators}
    lines = [line for block in blocks("") for line in block.splitlines()]
    lines = [line for line in lines if line.startswith("python -m styletransfer")]
    assert len(lines) >= 8
    for line in lines:
        _, _, module, *words = line.partition("#")[0].split()
        modules[module]._parser().parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_finished(page):
    """There is nothing left to fill in, and every file that it names exists."""
    text = page.read_text(encoding="utf-8")
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_readme_table_of_forms():
    exponents = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    for name, form in FORMS.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        cell = row.replace(r"\|", "").split("|")[5].strip()
        number, power = re.fullmatch(r"([\d.]+?)([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]*)", cell).groups()
        assert float(number) ** int(power.translate(exponents) or 1) == pytest.approx(form.lam)
        assert ("scaled" in row) == form.scaled
        assert {"avg": "average", "max": "maximum"}[form.pooling] in row
