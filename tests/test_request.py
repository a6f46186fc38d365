"""What a run is identified by, what its settings refuse, and how much memory it may have."""

import dataclasses
import inspect
from types import SimpleNamespace
from typing import get_args, get_type_hints

import numpy as np
import psutil
import pytest

from styletransfer import Settings, transfer
from styletransfer._tensorflow import tf
from styletransfer.errors import InputError
from styletransfer.fast import precision
from styletransfer.forms import FORMS
from styletransfer.keywords import SettingsDict
from styletransfer.losses import STATISTICS, statistic
from styletransfer.pictures import datasets
from styletransfer.runs import memory
from styletransfer.runs.request import Request, resolve
from styletransfer.runs.schedule import Stage


def request(pair, **settings):
    return Request.open(*pair, Settings(**{"backbone": "embedded", "size": 64, **settings}))


@pytest.fixture
def brightest():
    """Defines a statistic of that name; another factor is another statistic."""

    def define(factor):
        if factor == 1:

            @statistic()
            def brightest(features):
                return tf.reduce_sum(features**2, (0, 1, 2))
        else:

            @statistic()
            def brightest(features):
                return 2 * tf.reduce_sum(features**2, (0, 1, 2))

    yield define
    STATISTICS.pop("brightest", None)


def test_a_statistic_that_is_redefined_has_another_identity(pair, brightest):
    brightest(1)
    first = request(pair, statistic="brightest").identity
    brightest(1)
    assert request(pair, statistic="brightest").identity == first
    brightest(2)
    assert request(pair, statistic="brightest").identity != first


def test_a_store_does_not_return_the_result_of_an_older_statistic(pair, brightest, tmp_path):
    def made():
        options = {"statistic": "brightest", "size": 48, "steps": 2, "lam": 1e-15}
        return transfer(*pair, store=tmp_path, backbone="embedded", progress=False, **options)

    brightest(1)
    first = made()
    brightest(2)
    second = made()
    found = [r.record["picture"]["losses"]["style"] for r in (first, second)]
    assert found[1] == pytest.approx(4 * found[0], rel=1e-3)


def test_a_statistic_that_does_not_add_up_is_refused_in_tiles(pair):
    try:

        @statistic(additive=False)
        def middle(features):
            return tf.sort(features, axis=1)[:, 0]

        with pytest.raises(InputError, match="does not add up over the parts of a picture"):
            transfer(*pair, statistic="middle", tile=64, size=96, backbone="embedded")
    finally:
        STATISTICS.pop("middle", None)


def test_defaults_that_are_spelled_out_are_the_same_run(pair):
    plain = request(pair)
    form = FORMS[Settings.form]
    spelled = request(pair, lam=form.lam, pooling=form.pooling, sizes=(64,), steps=140, history=100)
    assert plain.identity == spelled.identity
    assert request(pair, lam=2 * form.lam).identity != plain.identity
    assert request(pair, noise=0.5).identity == plain.identity  # no noise in it
    assert request(pair, init="noise", noise=0.5).identity != request(pair, init="noise").identity


def test_another_generator_is_another_start(pair, tmp_path, monkeypatch):
    """A stored run must not stand for one that starts from a generator trained anew."""
    folder = tmp_path / "generators"
    folder.mkdir()
    monkeypatch.setattr(datasets, "data_folder", lambda: tmp_path)
    found = []
    for weights in (b"one", b"two"):
        (folder / "great_wave.npz").write_bytes(weights)
        found.append([request(pair, init=init).identity for init in ("content", "generator")])
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]


def test_no_identity_depends_on_a_measured_time(pair, monkeypatch):
    found = []
    for fast in (False, True):
        monkeypatch.setattr(precision, "has_bfloat16", lambda fast=fast: fast)
        found.append(request(pair, precision="mixed").identity)
    assert found[0] == found[1]


def test_pictures_of_equal_bytes_and_other_shapes_are_other_pictures():
    wide, tall = np.full((40, 60, 3), 0.5, np.float32), np.full((60, 40, 3), 0.5, np.float32)
    assert wide.tobytes() == tall.tobytes()
    assert request((wide, wide)).identity != request((tall, wide)).identity
    assert request((wide, wide)).identity != request((wide, tall)).identity


def test_sizes_and_size_must_agree():
    assert Settings(sizes=(256, 384)).size == 384
    assert Settings(size=384, sizes=(256, 384)).size == 384
    assert Settings().size == 512
    with pytest.raises(InputError, match="size is 512, but sizes end at 384"):
        Settings(size=512, sizes=(256, 384))


NUMBERS = [
    entry.name
    for entry in dataclasses.fields(Settings)
    if {int, float} & {*get_args(get_type_hints(Settings)[entry.name]), entry.type}
]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [10**400, -(10**400), 1e308, float("inf"), 2.0**128], ids=str)
def test_absurd_numbers_are_refused_in_one_sentence(name, value):
    with pytest.raises(InputError, match=f"^{name} must be ") as caught:
        Settings(**{name: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [5, [], None, b"embedded", True], ids=str)
@pytest.mark.parametrize("name", ["backbone", "init", "form", "statistic"])
def test_words_must_be_words(name, value):
    with pytest.raises(InputError, match=f"{name} must "):
        Settings(**{name: value})


def test_editors_know_every_setting():
    assert list(get_type_hints(SettingsDict)) == [e.name for e in dataclasses.fields(Settings)]
    assert "SettingsDict" in str(inspect.signature(transfer))
    for entry in dataclasses.fields(Settings):
        assert f"{entry.name} (default {entry.default!r}): " in transfer.__doc__


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with so many bytes free, a process of that size, and the files of a container."""

    def make(free, rss, **files):
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        process = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=rss))
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
        monkeypatch.setattr(psutil, "Process", lambda: process)
        monkeypatch.setattr(memory, "CGROUP", tmp_path)

    return make


def test_what_the_user_holds_is_not_free(machine):
    machine(8e9, 0.5e9)
    assert memory.available() == 8.5e9
    machine(8e9, 20e9)
    assert memory.available() == 8e9 + memory.BASE


def test_a_container_limits_memory(machine):
    machine(8e9, 0, memory_max="4000000000\n", memory_current="1000000000\n")
    assert memory.available() == 3e9
    machine(8e9, 0, memory_max="max\n")
    assert memory.available() == 8e9


def test_on_a_graphics_card_the_computer_s_memory_decides_nothing(machine, monkeypatch):
    machine(1e9, 0)
    stage, shapes = Stage(2048, 20, "float32"), ((3, 4), (4, 3))
    with pytest.raises(InputError, match="GB of memory"):
        memory.tile_for(Settings(), "vgg16", stage, shapes)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["GPU:0"])
    assert memory.tile_for(Settings(), "vgg16", stage, shapes) is None
    assert memory.tile_for(Settings(tile=512), "vgg16", stage, shapes) == 512


def test_resolve_leaves_nothing_open(pair):
    settings = resolve(request(pair)).settings
    # The whole picture, in one style; L-BFGS has no rate; paintings count equally.
    optional = {"tile", "regions", "learning_rate", "mix"}
    values = dataclasses.asdict(settings)
    assert {name for name, value in values.items() if value is None} == optional
    assert resolve(request(pair, optimizer="adam")).settings.learning_rate == 0.02
