"""Random arrays of which networks do not overflow, under the names of each model's official file.

Kernels are He-scaled and centred: without that, random layers with ReLUs map every sound to nearly
one direction, and a cosine between two precisions would say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embedviz.classes import AUDIOSET_CLASSES
from embedviz.data import FloatArray
from embedviz.models import efficientat, kumar, pann, passt, vggish, yamnet
from embedviz.networks import cnn14, mobilenet, openl3

Arrays = dict[str, FloatArray]
Random = np.random.Generator


def kernel(
    rng: Random, shape: tuple[int, ...], inputs: tuple[int, ...], gain: float = 1.0
) -> FloatArray:
    """Give a kernel that keeps the variance through a ReLU; `inputs` are the axes summed over."""
    fan_in = int(np.prod([shape[axis] for axis in inputs]))
    values = rng.standard_normal(shape, dtype=np.float32) * np.float32(gain * (2 / fan_in) ** 0.5)
    return values - values.mean(axis=inputs, keepdims=True) if fan_in > 30 else values


def near(rng: Random, centre: float, size: int) -> FloatArray:
    """Give (size,) numbers near 0, or within a fifth of another centre."""
    spread = 0.2 * abs(centre) or 0.1
    return rng.uniform(centre - spread, centre + spread, size).astype(np.float32)


def vggish_arrays(rng: Random) -> Arrays:
    """Give the variables of VGGish's checkpoint."""
    arrays: Arrays = {}
    before = 1
    for prefix, filters, _ in vggish.CONVOLUTIONS:
        arrays[f"vggish/{prefix}/weights"] = kernel(rng, (3, 3, before, filters), (0, 1, 2))
        before = filters
    before *= 6 * 4  # 96 frames and 64 bands after four halvings
    for prefix, units, _ in vggish.DENSE:
        arrays[f"vggish/{prefix}/weights"] = kernel(rng, (before, units), (0,))
        before = units
    biases = {
        name.replace("weights", "biases"): near(rng, 0.0, values.shape[-1])
        for name, values in arrays.items()
    }
    return arrays | biases


def yamnet_layers(rng: Random) -> Iterator[tuple[str, Arrays]]:
    """Give YAMNet's layers in the order of its file, with the arrays of each."""

    def convolution(
        name: str, kind: str, shape: tuple[int, ...], axis: int
    ) -> Iterator[tuple[str, Arrays]]:
        inputs = (0, 1) if kind.startswith("depthwise") else (0, 1, 2)
        yield name, {kind: kernel(rng, shape, inputs)}
        size = shape[axis]
        statistics = {"beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
        yield f"{name}/bn", {key: near(rng, centre, size) for key, centre in statistics.items()}

    yield from convolution("layer1/conv", "kernel", (3, 3, 1, 32), 3)
    before = 32
    for number, (_, filters) in enumerate(yamnet.SEPARABLE, start=2):
        name = f"layer{number}/depthwise_conv"
        yield from convolution(name, "depthwise_kernel", (3, 3, before, 1), 2)
        name = f"layer{number}/pointwise_conv"
        yield from convolution(name, "kernel", (1, 1, before, filters), 3)
        before = filters
    weights = kernel(rng, (before, yamnet.CLASSES), (0,))
    yield "logits", {"kernel": weights, "bias": near(rng, 0.0, yamnet.CLASSES)}


def openl3_layers(rng: Random) -> Iterator[tuple[str, Arrays]]:
    """Give the layers of one of OpenL3's networks in the order of its file."""

    def normalisation(name: str, size: int) -> tuple[str, Arrays]:
        centres = (1.0, 0.0, 0.0, 1.0)
        values = [near(rng, centre, size) for centre in centres]
        return name, dict(zip(openl3.NORMALISATION, values, strict=True))

    # The first one takes decibels.
    name, first = normalisation("normalisation_0", 1)
    yield name, first | {"moving_mean": near(rng, -40, 1), "moving_variance": near(rng, 400, 1)}
    before = 1
    widths = [filters for filters, _ in openl3.CONVOLUTIONS] + [512]
    for number, filters in enumerate(widths, start=1):
        values = [kernel(rng, (3, 3, before, filters), (0, 1, 2)), near(rng, 0.0, filters)]
        yield f"convolution_{number}", dict(zip(openl3.CONVOLUTION, values, strict=True))
        if number < len(widths):
            yield normalisation(f"normalisation_{number}", filters)
        before = filters


def kumar_arrays(rng: Random) -> Arrays:
    """Give the tensors of Kumar's network."""
    arrays: Arrays = {}
    before = 1
    for number, channels in [*(layer for stage in kumar.STAGES for layer in stage), kumar.LAST]:
        size = 2 if number == kumar.LAST[0] else 3
        name = f"layer{number}"
        arrays[f"{name}.0.weight"] = kernel(rng, (channels, before, size, size), (1, 2, 3))
        arrays[f"{name}.0.bias"] = near(rng, 0.0, channels)
        arrays |= torch_statistics(rng, f"{name}.1", channels)
        before = channels
    return arrays


def pann_arrays(rng: Random, variant: str) -> Arrays:
    """Give the tensors of a Cnn14, with the front end that all of them have."""
    from embedviz.mel import slaney_mel_matrix

    samples, bins = np.arange(1024)[np.newaxis], np.arange(513)[:, np.newaxis]
    waves = np.exp(-2j * np.pi * (samples * bins % 1024) / 1024)
    waves *= 0.5 - 0.5 * np.cos(2 * np.pi * samples / 1024)
    stft = "spectrogram_extractor.stft.conv"
    arrays: Arrays = {
        f"{stft}_real.weight": waves.real[:, np.newaxis].astype(np.float32),
        f"{stft}_imag.weight": waves.imag[:, np.newaxis].astype(np.float32),
        "logmel_extractor.melW": slaney_mel_matrix(
            bands=cnn14.BANDS, bins=513, rate_hz=32000, low_hz=50, high_hz=14000
        ).astype(np.float32),
    }
    # The first normalisation takes decibels.
    arrays |= torch_statistics(rng, "bn0", cnn14.BANDS, mean=-30.0, variance=400.0)
    before = 1
    for block, channels in enumerate(cnn14.CHANNELS, start=1):
        for number in (1, 2):
            name = f"conv_block{block}"
            shape = (channels, before, 3, 3)
            arrays[f"{name}.conv{number}.weight"] = kernel(rng, shape, (1, 2, 3))
            arrays |= torch_statistics(rng, f"{name}.bn{number}", channels)
            before = channels
    units = pann.FACTS.variants[variant]
    arrays |= torch_linear(rng, "fc1", units, before)
    return arrays | torch_linear(rng, "fc_audioset", AUDIOSET_CLASSES, units)


def passt_arrays(rng: Random) -> Arrays:
    """Give the tensors of PaSST."""
    arrays: Arrays = {}
    for name, shape in passt.TOKENS.items():
        arrays[name] = rng.normal(0, 0.1, shape).astype(np.float32)
    for name in passt.NORMS:
        arrays[f"{name}.weight"] = near(rng, 1.0, passt.WIDTH)
        arrays[f"{name}.bias"] = near(rng, 0.0, passt.WIDTH)
    for block in range(passt.BLOCKS):
        for name, (after, before) in passt.LINEAR.items():
            arrays |= torch_linear(rng, f"blocks.{block}.{name}", after, before)
    return arrays | torch_linear(rng, "head.1", AUDIOSET_CLASSES, passt.WIDTH)


def efficientat_arrays(rng: Random, variant: str) -> Arrays:
    """Give the tensors of one of EfficientAT's networks."""
    arrays: Arrays = {}

    def convolution(name: str, *shape: int, gain: float = 1.0) -> None:
        arrays[f"{name}.0.weight"] = kernel(rng, shape, (1, 2, 3), gain)
        arrays.update(torch_statistics(rng, f"{name}.1", shape[0]))

    width = efficientat.WIDTHS[variant]
    blocks = list(mobilenet.blocks(width))
    convolution("features.0", blocks[0].before, 1, 3, 3)
    for number, block in enumerate(blocks, start=1):
        places = (f"features.{number}.block.{i}" for i in range(4))
        if block.widens:
            convolution(next(places), block.expanded, block.before, 1, 1)
        convolution(next(places), block.expanded, 1, block.kernel, block.kernel)
        if block.squeezed is not None:
            place = f"{next(places)}.conc_se_layers.0"
            arrays |= torch_linear(rng, f"{place}.fc1", block.squeezed, block.expanded)
            arrays |= torch_linear(rng, f"{place}.fc2", block.expanded, block.squeezed)
        # Weaker, because no activation follows and the sum would grow from block to block.
        convolution(next(places), block.out, block.expanded, 1, 1, gain=0.7)
    last = blocks[-1].out
    convolution("features.16", 6 * last, last, 1, 1)
    hidden = mobilenet.rounded(mobilenet.HIDDEN * width)
    arrays |= torch_linear(rng, "classifier.2", hidden, 6 * last)
    return arrays | torch_linear(rng, "classifier.5", AUDIOSET_CLASSES, hidden)


def torch_statistics(
    rng: Random, name: str, size: int, *, mean: float = 0.0, variance: float = 1.0
) -> Arrays:
    """Give a batch normalisation."""
    centres = {"weight": 1.0, "bias": 0.0, "running_mean": mean, "running_var": variance}
    return {f"{name}.{key}": near(rng, centre, size) for key, centre in centres.items()}


def torch_linear(rng: Random, name: str, after: int, before: int) -> Arrays:
    """Give a linear layer."""
    weight = rng.standard_normal((after, before), dtype=np.float32) * np.float32(before**-0.5)
    return {f"{name}.weight": weight, f"{name}.bias": near(rng, 0.0, after)}
