"""Yardsticks for a sound that should have the tune of one and the timbre of another; by librosa."""

import importlib
from typing import Any

import numpy as np

from ..errors import InputError


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
    try:
        librosa: Any = importlib.import_module("librosa")
    except ImportError:
        raise InputError(
            "sounds are measured by librosa: pip install 'styletransfer[beyond]'"
        ) from None
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
