"""Transfer between sounds: by NumPy, by finite differences, by librosa."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile
from scipy.signal import get_window

from styletransfer.beyond import audio, tunes
from styletransfer.study import hearing

from .sounds import RATE, loudest, sine


def long_term(sound):
    """The mean spectrum of 64 bands in decibels, no less than 60 dB below the largest."""
    power = np.square(np.expm1(audio.FULL * audio.spectrogram(sound))).mean(0)[:1024]
    bands = power.reshape(64, 16).sum(1)
    return 10 * np.log10(np.maximum(bands, 1e-6 * bands.max()))


@pytest.mark.slow
def test_the_spectrogram_by_numpy(rng):
    sound = rng.normal(0, 0.1, RATE)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, 1024), 2048)[::512]
    expected = np.log1p(np.abs(np.fft.rfft(frames * get_window("hann", 2048)))) / audio.FULL
    found = audio.spectrogram(sound)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_full_sine_is_one():
    S = audio.spectrogram(sine(100 * RATE / 2048))
    assert np.argmax(S[20]) == 100
    assert S[20, 100] == pytest.approx(1, abs=1e-4)
    assert S.max() < 1.001


def test_a_spectrogram_becomes_audible():
    """Its pitch, its spectrogram and its length come back, and its phases need not be known."""
    sound = audio.as_sound(sine(440) + 0.3 * sine(1320))
    S = audio.spectrogram(sound)
    found = audio.audible(S, samples=len(sound))
    assert found.shape == sound.shape
    assert loudest(found) == pytest.approx(440, abs=1)
    assert np.linalg.norm(audio.spectrogram(found) - S) < 0.1 * np.linalg.norm(S)


@pytest.fixture
def problem(rng):
    """Network, spectrograms (1, frames, 1, 1025), functions and their other arguments."""
    from styletransfer._tensorflow import tf
    from styletransfer.beyond import sound
    from styletransfer.evaluation import Whole
    from styletransfer.losses import Measures, statistic_named

    network = sound.random_network(6, seed=3)
    P, x = (rng.uniform(0, 0.3, (1, frames, 1, 1025)).astype(np.float32) for frames in (25, 25))
    A = rng.uniform(0, 0.2, (1, 31, 1, 1025)).astype(np.float32)
    functions = Whole(network, Measures(sound.FORM, statistic_named("gram"), ("conv",), ("conv",)))
    weighting = tuple(tf.constant(w, tf.float32) for w in (50.0, (1.0,), 0.0, 0.0))
    arguments = functions.encode(P, [])[0], functions.encode(A, [])[1], weighting, []
    return network, (x, P, A), functions, arguments


def losses_by_numpy(network, x, P, A):
    """Content and style losses in float64, with the ReLU of the kernel on every eleven frames."""
    (kernel,) = network.layers[-1].get_weights()
    F, P, A = (
        np.maximum(0, np.einsum("mct,tcn->mn", windows, kernel[:, 0].astype(float)))
        for windows in (
            np.lib.stride_tricks.sliding_window_view(S[0, :, 0].astype(float), 11, axis=0)
            for S in (x, P, A)
        )
    )
    style = (F.T @ F / len(F) - A.T @ A / len(A)) ** 2
    return np.mean((F - P) ** 2), np.mean(style)


def test_the_losses_by_numpy(problem):
    network, spectrograms, functions, arguments = problem
    content, style = losses_by_numpy(network, *spectrograms)
    values = functions.evaluate(spectrograms[0], *arguments)
    assert float(values["content"]) == pytest.approx(content, rel=1e-4)
    assert float(values["style"]) == pytest.approx(style, rel=1e-4)
    assert float(values["total"]) == pytest.approx(content + 50 * style, rel=1e-4)


def test_the_gradient_by_differences(problem, rng):
    network, (x, *others), functions, arguments = problem
    _, gradient = functions.differentiate(x, *arguments)
    assert gradient.shape == x.shape
    for _ in range(3):
        step = 1e-4 * rng.normal(size=x.shape)
        up, down = (
            losses_by_numpy(network, x + s, *others) @ np.array([1, 50]) for s in (step, -step)
        )
        assert float(np.vdot(gradient, 2 * step)) == pytest.approx(up - down, rel=1e-3)


def test_the_weights_are_as_published():
    from styletransfer.beyond.sound import random_network

    (kernel,) = random_network(32, seed=0).layers[-1].get_weights()
    assert kernel.shape == (11, 1, 1025, 32)
    expected = np.sqrt(2) * np.sqrt(2 / ((1025 + 32) * 11)) * np.log(513)
    assert kernel.std() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("instrument", ["organ", "string"])
@pytest.mark.parametrize("tune", ["ode_to_joy", "frere_jacques"])
def test_a_tune_has_its_notes(tune, instrument):
    """In the middle of every note its pitch, by the YIN of librosa."""
    librosa = pytest.importorskip("librosa")
    pitch = librosa.yin(tunes.play(tune, instrument), fmin=100, fmax=1000, sr=RATE)
    notes = [(int(n[:2]), float(n[3:] or 1)) for n in tunes.TUNES[tune].split()]
    ends = np.cumsum([beats for _, beats in notes])
    for (note, beats), end in zip(notes, ends, strict=True):
        middle = int((end - beats / 2) / ends[-1] * (len(pitch) - 1))
        assert librosa.hz_to_midi(pitch[middle]) == pytest.approx(note, abs=0.3)


def test_the_spectrum_moves_towards_the_style():
    """And the tune stays: its last and longest note is still the loudest of its end."""
    from styletransfer.beyond.sound import transfer_sound

    content, style = (
        tunes.play(tune, instrument, seconds=1.5)
        for tune, instrument in (("ode_to_joy", "organ"), ("frere_jacques", "string"))
    )
    result = transfer_sound(content, style, filters=1024, steps=15, init="content", progress=False)
    assert result.audio.shape == content.shape
    assert (result.rate, result.stopped, len(result.losses)) == (RATE, None, 15)
    assert result.losses[-1]["style"] < 0.5 * result.losses[0]["style"]
    before, after = (
        np.abs(long_term(sound) - long_term(style)).mean() for sound in (content, result.audio)
    )
    assert after < 0.5 * before
    assert loudest(result.audio[-3000:]) == pytest.approx(293.66, abs=5)


def test_the_ways_and_the_seed():
    """From the content there is no content loss without a λ; from noise there is; seeds differ."""
    from styletransfer.beyond.sound import transfer_sound

    sounds = [tunes.play(tune, "organ", seconds=1) for tune in ("scale", "ode_to_joy")]

    def made(**settings):
        return transfer_sound(*sounds, filters=8, steps=3, progress=False, **settings)

    alone, weighed, noise = made(init="content"), made(init="content", lam=10.0), made()
    assert {losses["content"] for losses in alone.losses} == {0.0}
    assert weighed.losses[0]["content"] == 0 < weighed.losses[-1]["content"]
    assert noise.losses[0]["content"] > 0
    assert (alone.settings.lam, noise.settings.lam) == (None, audio.LAM)
    for losses in weighed.losses:
        assert losses["total"] == pytest.approx(losses["content"] + 10 * losses["style"], rel=0.1)
    np.testing.assert_array_equal(made(init="content").audio, alone.audio)
    assert not np.array_equal(made(init="content", seed=1).audio, alone.audio)


def test_the_yardsticks_of_what_is_known(rng):
    """Copies; a tune that is transposed; and a filter whose response NumPy computes."""
    librosa = pytest.importorskip("librosa")
    content, style = tunes.play("ode_to_joy", "organ"), tunes.play("frere_jacques", "string")
    same = hearing.compare_sounds(content, content, style, rate=RATE)
    copied = hearing.compare_sounds(style, content, style, rate=RATE)
    assert (same["pitch"], same["notes"]) == (pytest.approx(1), 1)
    assert same["spectrum"] > 10 > copied["spectrum"] == copied["mfcc"] == 0
    assert copied["notes"] < 0.3
    low, high = (np.concatenate([sine(f * 300), sine(f * 400)]) for f in (1, 1.1))
    shifted = hearing.compare_sounds(high, low, low, rate=RATE)
    assert shifted["pitch"] > 0.99
    assert shifted["notes"] == 0
    noise = rng.normal(0, 1, 20 * RATE)
    found = hearing.compare_sounds(np.diff(noise, append=0), noise, noise, rate=RATE)["spectrum"]
    centres = librosa.mel_frequencies(130, fmax=RATE / 2)[1:-1]
    response = 20 * np.log10(2 * np.sin(np.pi * centres / RATE))
    assert found == pytest.approx(response.std(), rel=0.05)


def test_a_player_has_the_sound_in_it():
    html = hearing.players({"a < b": 0.3 * sine(440), "c": 0.3 * sine(500)}, rate=RATE).data
    assert "<figcaption>a &lt; b</figcaption>" in html
    coded = re.findall(r'<audio controls src="data:audio/mpeg;base64,([^"]+)">', html)
    for data, pitch in zip(coded, (440, 500), strict=True):
        sound, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
        assert (rate, loudest(sound)) == (RATE, pytest.approx(pitch, abs=1))
    assert len(html) < RATE  # half of what 16 bits would need, for two seconds


def test_a_spectrogram_shows_a_sine_at_its_frequency():
    figure = hearing.spectrograms({"a": sine(1000), "b": sine(2000)}, rate=RATE)
    for axis, caption, pitch in zip(figure.axes, "ab", (1, 2), strict=True):
        assert axis.get_title() == caption
        (picture,) = axis.images
        row = picture.get_array().mean(1).argmax()
        assert row / 1024 * picture.get_extent()[3] == pytest.approx(pitch, abs=0.02)


def test_a_click_in_silence_is_a_sound():
    from styletransfer.beyond.sound import transfer_sound

    click = np.zeros(RATE)
    click[RATE // 2] = 1
    for pair in ((click, sine(440)), (sine(440), click)):
        assert np.isfinite(transfer_sound(*pair, filters=8, steps=4, progress=False).audio).all()


def test_an_interrupt_leaves_the_sound_so_far(monkeypatch):
    from styletransfer.beyond import sound

    steps, real = [], sound.LBFGS.step

    def step(*arguments):
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(sound.LBFGS, "step", step)
    result = sound.transfer_sound(sine(440), sine(300), filters=4, progress=False)
    assert (result.stopped, len(result.losses)) == ("interrupted", 2)
    assert np.isfinite(result.audio).all()
    steps[:] = [1, 1]
    with pytest.raises(KeyboardInterrupt):
        sound.transfer_sound(sine(440), sine(300), filters=4, progress=False)
