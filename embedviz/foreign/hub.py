"""Any SavedModel that takes a waveform and gives vectors: `hub:HANDLE_OR_FOLDER`.

The handle is a folder, an archive, an address or a name of TF-Hub or Kaggle; see
`hub_handles.resolve`, also for when such weights count as verified. The model itself does not say
at which rate and in which windows it listens, or which output holds the vectors, so these are
options in the variant, for example `rate=16000,window=0.96,hop=0.48,output=1`, and part of a
result's identity. What is left out is taken from the model where it shows: from a fixed length of
its input, or from the shapes of VGGish's and YAMNet's outputs, which are then heard exactly as our
own `vggish` and `yamnet` are. Otherwise the rate is 16 kHz and the window 0.96 s, as most published
audio models have it, and the hop one window, so that all sound is heard once.

Where the model gives several rows for one window, the row is their mean. Its front end is hidden
inside, so the patches are a general log-mel picture of the sound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedviz.errors import ModelError
from embedviz.facts import Facts, Framing
from embedviz.foreign import hub_calls, hub_handles, hub_options, pictures
from embedviz.foreign.hub_options import Options
from embedviz.foreign.hub_picture import Picture
from embedviz.models import humpback

if TYPE_CHECKING:
    import tensorflow as tf

    from embedviz.engine import Hear
    from embedviz.foreign.hub_calls import Call
    from embedviz.model import Columns, Model
    from embedviz.weightfiles import Found

RATE_HZ = 16_000
WINDOW_S = 0.96
BATCH_S = 60.0  # seconds of sound heard at once
OVERHANG_SAMPLES = 240  # the last frame of VGGish and YAMNet ends 15 ms after their window


@dataclass(frozen=True)
class Kin:
    """A model that is known by the lengths of its outputs' rows."""

    output: int
    hop_s: float
    tail: Literal["drop", "pad"]


KIN: Mapping[tuple[int, ...], Kin] = {
    (128,): Kin(output=0, hop_s=0.96, tail="drop"),  # VGGish
    (521, 1024, 64): Kin(output=1, hop_s=0.48, tail="pad"),  # YAMNet
}


def load(
    handle: str,
    *,
    variant: str | None = None,
    weights: str | Path | None = None,
    precision: str = "float32",
) -> Model:
    """Load a SavedModel by its handle or folder.

    Parameters
    ----------
    handle
        What follows `hub:`.
    variant
        Options, each `key=value`, with commas between: `rate` in Hz, `window` and `hop` in seconds,
        `output` (number or name), `signature` (or a function of the model, by name).

    Raises
    ------
    ModelError
        If an option does not fit the model; the sentence lists what it has.
    WeightsError
        If the SavedModel cannot be had, or would do more than compute.
    """
    if weights is not None:
        raise ModelError("A `hub:` model is its own weights; give their folder as hub:FOLDER.")
    if precision != "float32":
        raise ModelError(f"A `hub:` model runs in float32, found {precision!r}; choose that.")
    options = hub_options.read(variant)
    if options.hop_s is not None and options.hop_s * (options.rate_hz or RATE_HZ) < 1:
        raise ModelError(f"Found hop={options.hop_s:g}, less than one sample; wanted seconds.")
    found = hub_handles.resolve(handle)
    # TensorFlow takes seconds to load, so what is missing is reported before that.
    from embedviz.listeners import WindowListener
    from embedviz.model import Model

    facts, hear, columns = _opened(handle, options, found)
    return Model(
        facts=facts,
        variant=facts.default_variant,
        precision=precision,
        weights={found.file.name: found},
        listener=WindowListener(facts, hear),
        columns=columns,
        batch=facts.batch,
    )


def _opened(handle: str, options: Options, found: Found) -> tuple[Facts, Hear, Columns | None]:
    import embedviz.engine  # noqa: F401 (TensorFlow, without its notes at the start)
    from embedviz import savedmodels

    loaded = savedmodels.load(found.path)
    title = _title(handle)
    if humpback.offers_interface(loaded) and options.signature is options.output is None:
        facts, hear = _humpback(loaded, title, options, found)
        columns = humpback.columns({})
    else:
        facts, hear = _stranger(hub_calls.find(loaded, options.signature, title), options)
        columns = None
    return replace(facts, name=f"hub:{handle}", title=title, home=found.file.url), hear, columns


def _humpback(
    loaded: Any,  # noqa: ANN401
    title: str,
    options: Options,
    found: Found,
) -> tuple[Facts, Hear]:
    """Hear the humpback model, which says itself how it listens, as our own `humpback` does."""
    facts = humpback.FACTS
    wanted = (options.rate_hz or facts.rate_hz, options.window_s or facts.window_s)
    if wanted != (facts.rate_hz, facts.window_s):
        raise ModelError(
            f"{title} is the humpback model; it takes "
            f"rate={facts.rate_hz},window={facts.window_s:g}."
        )
    framing = replace(facts.framing, hop_s=options.hop_s or facts.hop_s)
    variant = hub_options.write(facts.rate_hz, framing)
    sizes = {variant: facts.variants[facts.default_variant]}
    facts = replace(facts, framing=framing, variants=sizes, files=())
    return facts, humpback.listening(loaded, found.path)


def _stranger(call: Call, options: Options) -> tuple[Facts, Hear]:
    rate_hz = options.rate_hz or RATE_HZ
    kin = _kin(call, rate_hz)
    framing = _framing(call, options, rate_hz, kin)
    outputs = call.outputs_of_silence(framing.window_samples, rate_hz)
    wanted = options.output or (list(outputs)[kin.output] if kin else None)
    name = hub_calls.choose(outputs, wanted, call.title)
    size = hub_calls.size_of(outputs[name], name, call.title)
    together = call.takes_batches and _keeps_windows_apart(call, name, framing, rate_hz)
    picture = Picture(rate_hz, round(framing.window_s * rate_hz))
    assumed = "" if options.rate_hz else f"The rate of {rate_hz / 1000:g} kHz is assumed."
    facts = Facts(
        name="hub",
        title=call.title,
        group="General",
        hears=f"Whatever {call.title} was made for.",
        paper="see its page",
        licence="see its page",
        home="",
        rate_hz=rate_hz,
        framing=framing,
        patch_frames=picture.frames,
        bands_hz=pictures.bands_hz(rate_hz),
        patch_range=pictures.RANGE_DB,
        patch_unit=pictures.UNIT,
        variants={hub_options.write(rate_hz, framing, name, options.signature): size},
        batch=max(1, round(BATCH_S / framing.window_s)),
        notes=f"Its front end is hidden; the pictures show the sound as such. {assumed}".strip(),
    )
    return facts, _hear(call, name, size, rate_hz, picture, together=together)


def _kin(call: Call, rate_hz: int) -> Kin | None:
    """Recognise VGGish and YAMNet by what they give for one of their windows."""
    if call.rank > 1 or call.samples is not None or rate_hz != RATE_HZ:
        return None
    samples = round(WINDOW_S * rate_hz) + OVERHANG_SAMPLES
    try:
        outputs = call.outputs_of_silence(samples, rate_hz).values()
    except ModelError:
        return None  # it hears other lengths
    if any(output.shape.rank != 2 for output in outputs):
        return None
    return KIN.get(tuple(output.shape[1] for output in outputs))


def _framing(call: Call, options: Options, rate_hz: int, kin: Kin | None) -> Framing:
    window_s = options.window_s or WINDOW_S
    samples = round(window_s * rate_hz) + (OVERHANG_SAMPLES if kin else 0)
    if call.samples is not None:
        if options.window_s and samples != call.samples:
            raise ModelError(
                f"{call.title} hears exactly {call.samples:,} samples, "
                f"window={call.samples / rate_hz:g} at {rate_hz:,} Hz; found {samples:,}."
            )
        samples, window_s = call.samples, call.samples / rate_hz
    usual_s = kin.hop_s if kin and window_s == WINDOW_S else window_s
    return Framing(window_s, samples, options.hop_s or usual_s, kin.tail if kin else "pad")


def _keeps_windows_apart(call: Call, name: str, framing: Framing, rate_hz: int) -> bool:
    """Tell whether an output's first axis is the batch's."""
    one, two = (
        call.outputs_of_silence(framing.window_samples, rate_hz, windows=count)[name].shape
        for count in (1, 2)
    )
    return bool(one.rank > 1 and one == [1, *two[1:]] and two[0] == 2)


def _hear(
    call: Call, name: str, size: int, rate_hz: int, picture: Picture, *, together: bool
) -> Hear:
    """Give graph code from waveforms (B, samples) to vectors (B, size) and patches."""
    import tensorflow as tf

    def vector(waveform: tf.Tensor) -> tf.Tensor:
        output = call(waveform[tf.newaxis], rate_hz)[name]
        rows = tf.reshape(tf.cast(output, tf.float32), (-1, size))
        return tf.reduce_mean(rows, axis=0)

    def vectors(waveforms: tf.Tensor) -> tf.Tensor:
        if not together:
            return tf.map_fn(vector, waveforms, fn_output_signature=tf.TensorSpec((size,)))
        output = tf.cast(call(waveforms, rate_hz)[name], tf.float32)
        rows = tf.reshape(output, (tf.shape(waveforms)[0], -1, size))
        return tf.reduce_mean(rows, axis=1)

    def hear(waveforms: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"vectors": vectors(waveforms), "patches": picture(waveforms)}

    return hear


def _title(handle: str) -> str:
    """Give the last word of a handle, with its version: `yamnet 1`."""
    words = [word for word in re.split(r"[/\\]", handle.partition("?")[0]) if word]
    last = re.sub(r"\.(tar\.gz|tgz|tar)$", "", words[-1])
    return f"{words[-2]} {last}" if last.isdigit() and len(words) > 1 else last
