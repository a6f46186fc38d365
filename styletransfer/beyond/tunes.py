"""Sounds that need no file: tunes in the public domain, on instruments that are synthesised."""

import numpy as np
from scipy.signal import lfilter

from .audio import RATE, as_sound

TUNES = {
    "ode_to_joy": "64 64 65 67 67 65 64 62 60 60 62 64 64:1.5 62:0.5 62:2",  # Beethoven 1824
    "frere_jacques": "60 62 64 60 60 62 64 60 64 65 67:2 64 65 67:2",  # France, 18th century
    "scale": "60 62 64 65 67 69 71 72",
}
"""MIDI numbers of the notes (60 is middle C), with their beats where these are not one."""
PARTIALS = {
    "organ": ((1, 1.0, 0), (2, 0.5, 0), (3, 0.35, 0), (4, 0.2, 0), (6, 0.1, 0)),
    "bell": ((0.5, 0.3, 1), (1, 1.0, 2), (1.2, 0.7, 3), (1.5, 0.4, 4), (2, 0.8, 5), (4.1, 0.3, 8)),
}
"""Of an instrument the sines: frequency over the pitch, amplitude, and decay in a second."""


def tone(name: str, pitch: float, samples: int) -> np.ndarray:
    """One note of `pitch` Hz at `RATE`: "string" (Karplus and Strong 1983) or one of `PARTIALS`."""
    if name == "string":
        period, rest = divmod(RATE / pitch - 0.5, 1)  # the mean of two neighbours takes half more
        loop = 0.998 * np.convolve((0.5, 0.5), (1 - rest, rest))
        burst = np.random.default_rng(0).uniform(-1, 1, int(period))
        pluck = np.pad(burst, (0, max(0, samples - len(burst))))[:samples]
        return lfilter([1], [1, *np.zeros(int(period) - 1), *-loop], pluck)
    t = np.arange(samples) / RATE
    fade = np.clip(np.minimum(t, t[::-1]) / 0.03, 0, 1)  # neither end clicks
    sines = [a * np.exp(-d * t) * np.sin(2 * np.pi * r * pitch * t) for r, a, d in PARTIALS[name]]
    return sum(sines) * fade


def play(tune: str, instrument: str, *, seconds: float = 4.0) -> np.ndarray:
    """A tune of `TUNES` on an instrument, as `as_sound` gives it, `seconds` long."""
    notes = [(int(note[:2]), float(note[3:] or 1)) for note in TUNES[tune].split()]
    ends = np.cumsum([0, *(beats for _, beats in notes)])
    edges = np.round(ends / ends[-1] * seconds * RATE).astype(int)
    pitches = [440 * 2 ** ((midi - 69) / 12) for midi, _ in notes]
    tones = [tone(instrument, *note) for note in zip(pitches, np.diff(edges), strict=True)]
    return as_sound(np.concatenate(tones))
