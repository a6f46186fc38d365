"""Sounds whose pitch is known, and the pitch of a sound, for the tests."""

import numpy as np
from scipy.signal import get_window

from styletransfer.beyond.audio import RATE


def sine(frequency, *, seconds=1.0, rate=RATE):
    return np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


def loudest(sound, *, rate=RATE):
    """The frequency with the largest power, in Hz, by one Fourier transform of it all."""
    power = np.abs(np.fft.rfft(sound * get_window("hann", len(sound)), 16 * len(sound)))
    return np.argmax(power) * rate / (16 * len(sound))
