"""The README and the pages in docs/ as a newcomer reads them: true, and what is shown runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from styletransfer import cli
from styletransfer.beyond import __main__ as beyond_cli
from styletransfer.cyclegan import __main__ as cyclegan_cli
from styletransfer.cyclegan.generators import Generator
from styletransfer.cyclegan.settings import SHIPPED
from styletransfer.forms import FORMS
from styletransfer.settings import Settings
from styletransfer.study import __main__ as study_cli
from styletransfer.study.conversions import CONVENTIONS, settings_of
from styletransfer.weights.backbones import networks

HOME = Path(__file__).parent.parent
README = HOME / "README.md"
PAGES = {page.stem: page.read_text("utf-8") for page in [*(HOME / "docs").glob("*.md"), README]}
OFFLINE = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9"}


def blocks(page, language):
    """Those of a page, also where they stand in a list and are indented."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", PAGES[page], re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, name, text in found if name == language]


def commands(page):
    """Every command on a page, in a block or in a sentence, as words after `python -m`."""
    found = re.findall(r"(?:^ *|`)python -m (styletransfer[^`\n]*)", PAGES[page], re.MULTILINE)
    return [shlex.split(line, comments=True) for line in found]


def row_of(page, name):
    """The cells of a table's row whose first cell begins with the name, in code."""
    row = next(line for line in PAGES[page].splitlines() if line.startswith(f"| `{name}`"))
    return [cell.strip() for cell in row.replace(r"\|", "").split("|")[1:-1]]


def number(text):
    """The value of 0.03, 10⁻², 6.4·10⁻⁴ or 1/5."""
    plain = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    if plain == text:
        numerator, _, denominator = text.partition("/")
        return float(numerator) / float(denominator or 1)
    factor, power = re.fullmatch(r"(?:([\d.]+)·)?10(-?\d+)", plain).groups()
    return float(factor or 1) * 10.0 ** int(power)


def shortened(script):
    """With pictures of 64 px and three steps, which take seconds."""
    script = re.sub(r"size=\d+", "size=64", script)
    script = re.sub(r"steps=\d+|quality=\"\w+\"", "steps=3", script)
    return re.sub(r"((?:transfer|sweep)\(.*size=64)\)", r"\1, steps=3)", script)


# What each page's Python writes, and how many runs it leaves in the store
WRITTEN = {
    "README": ({"petra.json", "petra.png"}, 0),
    "architecture": (set(), 0),
    "beyond": ({"beam.png", "beam.stl", "ode.wav"}, 0),
    "conversions": ({"as-neural-style.json", "as-neural-style.png"}, 0),
    "explorer": (set(), 0),
    "generators": ({"petra-wave.json", "petra-wave.png"}, 0),
    "judge": ({"judged.jpg"}, 4),
    "objective": (set(), 0),
    "pages": ({"petra.html"}, 2),
    "pictures": (
        {f"petra-{name}.png" for name in ("two-paintings", "own-colours", "mixed", "regions")},
        0,
    ),
    "runs": ({"sheet.jpg"}, 6 + 2),
}


def test_every_page_with_python_is_tried():
    assert {page for page in PAGES if blocks(page, "python")} == set(WRITTEN)


def script_of(page):
    """Its Python as it stands, from top to bottom, but for sizes and steps."""
    shown = blocks(page, "python")
    # The one place where lines are left out: a function to be put into a module that has tf
    lines = ["from styletransfer._tensorflow import tf\n"] if page == "architecture" else []
    lines += [block for block in shown if "Client()" not in block]
    # The cluster's workers begin by importing the script, which must therefore be a file.
    cluster = "".join(block for block in shown if "Client()" in block)
    lines += ["if __name__ == '__main__':\n" + textwrap.indent(cluster, "    ")] if cluster else []
    return shortened("".join(lines))


@pytest.mark.process
@pytest.mark.parametrize("pages", [sorted(set(WRITTEN) - {"runs"}), ["runs"]], ids=len)
def test_the_pages_python_runs(pages, tmp_path):
    """Each page in a folder of its own; those without a cluster in one process, to save time."""
    if not networks()["judge"].here:
        pages = [page for page in pages if page != "judge"]
    for page in pages:
        (tmp_path / page).mkdir()
        (tmp_path / page / "page.py").write_text(script_of(page), encoding="utf-8")
    # What other tests have computed and measured
    known, cache = Path(os.environ["STYLETRANSFER_CACHE_DIR"]), tmp_path / "cache"
    known.mkdir(exist_ok=True)
    ignored = shutil.ignore_patterns("runs", ".*")
    shutil.copytree(known, cache, ignore=ignored, symlinks=True)
    every = "import os, runpy\n"
    every += f"for page in {pages}:\n    os.chdir({str(tmp_path)!r} + '/' + page)\n"
    every += "    runpy.run_path('page.py')\n"
    words = ["page.py"] if pages == ["runs"] else ["-c", every]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path / pages[0],
        capture_output=True,
        text=True,
        timeout=300,
        env={**OFFLINE, "STYLETRANSFER_CACHE_DIR": str(cache)},
    )
    assert done.returncode == 0, done.stderr
    for page in pages:
        assert WRITTEN[page][0] <= set(os.listdir(tmp_path / page)), page
    stored = len(list((cache / "runs").iterdir()))
    assert stored == sum(WRITTEN[page][1] for page in pages)


def test_the_first_python_is_six_lines():
    first = blocks("README", "python")[0]
    assert len([line for line in first.splitlines() if line.strip()]) <= 6


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_a_pages_commands_are_understood(page):
    lines = {"": cli, ".beyond": beyond_cli, ".cyclegan": cyclegan_cli, ".study": study_cli}
    parsers = {f"styletransfer{name}": line._parser() for name, line in lines.items()}
    for module, *words in commands(page):
        parsers[module].parse_args(words)


def test_the_commands_are_found():
    assert len(commands("README")) >= 4
    assert len(commands("command_line")) >= 8
    assert len(commands("generators")) >= 5
    assert len(commands("pages")) == 1


def test_the_page_on_generators_says_how_they_were_made():
    for name in SHIPPED:
        record = Generator(name).record
        row = re.search(rf"^\| `{name}` \|.*$", PAGES["generators"], re.MULTILINE)[0]
        assert f"{record['step']:,}" in row
        assert f"{record['settings']['size']} px" in row
        if record["kind"] == "adapted":
            assert f"{record['lam']:g}" in row


@pytest.mark.parametrize("name", FORMS)
def test_the_table_of_forms(name):
    form = FORMS[name]
    default, _, _, network, lam, omega = row_of("objective", name)
    assert number(lam) == pytest.approx(form.lam)
    assert ("default" in default) == (name == Settings().form)
    assert ("scaled" in network) == form.scaled
    assert {"avg": "average", "max": "maximum"}[form.pooling] in network
    assert omega == {"equal": "1/5", "authors": "10³/N²"}[form.omega]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_table_of_conversions(name):
    settings = settings_of(name, (384, 512, 3))
    _, _, _, form, lam = row_of("conversions", name)
    assert form == f"`{settings['form']}`"
    assert number(lam) == pytest.approx(settings["lam"], rel=0.02)


def test_the_readme_is_short():
    assert len(PAGES["README"].splitlines()) <= 170


def test_the_readme_leads_to_every_page_and_notebook():
    files = [*(HOME / "docs").glob("*.md"), *(HOME / "notebooks").glob("*.ipynb")]
    missing = [file.name for file in files if f"/{file.name})" not in PAGES["README"]]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_finished(page):
    """There is nothing left to fill in, and every file that it names exists."""
    text, folder = PAGES[page], HOME if page == "README" else HOME / "docs"
    assert "@@" not in text
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (folder / target).exists(), target
