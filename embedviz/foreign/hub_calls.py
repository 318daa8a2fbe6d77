"""How a SavedModel of unknown origin takes a waveform, and which of its outputs are vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedviz.errors import ModelError

if TYPE_CHECKING:
    import tensorflow as tf


Outputs = Mapping[str, "tf.Tensor"]
"""The outputs that hold numbers, by name, or by number where they have no names."""


@dataclass(frozen=True)
class Call:
    """A function of a SavedModel that takes a waveform."""

    title: str
    owner: Any
    """The loaded SavedModel: its functions alone do not keep its variables."""
    function: Any
    sound: tf.TensorSpec
    """Of shape [N], [B, N] or [B, N, 1]."""
    rate: tf.TensorSpec | None
    """The argument that wants to be told the rate, where there is one."""
    positional: tuple[Any, ...]
    """What the function takes: these two, and settings as they were when it was saved."""
    named: Mapping[str, Any]

    @property
    def rank(self) -> int:
        """The number of axes of the waveform."""
        return self.sound.shape.rank or 1

    @property
    def samples(self) -> int | None:
        """The only length of sound that the function takes; None where any will do."""
        return self.sound.shape[0 if self.rank == 1 else 1] if self.sound.shape.rank else None

    @property
    def takes_batches(self) -> bool:
        """Whether several waveforms may go in together."""
        return self.rank > 1 and self.sound.shape[0] is None

    def __call__(self, waveforms: tf.Tensor, rate_hz: int) -> Outputs:
        """Give the outputs for waveforms (B, n) by name or number; B is 1 without batches."""
        import tensorflow as tf

        sound = waveforms[0] if self.rank == 1 else waveforms
        if self.rank == 3:
            sound = sound[..., tf.newaxis]
        sound = tf.cast(sound, self.sound.dtype)

        def given(wanted: Any) -> Any:  # noqa: ANN401
            if wanted is self.sound:
                return sound
            if self.rate is not None and wanted is self.rate:
                return tf.constant(rate_hz, self.rate.dtype)
            return wanted

        named = {name: given(wanted) for name, wanted in self.named.items()}
        return _named(self.function(*map(given, self.positional), **named))

    def outputs_of_silence(self, samples: int, rate_hz: int, windows: int = 1) -> Outputs:
        """Call the function once, on zeros.

        Raises
        ------
        ModelError
            If it cannot hear so many samples.
        """
        import tensorflow as tf

        try:
            return self(tf.zeros((windows, samples)), rate_hz)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"{self.title} does not hear {samples / rate_hz:g} s at {rate_hz:,} Hz; "
                f"try other rate=HZ,window=SECONDS ({reason})."
            ) from error


def find(loaded: Any, signature: str | None, title: str) -> Call:  # noqa: ANN401
    """Find the function to call: the model itself, its serving signature, or the one named.

    Raises
    ------
    ModelError
        If there is none of that name, or it takes no waveform; lists what there is.
    """
    signatures = dict(getattr(loaded, "signatures", {}))
    members = [
        name
        for name in dir(loaded)
        if not name.startswith("_") and name != "signatures" and callable(getattr(loaded, name))
    ]
    function: Any
    if signature is None and callable(loaded):
        function = loaded.__call__
    elif (signature or "serving_default") in signatures:
        function = signatures[signature or "serving_default"]
    elif signature in members:
        member = getattr(loaded, signature)
        function = member if hasattr(member, "concrete_functions") else member.__call__
    else:
        known = ", ".join(dict.fromkeys([*signatures, *members])) or "none"
        wanted = f"no function {signature}" if signature else "nothing to call by default"
        raise ModelError(f"{title} has {wanted}; choose with signature=NAME: {known}.")
    return _call(loaded, function, title)


def choose(outputs: Outputs, wanted: str | None, title: str) -> str:
    """Give the name or number of the output that holds the vectors.

    Without one named, the only output is taken, or the only one with `embedding` in its name.

    Raises
    ------
    ModelError
        If there is none of that name, or several that it could be; lists them.
    """
    telling = [name for name in outputs if "embedding" in name.lower()]
    likely = [wanted] if wanted else telling if len(telling) == 1 else list(outputs)
    if len(likely) == 1 and likely[0] in outputs:
        return likely[0]
    listed = ", ".join(f"{name} {_shape(output.shape)}" for name, output in outputs.items())
    problem = f"has no output {wanted}" if wanted else f"has {len(outputs)} outputs"
    raise ModelError(f"{title} {problem}; choose with output=NAME: {listed or 'none of numbers'}.")


def size_of(output: tf.Tensor, name: str, title: str) -> int:
    """Give the length of the vectors in an output for one window: (D,), (k, D) or (1, k, D).

    Raises
    ------
    ModelError
        If it holds no vectors.
    """
    if not 1 <= output.shape.rank <= 3 or 0 in output.shape:
        raise ModelError(
            f"{title} gives {_shape(output.shape)} as output {name} for one window, wanted at "
            "least one vector; choose another output=NAME, or a longer window=SECONDS."
        )
    return int(output.shape[-1])


def _call(owner: Any, function: Any, title: str) -> Call:  # noqa: ANN401
    import tensorflow as tf

    seen: list[str] = []
    fitting: list[Call] = []
    for traced in getattr(function, "concrete_functions", [function]):
        positional, named = traced.structured_input_signature
        wanted = (*positional, *named.values())
        specs = [spec for spec in wanted if isinstance(spec, tf.TensorSpec)]
        sounds = [spec for spec in specs if _is_waveform(spec)]
        rates = [spec for spec in specs if spec.shape.rank == 0 and "rate" in spec.name]
        in_training = any(setting is True for setting in wanted)
        if not in_training and len(sounds) == 1 and len(specs) == 1 + len(rates) <= 2:
            rate = rates[0] if rates else None
            fitting.append(Call(title, owner, function, sounds[0], rate, positional, named))
        seen += [f"{spec.name} {spec.dtype.name}{_shape(spec.shape)}" for spec in specs]
    if fitting:
        return min(fitting, key=lambda call: call.rank)
    raise ModelError(
        f"{title} takes no waveform of shape [N], [B, N] or [B, N, 1]; "
        f"found {', '.join(dict.fromkeys(seen)) or 'no inputs'}; choose another function with "
        "signature=NAME."
    )


def _is_waveform(spec: tf.TensorSpec) -> bool:
    shape = spec.shape
    if shape.rank is None or shape.rank == 1:
        return bool(spec.dtype.is_floating)
    one_channel = shape.rank == 2 or (shape.rank == 3 and shape[2] in (1, None))
    return bool(spec.dtype.is_floating and one_channel and shape[0] in (1, None))


def _shape(shape: tf.TensorShape) -> str:
    if shape.rank is None:
        return "[...]"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _named(result: Any) -> Outputs:  # noqa: ANN401
    """Give a function's outputs by their names, or by their numbers where they have none."""
    import tensorflow as tf

    if isinstance(result, Mapping):
        pairs = sorted((str(name), value) for name, value in result.items())
    else:
        outputs = result if isinstance(result, tuple | list) else [result]
        pairs = [(str(number), value) for number, value in enumerate(outputs)]
    return {
        name: value
        for name, value in pairs
        if isinstance(value, tf.Tensor) and value.dtype.is_floating
    }
