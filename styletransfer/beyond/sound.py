"""The content of one sound in the manner of another, by the project's own objective.

Ulyanov and Lebedev 2016 (github.com/DmitryUlyanov/neural-style-audio-tf): the spectrogram is a
picture one column wide whose channels are the frequencies, and the network is one random
convolution along time. Grinstein et al. 2018 (arXiv 1710.11385) start from the content sound and
leave the content loss out.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from .._tensorflow import keras, tf
from ..evaluation import Whole
from ..forms import FORMS
from ..losses import Measures
from ..optimizers import LBFGS
from ..options import build
from ..runs.callbacks import interrupted_once
from ..statistics import statistic_named
from .audio import FULL, LAM, RATE, WINDOW, SoundSettings, as_sound, audible, spectrogram

REACH, NOISE = 11, 1e-3  # frames under a filter; deviation of the start: Ulyanov and Lebedev's
BOX = 10.0  # how strongly a spectrogram is drawn back into [0, 1]: see `Settings.box`
OPTIMIZER = LBFGS(first=0.005)  # a spectrogram's values are smaller than a picture's
FORM = replace(
    FORMS["gatys-code"],
    formula="mean (F − P)² + λ mean (G/M − A/M)²",
    omega="equal",
    source="Ulyanov and Lebedev 2016 with means for sums: their λ = 1/α = 100 is 100·N/M here",
)


@dataclass(frozen=True)
class SoundResult:
    """A sound, and how it was made."""

    audio: np.ndarray  # float64 (samples,), as long as the content
    rate: int  # samples in a second
    losses: tuple[dict[str, float], ...]  # total, content and style of each evaluation
    settings: SoundSettings
    stopped: str | None  # "interrupted", or None


def random_network(filters: int, *, seed: int) -> keras.Model:
    """One convolution along time and a ReLU: (1, frames, 1, WINDOW/2 + 1) to features by name.

    The weights deviate as Ulyanov and Lebedev's, √2·√(2/((channels + filters)·11)), times `FULL`.
    """
    inputs = keras.Input((None, 1, WINDOW // 2 + 1), dtype="float32")
    deviation = FULL * math.sqrt(2 * 2 / ((inputs.shape[-1] + filters) * REACH))
    draw = keras.initializers.RandomNormal(stddev=deviation, seed=seed)
    kind = {"data_format": "channels_last", "dtype": "float32", "kernel_initializer": draw}
    layer = keras.layers.Conv2D(filters, (REACH, 1), activation="relu", use_bias=False, **kind)
    network = keras.Model(inputs, {"conv": layer(inputs)})
    network.trainable = False
    return network


def transfer_sound(
    content: np.ndarray, style: np.ndarray, *, progress: bool = True, **settings: Any
) -> SoundResult:
    """Play the content sound in the manner of the style sound, both (samples,) at `RATE`.

    Interrupting it (Ctrl-C, the stop button) returns the sound so far. `progress` shows a bar with
    the time left. For the settings see `SoundSettings`; InputError refuses what cannot be used.
    """
    chosen = build(SoundSettings, settings)
    if chosen.lam is None and chosen.init == "noise":
        chosen = replace(chosen, lam=LAM)
    content, style = as_sound(content, "the content"), as_sound(style, "the style")
    P, A = (spectrogram(sound)[None, :, None] for sound in (content, style))
    layers: tuple[str, ...] = () if chosen.lam is None else ("conv",)
    measures = Measures(FORM, statistic_named("gram"), layers, ("conv",))
    functions = Whole(random_network(chosen.filters, seed=chosen.seed), measures)
    targets = functions.encode(P, [])[0], functions.encode(A, [])[1]  # no regions
    noise = np.random.default_rng(chosen.seed).normal(0, NOISE, P.shape).astype(np.float32)
    state = OPTIMIZER.start(P if chosen.init == "content" else noise)
    lam, box, losses, stopped = 1.0 if chosen.lam is None else chosen.lam, 0.0, [], None
    with interrupted_once():
        try:
            for _ in tqdm(range(chosen.steps), "sound", disable=not progress):
                weighting = tuple(tf.constant(w, tf.float32) for w in (lam, (1.0,), 0.0, box))
                values, gradient = functions.differentiate(state.x, *targets, weighting, [])
                box = box or BOX * float(tf.sqrt(tf.reduce_mean(tf.square(gradient))))
                state = OPTIMIZER.step(state, float(values["total"]), gradient.numpy())
                losses.append({k: float(values[k]) for k in ("total", "content", "style")})
                if state.stalled:
                    break
        except KeyboardInterrupt:
            if not losses:
                raise
            stopped = "interrupted"
    audio = audible(state.kept[0, :, 0], samples=len(content), seed=chosen.seed)
    return SoundResult(audio, RATE, tuple(losses), chosen, stopped)
