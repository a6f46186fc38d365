"""Trainings that are stopped, loaded, spread over devices, and broken."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from styletransfer.cyclegan.generators import write_generator
from styletransfer.cyclegan.networks import generator
from styletransfer.cyclegan.settings import AdaptedSettings, CycleSettings
from styletransfer.cyclegan.training import Training
from styletransfer.errors import InputError, NonFiniteError

from .conftest import TINY, full_disk

pytestmark = pytest.mark.slow


def weights(training):
    return {name: network.get_weights() for name, network in training.networks.items()}


@pytest.fixture(
    scope="module",
    params=[
        CycleSettings(**TINY),
        AdaptedSettings(**TINY, closeups=0.5, backbone="embedded"),
    ],
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


def test_tampered_checkpoints_are_refused(half, data, tmp_path):
    """One fact after the other is replaced; whatever it is, there is a sentence."""
    with np.load(half[1]) as file:
        arrays = dict(file)
    facts = json.loads(str(arrays["facts"]))
    cases = [(key, value) for key in ("kind", "step", "data") for value in (None, [], -1, "x")]
    for key, value in [*cases, ("settings", {"size": 10**40}), ("settings", {"form": []})]:
        changed = json.dumps({**facts, key: value})
        np.savez(tmp_path / "x.npz", **{**arrays, "facts": changed})
        with pytest.raises(InputError, match="is not the checkpoint of a training"):
            Training.load(tmp_path / "x.npz", data=data)
    del arrays["history"]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match="history has the shape None"):
        Training.load(tmp_path / "x.npz", data=data)


def test_a_full_disk_leaves_the_last_good_checkpoint(half):
    training, path = half
    good = path.read_bytes()
    with full_disk(20_000), pytest.raises(OSError, match="File too large"):
        training.save(path)
    assert path.read_bytes() == good
    assert list(path.parent.iterdir()) == [path]


def test_stop_and_resume_is_the_uninterrupted_run(half, data, monkeypatch):
    """The one goes on, the other is loaded.

    The one has an interrupt in the middle of a step, which is put off to the end of the step.
    """
    training, path = half
    rest = Training.load(path, data=data)
    assert rest.step == 5
    assert rest.finish()["stopped"] is None
    original = training._updates._generate

    def interrupted(*crops):
        os.kill(os.getpid(), signal.SIGINT)
        return original(*crops)

    with monkeypatch.context() as patch:
        patch.setattr(training._updates, "_generate", interrupted)
        assert training.finish()["stopped"] == "interrupted"
    assert training.step == 6
    assert training.finish()["step"] == 8
    for name, arrays in weights(training).items():
        for found, expected in zip(weights(rest)[name], arrays, strict=True):
            np.testing.assert_array_equal(found, expected)
    for name, values in training.history.items():
        assert len(values) == 8
        np.testing.assert_array_equal(rest.history[name], values)
    for a, b in zip(rest._updates.pools, training._updates.pools, strict=True):
        np.testing.assert_array_equal(a.pictures, b.pictures)
    longer = Training.load(path, data=data, steps=20)
    assert longer.record()["plans"] == [{"from": 0, "steps": 8}, {"from": 5, "steps": 20}]


def test_low_precision_learns_the_colour(data):
    """Photographs are blue, paintings orange: what is made of a photograph turns."""
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


def test_weights_that_are_not_finite(data, tmp_path):
    """The loss of the only step is that of the weights before it."""
    training = Training(data, CycleSettings(**{**TINY, "learning_rate": 1e308, "steps": 1}))
    with pytest.raises(NonFiniteError, match="a weight is not finite at step 1"):
        training.finish()
    network = generator(filters=4, blocks=1, upsampling="nearest")
    network.set_weights([np.full_like(w, 7e4) for w in network.get_weights()])  # half ends at 65504
    settings = {**TINY, "upsampling": "nearest"}
    with pytest.raises(NonFiniteError, match="too large for its file"):
        write_generator(tmp_path / "x.npz", network, {"settings": settings, "blocks": 1})
    assert list(tmp_path.iterdir()) == []


def test_networks_that_do_not_fit_into_memory(data):
    for changes in ({"filters": 1024, "blocks": 100}, {"batch": 1024, "filters": 1024}):
        with pytest.raises(InputError, match=r"the training takes at least .* GB of memory"):
            Training(data, CycleSettings(**{**TINY, **changes}))


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
    ramp = np.linspace(-1, 1, 32 * 32 * 3, dtype="f4").reshape(1, 32, 32, 3)
    made = np.asarray(training.networks["BtoA"](ramp))
    found.append((np.array(list(training.history.values())), made))
    if strategy is not None:
        assert strategy.num_replicas_in_sync == 2
        try:
            Training(data, CycleSettings(**{**TINY, "batch": 3}), strategy=strategy)
        except ValueError as error:
            print(error)
print(*(np.abs(one - two).max() for one, two in zip(*found)))
"""


@pytest.mark.process
def test_two_devices_share_a_batch(tmp_path):
    """Two logical devices come to the losses and pictures of one with the whole batch.

    Not to its weights: a bias before a norm has no gradient but rounding, of which Adam makes steps
    as large as others.
    """
    script = DEVICES.replace("TINY", repr({**TINY, "batch": 2}), 1).replace("TINY", repr(TINY))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    *_, refusal, differences = done.stdout.strip().splitlines()
    assert "a batch of 3 cannot be shared by 2 devices" in refusal
    of_losses, of_picture = map(float, differences.split())
    assert of_losses < 1e-5
    assert of_picture < 2e-3  # in [-1, 1]; the biases' rounding is seen in it
