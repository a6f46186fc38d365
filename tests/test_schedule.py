"""Through which sizes a run goes, with how many steps each."""

import pytest

from styletransfer.errors import InputError
from styletransfer.runs.schedule import Stage, history_for, in_tiles, settled, stages_of
from styletransfer.settings import QUALITIES, Settings

SQUARE = ((1, 1), (1, 1))


def sizes(size, shape=(3, 4), **options):
    return settled(Settings(size=size, **options), (shape, shape)).sizes


def share(sizes, **options):
    return settled(Settings(sizes=sizes, **options), SQUARE).steps


def test_sizes_by_default():
    assert sizes(64) == (64,)
    assert sizes(512, steps=1) == (512,)
    assert sizes(512, steps=2)[-1] == 512
    assert len(sizes(512, steps=2)) == 2
    for size in (300, 384, 512, 1000, 2048):
        found = sizes(size)
        assert found[-1] == size
        assert list(found) == sorted(set(found))
    assert sizes(512, shape=(1, 12)) == (512,)  # a panorama's short side would get too short


def test_quality_says_how_many_steps():
    counts = {quality: sum(share((192, 384), quality=quality)) for quality in QUALITIES}
    assert counts["draft"] < counts["normal"] < counts["fine"]
    normal = QUALITIES["normal"]
    assert share((128, 256, 512)) == (normal.first, normal.between, normal.last)
    assert share((128, 256)) == (normal.first, normal.last)


@pytest.mark.parametrize("steps", [2, 3, 7, 100, 301, 12345])
@pytest.mark.parametrize("count", [1, 2])
def test_a_number_of_steps_is_dealt_out(steps, count):
    found = share(tuple(range(100, 100 + count)), steps=steps)
    assert (len(found), sum(found)) == (count, steps)
    assert min(found) >= 1


def test_steps_are_taken_as_they_are_given():
    assert share((64, 128), steps=(5, 1)) == (5, 1)
    with pytest.raises(InputError, match="steps has 2 numbers for 3 sizes"):
        share((32, 64, 128), steps=(5, 1))
    with pytest.raises(InputError, match="too few for 3 sizes"):
        share((32, 64, 128), steps=2)


def test_mixed_is_finished_in_another_precision():
    settings = settled(Settings(sizes=(40, 64), steps=(4, 9)), SQUARE)
    stages = stages_of(settings, precision="mixed", finish="winograd")
    assert stages == (Stage(40, 4, "mixed"), Stage(64, 6, "mixed"), Stage(64, 3, "winograd"))
    settings = settled(Settings(sizes=(64,), steps=(1,)), SQUARE)
    alone = stages_of(settings, precision="mixed", finish="winograd")
    assert alone == (Stage(64, 1, "winograd"),)


def test_only_large_pictures_are_tiled():
    stages = (Stage(100, 5, "winograd"), Stage(200, 5, "winograd"))
    squares = ((1, 1), (1, 1))
    assert [stage.tile for stage in in_tiles(stages, squares, 1.0, 128)] == [None, 128]
    assert in_tiles(stages, squares, 1.0, None) == stages
    # beside a panorama the painting is the large one
    assert [stage.tile for stage in in_tiles(stages, ((1, 20), (1, 1)), 1.0, 128)] == [None, 128]


def test_history_is_bounded_by_memory():
    assert history_for(256 * 256) == 100
    assert history_for(4096 * 3072) == 5
    assert history_for(1024 * 768) * 24 * 1024 * 768 <= 2**30
