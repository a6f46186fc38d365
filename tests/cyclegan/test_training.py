"""Losses against NumPy, and trainings that are stopped, killed, spread over devices, and gone on with."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from styletransfer._tensorflow import tf
from styletransfer.cyclegan import keeping, workshop
from styletransfer.cyclegan.objectives import Adapted, Cycle
from styletransfer.cyclegan.settings import AdaptedSettings, CycleSettings
from styletransfer.cyclegan.training import Training
from styletransfer.errors import InputError, NonFiniteError
from styletransfer.forms import FORMS
from styletransfer.weights.backbones import load_weights

from .. import reference
from .conftest import TINY


@pytest.fixture
def crops(rng):
    return tuple(tf.constant(rng.uniform(-1, 1, (2, 32, 32, 3)), tf.float32) for _ in range(2))


def per_picture(values):
    return values.reshape(len(values), -1).mean(1)


def test_cycle_losses_by_hand(crops):
    """Zhu et al. 2017, Eqs. 1 to 3 and the identity loss, from the networks' outputs."""
    objective = Cycle(CycleSettings(**TINY, cycle=7.0, identity=0.3), dtype="float32")
    g, f, d_x, d_y = (objective.networks[name] for name in ("AtoB", "BtoA", "critic_A", "critic_B"))
    a, b = (np.asarray(side) for side in crops)

    def of(network, x):
        return network(x).numpy()

    total, parts, fakes = objective.generated(*crops)
    expected = {
        "adversarial_A": per_picture((of(d_x, of(f, b)) - 1) ** 2),
        "adversarial_B": per_picture((of(d_y, of(g, a)) - 1) ** 2),
        "cycle_A": per_picture(np.abs(of(f, of(g, a)) - a)),
        "cycle_B": per_picture(np.abs(of(g, of(f, b)) - b)),
        "identity_A": per_picture(np.abs(of(f, a) - a)),
        "identity_B": per_picture(np.abs(of(g, b) - b)),
    }
    assert parts.keys() == expected.keys()
    for name in parts:
        np.testing.assert_allclose(parts[name], expected[name], rtol=1e-3)
    weighted = [value * {"a": 1, "c": 7, "i": 7 * 0.3}[name[0]] for name, value in expected.items()]
    np.testing.assert_allclose(total, sum(weighted), rtol=1e-3)
    np.testing.assert_allclose(fakes[0], of(f, b), atol=1e-5)
    judged = objective.judged(*crops, fakes)
    for name, critic, real, fake in (
        ("critic_A", d_x, a, of(f, b)),
        ("critic_B", d_y, b, of(g, a)),
    ):
        half = 0.5 * (per_picture((of(critic, real) - 1) ** 2) + per_picture(of(critic, fake) ** 2))
        np.testing.assert_allclose(judged[name], half, rtol=1e-3)
    without = Cycle(CycleSettings(**TINY, identity=0), dtype="float32")
    assert set(without.generated(*crops).parts) == {
        "adversarial_A",
        "adversarial_B",
        "cycle_A",
        "cycle_B",
    }


@pytest.mark.parametrize("form", ["proposal", "gatys-code"])
def test_adapted_losses_by_hand(form, crops):
    """The study's formula in NumPy on the generator's output, with the mean Gram of several crops as the target."""
    settings = AdaptedSettings(**TINY, form=form, lam=0.5, adversarial=2.0, backbone="embedded")
    objective = Adapted(settings, dtype="float32", samples=[crops])
    weights = load_weights("embedded")
    network = weights.kernels, weights.biases, FORMS[form].pooling

    def features(pictures):
        return [reference.features(p / 2 + 0.5, *network) for p in np.asarray(pictures)]

    layers, omega = settings.style_layers, objective._omega
    of_a, of_b = features(crops[0]), features(crops[1])
    fake = objective.networks["BtoA"](crops[1]).numpy()
    grams = {layer: np.mean([reference.gram(f[layer]) for f in of_a], 0) for layer in layers}

    def style(found):
        loss = 0
        for weight, layer in zip(omega, layers, strict=True):
            difference = np.abs(reference.gram(found[layer]) - grams[layer])
            positions = found[layer].shape[0] * found[layer].shape[1]
            loss += weight * (
                difference.sum() if form == "proposal" else ((difference / positions) ** 2).mean()
            )
        return loss

    def content(found, wanted):
        squares = (found["block4_conv2"] - wanted["block4_conv2"]) ** 2
        return squares.sum() if form == "proposal" else squares.mean()

    unit = 0.5 * np.mean([style(found) for found in of_b])
    assert objective.unit == pytest.approx(unit, rel=1e-3)
    made = features(fake)
    total, parts, fakes = objective.generated(*crops)
    np.testing.assert_allclose(parts["style"], [style(found) for found in made], rtol=1e-3)
    contents = [content(found, wanted) for found, wanted in zip(made, of_b, strict=True)]
    np.testing.assert_allclose(parts["content"], contents, rtol=1e-3)
    deceived = per_picture((objective.networks["critic_A"](fake).numpy() - 1) ** 2)
    expected = (np.array(contents) + 0.5 * np.array(parts["style"])) / unit + 2 * deceived
    np.testing.assert_allclose(total, expected, rtol=1e-3)
    assert len(fakes) == 1


def test_adapted_without_an_adversary_is_a_feed_forward_network(data):
    settings = AdaptedSettings(
        **{**TINY, "steps": 12, "learning_rate": 5e-3}, adversarial=0, backbone="embedded"
    )
    training = Training(data, settings)
    assert set(training.networks) == {"BtoA"}
    training.finish()
    losses = training.history
    assert set(losses) == {"content", "style"}
    total = losses["content"] + training.objective.lam * losses["style"]
    assert total[-3:].mean() < 0.8 * total[:3].mean()
    with pytest.raises(InputError, match="lam must be above 0"):
        Training(data, AdaptedSettings(**TINY, lam=0.0, backbone="embedded"))


def weights(training):
    return {name: network.get_weights() for name, network in training.networks.items()}


@pytest.fixture(
    scope="module", params=[CycleSettings(**TINY), AdaptedSettings(**TINY, backbone="embedded")]
)
def half(request, data, tmp_path_factory):
    """A training that has come to step 5 of 8, and its checkpoint of that moment."""
    training = Training(data, request.param)
    before = weights(training)
    assert training.finish(until=5)["stopped"] == "ended early"
    for name, arrays in weights(training).items():
        assert not np.array_equal(arrays[0], before[name][0])
    path = tmp_path_factory.mktemp("half") / "checkpoint.npz"
    training.save(path)
    return training, path


def test_checkpoints_that_cannot_be_used(half, data, tmp_path):
    path = half[1]
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Training.load(tmp_path / "none.npz", data=data)
    with np.load(path) as file:
        arrays = dict(file)
    facts = json.loads(str(arrays["facts"]))
    other = {
        **arrays,
        "facts": json.dumps({**facts, "settings": {**facts["settings"], "filters": 8}}),
    }
    np.savez(tmp_path / "other.npz", **other)
    with pytest.raises(InputError, match="of other networks than its settings describe"):
        Training.load(tmp_path / "other.npz", data=data)
    np.savez(tmp_path / "no.npz", facts=json.dumps({"kind": "cycle"}))
    with pytest.raises(InputError, match="is not the checkpoint of a training"):
        Training.load(tmp_path / "no.npz", data=data)
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="damaged"):
        Training.load(tmp_path / "cut.npz", data=data)
    with pytest.raises(InputError, match="pictures of side A are not those"):
        Training.load(path, progress=False)  # the bundled ones


@contextlib.contextmanager
def full_disk(most):
    """A limit on the size of files stands in for it."""
    handler, limits = (
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
        resource.getrlimit(resource.RLIMIT_FSIZE),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_last_good_checkpoint(half):
    training, path = half
    good = path.read_bytes()
    with full_disk(20_000), pytest.raises(OSError, match="File too large"):
        training.save(path)
    assert path.read_bytes() == good
    assert list(path.parent.iterdir()) == [path]


def test_stop_and_resume_is_the_uninterrupted_run(half, data, monkeypatch):
    """The one goes on, with an interrupt in the middle of a step, which is put off to its end; the other is loaded."""
    training, path = half
    rest = Training.load(path, data=data)
    assert rest.step == 5
    assert rest.finish()["stopped"] is None
    original = training._generate

    def interrupted(*crops):
        os.kill(os.getpid(), signal.SIGINT)
        return original(*crops)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_generate", interrupted)
        assert training.finish()["stopped"] == "interrupted"
    assert training.step == 6
    assert training.finish()["step"] == 8
    for name, arrays in weights(training).items():
        for found, expected in zip(weights(rest)[name], arrays, strict=True):
            np.testing.assert_array_equal(found, expected)
    for name, values in training.history.items():
        assert len(values) == 8
        np.testing.assert_array_equal(rest.history[name], values)
    for a, b in zip(rest._pools, training._pools, strict=True):
        np.testing.assert_array_equal(a.kept, b.kept)
    longer = Training.load(path, data=data, steps=20)
    assert longer.record()["plans"] == [{"from": 0, "steps": 8}, {"from": 5, "steps": 20}]


def test_low_precision_learns_the_colour(data):
    """Photographs are blue and paintings orange: after some steps what is made of a photograph has turned."""
    settings = CycleSettings(
        **{**TINY, "precision": "mixed", "steps": 40, "learning_rate": 2e-3, "identity": 0}
    )
    training = Training(data, settings)
    blue = np.asarray(data.b.pictures[0][None, :32, :32], np.float32) / 127.5 - 1
    training.finish()
    red, _, other = training.networks["BtoA"](blue).numpy().mean((0, 1, 2))
    assert red > other


def test_losses_that_are_not_finite(data, tmp_path):
    training = Training(data, CycleSettings(**{**TINY, "learning_rate": 1e30}))
    with pytest.raises(NonFiniteError, match=r"not finite at step \d; .* smaller learning_rate"):
        training.finish()
    with pytest.raises(InputError, match="not saved"):
        training.save(tmp_path / "x.npz")
    assert list(tmp_path.iterdir()) == []


DEVICES = """
import sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from styletransfer.cyclegan.data import open_data
from styletransfer.cyclegan.settings import CycleSettings
from styletransfer.cyclegan.training import Training
settings = CycleSettings(**TINY)
data = open_data(short_side=40, progress=False)
found = []
for strategy in (None, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    training = Training(data, settings, strategy=strategy)
    training.finish(until=3)
    made = np.asarray(training.networks["BtoA"](np.linspace(-1, 1, 32 * 32 * 3, dtype="f4").reshape(1, 32, 32, 3)))
    found.append(np.concatenate([*training.history.values(), made.ravel()]))
    if strategy is not None:
        assert strategy.num_replicas_in_sync == 2
        try:
            Training(data, CycleSettings(**{**TINY, "batch": 3}), strategy=strategy)
        except ValueError as error:
            print(error)
print(np.abs(found[0] - found[1]).max())
"""


def test_two_devices_share_a_batch(tmp_path):
    """Two logical devices come to the losses and pictures of one with the whole batch.

    Not to its weights: a bias before a norm has no gradient but rounding, of which Adam makes steps as large as others.
    """
    script = DEVICES.replace("TINY", repr({**TINY, "batch": 2}), 1).replace("TINY", repr(TINY))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    *_, refusal, difference = done.stdout.strip().splitlines()
    assert "a batch of 3 cannot be shared by 2 devices" in refusal
    assert float(difference) < 2e-4


def test_killed_and_gone_on_with(folders, tmp_path, monkeypatch):
    """SIGKILL while a checkpoint is written; in the end there is what the uninterrupted training gives."""
    monkeypatch.setattr(keeping, "SAVED_EVERY", 0.0)
    options = {**TINY, "data": str(folders), "progress": False, "steps": 14}
    workshop.train(tmp_path / "whole", **options)
    script = f"""
import time
from styletransfer import states
from styletransfer.cyclegan import keeping, workshop

def slow(file, **arrays):
    file.write(b"half of it")
    file.flush()
    time.sleep(0.2)
    file.seek(0)
    savez(file, **arrays)

savez, states.np.savez = states.np.savez, slow
keeping.SAVED_EVERY = 0.0
workshop.train({str(tmp_path / "killed")!r}, listeners=[lambda *_: time.sleep(0.1)], **{options!r})
"""
    checkpoint, halves = (
        tmp_path / "killed" / "checkpoint.npz",
        lambda: list((tmp_path / "killed").glob(".check*")),
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (checkpoint.exists() and halves()):
        time.sleep(0.002)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert halves()
    assert json.loads((tmp_path / "killed" / "record.json").read_text())["step"] < 14
    workshop.train(tmp_path / "killed", **options)
    assert not halves()
    whole, killed = (np.load(tmp_path / name / "checkpoint.npz") for name in ("whole", "killed"))
    assert set(whole.files) == set(killed.files)
    for name in set(whole.files) - {"facts"}:
        np.testing.assert_array_equal(killed[name], whole[name])
    losses = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "killed")]
    assert losses[0] == losses[1]
    assert json.loads((tmp_path / "killed" / "record.json").read_text())["stopped"] is None
