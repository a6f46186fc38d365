"""Sounds to look at, to listen to and to measure: tune and timbre, by librosa."""

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from ..errors import optional


def spectrograms(sounds: Mapping[str, np.ndarray], *, rate: int, top: float = 4000.0) -> Figure:
    """Spectrograms side by side, each 60 dB below its loudest point.

    Args:
        sounds: the samples, by caption.
        rate: samples in a second.
        top: the highest frequency shown, in Hz.
    """
    librosa = _library("librosa")
    size = 4 * len(sounds), 4
    figure, axes = plt.subplots(
        1, len(sounds), figsize=size, sharey=True, squeeze=False, layout="constrained"
    )
    plt.close(figure)  # a notebook shows what a cell returns; left open it would be shown twice
    for axis, (caption, sound) in zip(axes[0], sounds.items(), strict=True):
        levels = librosa.amplitude_to_db(np.abs(librosa.stft(sound)), ref=np.max, top_db=60)
        extent = (0, len(sound) / rate, 0, rate / 2000)
        axis.imshow(levels, origin="lower", aspect="auto", extent=extent, cmap="magma")
        axis.set(title=caption, xlabel="seconds", ylim=(0, top / 1000))
    axes[0, 0].set_ylabel("kHz")
    return figure


def players(sounds: Mapping[str, np.ndarray], *, rate: int) -> HTML:
    """A player for each sound (samples,) below its caption, with the sound in it as MP3."""
    parts = []
    for caption, sound in sounds.items():
        file = io.BytesIO()
        _library("soundfile").write(file, sound / max(1.0, np.abs(sound).max()), rate, format="MP3")
        data = base64.b64encode(file.getvalue()).decode()
        player = f'<audio controls src="data:audio/mpeg;base64,{data}"></audio>'
        parts.append(f"<figure><figcaption>{escape(caption)}</figcaption>{player}</figure>")
    return HTML(f'<div style="display: flex; flex-wrap: wrap">{"".join(parts)}</div>')


def compare_sounds(
    sound: np.ndarray, content: np.ndarray, style: np.ndarray, *, rate: int
) -> dict[str, float]:
    """What is left of the content's tune, and how far the timbre is from the style's.

    Args:
        sound: the samples, as many as those of `content`.
        content: whose tune it should have.
        style: whose timbre it should have, of any length.
        rate: samples in a second.

    Returns:
        "pitch": correlation of the pitch in semitones with the content's, over frames (by YIN, de
        Cheveigné and Kawahara 2002, between 100 and 1000 Hz). "notes": share of the frames whose
        pitch is within half a semitone of the content's, which is 1 for the content. "spectrum":
        distance of the long-term average spectrum from the style's in dB, both less their means.
        "mfcc": distance of means and deviations of MFCC 1 to 12. Both are root mean squares.

    Raises:
        InputError: librosa is not installed.
    """
    librosa = _library("librosa")
    low, high = 100, 1000
    tune, kept = (
        librosa.hz_to_midi(librosa.yin(x, fmin=low, fmax=high, sr=rate)) for x in (content, sound)
    )
    ours, theirs = (_timbre(librosa, x, rate) for x in (sound, style))
    spectrum, mfcc = (np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(ours, theirs, strict=True))
    return {
        "pitch": float(np.corrcoef(tune, kept)[0, 1]),
        "notes": float(np.mean(np.abs(tune - kept) < 0.5)),
        "spectrum": float(spectrum),
        "mfcc": float(mfcc),
    }


def _timbre(librosa: Any, sound: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Long-term average spectrum in dB (128 mel bands), and means and deviations of the MFCC."""
    power = librosa.feature.melspectrogram(y=sound, sr=rate)
    spectrum = librosa.power_to_db(power.mean(1), top_db=60)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(power, top_db=60), n_mfcc=13)[1:]
    return spectrum - spectrum.mean(), np.concatenate([mfcc.mean(1), mfcc.std(1)])


def _library(name: str) -> Any:
    return optional(name, extra="beyond", need="sounds need")
