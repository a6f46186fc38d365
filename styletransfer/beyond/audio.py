"""Sounds as arrays: files, spectrograms and back; and the options of a transfer between sounds."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from ..errors import InputError, optional
from ..options import Options, option
from ..pictures.datasets import data_folder
from ..pictures.files import atomic_path, check_file, check_writable
from ..settings import MOST_WEIGHT

RATE, WINDOW, HOP = 22_050, 2048, 512
"""Samples in a second, in a window and from window to window: those of Ulyanov and Lebedev 2016."""
LEVEL = 0.1
"""Root mean square of every sound, where 1 is full scale; theirs are as loud as the files are."""
FULL = math.log1p(WINDOW / 4)
"""log(1 + |STFT|) of a sine at full scale; over it, a spectrogram lies in [0, 1]."""
LAM = 30.0
"""λ from noise: with it the tune is kept of all four styles of notebooks/15_sound.ipynb."""
WRITABLE = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
"""Formats of sounds that can be written, by the endings of their files."""
_LEAST, _SILENCE = 0.5, 1e-4  # seconds, and of full scale


@dataclass(frozen=True, kw_only=True)
class SoundSettings(Options):
    """Options of `sound.transfer_sound`; InputError for a value outside its range."""

    init: str = option("noise", "where the sound starts", choices=("noise", "content"))
    lam: float | None = option(
        None,
        f"λ, weight of the style; by default {LAM:g}, or no content loss from the content",
        low=0,
        high=MOST_WEIGHT,
    )
    filters: int = option(4096, "random filters; the time grows with them", low=1, high=8192)
    steps: int = option(40, "evaluations of the loss and its gradient", low=1, high=100_000)
    seed: int = option(0, "of the filters and of the noise", low=0, high=2**31 - 1)


def recordings() -> dict[str, Path]:
    """The recordings that come along, by name; data/sounds/SOURCES.csv has authors and licences."""
    return {path.stem: path for path in sorted((data_folder() / "sounds").glob("*.flac"))}


def as_sound(sound: np.ndarray, name: str = "the sound") -> np.ndarray:
    """A sound at `LEVEL`, float64 (samples,) at `RATE`; InputError where there is none in it."""
    sound = np.asarray(sound, np.float64)
    if sound.ndim != 1 or not np.isfinite(sound).all():
        raise InputError(f"{name} must be one row of finite numbers, not {sound.shape}")
    if len(sound) < _LEAST * RATE:
        raise InputError(f"{name} lasts {len(sound) / RATE:.2f} s; at least {_LEAST} s are needed")
    if np.abs(sound).max() < _SILENCE:
        raise InputError(f"{name} is silent; choose one that can be heard")
    return sound * (LEVEL / np.sqrt(np.mean(np.square(sound))))


def read_sound(source: str | os.PathLike, *, seconds: float = 10.0) -> np.ndarray:
    """The first `seconds` of a file, or of the recording of that name, as `as_sound` gives it.

    Of several channels it is the mean; other sampling rates are resampled. Ulyanov and Lebedev 2016
    have 10 s, too.

    Raises:
        FileNotFoundError: no such file.
        InputError: it is no sound that libsndfile reads, or one that cannot be used.
    """
    path = recordings().get(str(source)) or Path(source)
    check_file(path)
    soundfile = library("soundfile")
    try:
        with soundfile.SoundFile(path) as file:
            if not 1_000 <= (rate := file.samplerate) <= 400_000:
                raise InputError(f"{path} has {rate} samples a second; resample it to {RATE}")
            channels = file.read(math.ceil(seconds * rate), always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} is no sound that can be read: {error.error_string}") from None
    shared = math.gcd(rate, RATE)
    return as_sound(resample_poly(channels.mean(1), RATE // shared, rate // shared), str(path))


def write_sound(path: str | os.PathLike, sound: np.ndarray) -> None:
    """Write a sound (samples,) at `RATE`, softer where it would be clipped; see `WRITABLE`."""
    kind = check_writable(path, endings=WRITABLE)
    with atomic_path(path) as temporary:
        library("soundfile").write(
            temporary, sound / max(1.0, np.abs(sound).max()), RATE, format=kind
        )


def library(name: str) -> Any:
    """The package of that name, of the extra "beyond"; InputError where it is not installed."""
    return optional(name, extra="beyond", need="sounds need")


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """log(1 + |STFT|)/`FULL` of a sound (samples,), float32 (frames, WINDOW/2 + 1)."""
    stft = library("librosa").stft(sound, n_fft=WINDOW, hop_length=HOP)
    return (np.log1p(np.abs(stft)).T / FULL).astype(np.float32)


def audible(S: np.ndarray, *, samples: int, seed: int = 0) -> np.ndarray:
    """A sound (samples,) whose `spectrogram` is near S, from random phases.

    Griffin and Lim 1984, with the momentum 0.99 of Perraudin et al. 2013.
    """
    options = {"n_fft": WINDOW, "hop_length": HOP, "length": samples, "random_state": seed}
    magnitudes = np.expm1(np.maximum(S, 0, dtype=np.float64) * FULL).T
    return library("librosa").griffinlim(magnitudes, n_iter=100, momentum=0.99, **options)
