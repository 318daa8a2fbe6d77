"""Random weights that compare well.

Kernels are He-scaled and centred, and batch normalisation is set to what really arrives there,
then moved a little: otherwise a deep random network maps every sound to nearly one direction,
and two different networks look alike. Biases, scales and statistics are random too: with zeros
and ones a swapped tensor goes unnoticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]


def kernel(rng: np.random.Generator, shape: tuple[int, ...], inputs: tuple[int, ...]) -> Floats:
    """Give a centred kernel of variance 2 / fan-in; `inputs` are the axes that are summed over."""
    fan_in = int(np.prod([shape[axis] for axis in inputs]))
    values = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / fan_in))
    if fan_in > 30:
        values -= values.mean(axis=inputs, keepdims=True)
    return values


def around(rng: np.random.Generator, mean: Any, variance: Any) -> tuple[Floats, Floats]:  # noqa: ANN401
    """Move the mean and variance that were measured, so that neither is exactly right."""
    mean, variance = np.asarray(mean, np.float64), np.asarray(variance, np.float64) + 1e-6
    moved = mean + 0.3 * np.sqrt(variance) * rng.standard_normal(mean.shape)
    return (
        moved.astype(np.float32),
        (variance * rng.uniform(0.6, 1.6, mean.shape)).astype(np.float32),
    )


def scales(rng: np.random.Generator, size: int) -> Floats:
    """Give the gammas of a normalisation."""
    return rng.uniform(0.5, 1.5, size).astype(np.float32)


def biases(rng: np.random.Generator, size: int, spread: float = 0.2) -> Floats:
    """Give biases, or the betas of a normalisation."""
    return rng.normal(0, spread, size).astype(np.float32)


def fill_torch(module: torch.nn.Module, rng: np.random.Generator) -> None:
    """Fill convolutions, linear layers and layer normalisations; buffers stay."""
    import torch

    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, torch.nn.BatchNorm2d | torch.nn.LayerNorm):
                size = part.weight.shape[0]
                part.weight.copy_(torch.from_numpy(scales(rng, size)))
                part.bias.copy_(torch.from_numpy(biases(rng, size)))
            elif isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
                shape = tuple(part.weight.shape)
                values = kernel(rng, shape, tuple(range(1, len(shape))))
                part.weight.copy_(torch.from_numpy(values))
                if part.bias is not None:
                    part.bias.copy_(torch.from_numpy(biases(rng, shape[0])))


def calibrate_torch(module: torch.nn.Module, batch: Floats, rng: np.random.Generator) -> None:
    """Set the statistics of every batch normalisation from what arrives there, then move them."""
    import torch

    def measure(part: torch.nn.BatchNorm2d, arriving: tuple[torch.Tensor, ...]) -> None:
        x = arriving[0].double()
        mean, variance = around(rng, x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3)))
        part.running_mean.copy_(torch.from_numpy(mean))
        part.running_var.copy_(torch.from_numpy(variance))

    hooks = [
        part.register_forward_pre_hook(measure)
        for part in module.modules()
        if isinstance(part, torch.nn.BatchNorm2d)
    ]
    with torch.no_grad():
        module.eval()(torch.from_numpy(batch))
    for hook in hooks:
        hook.remove()


def fill_keras_chain(layers: list[Any], x: Any, rng: np.random.Generator) -> None:  # noqa: ANN401
    """Fill a chain of Keras 2 layers one after the other, each from what arrives at it.

    Parameters
    ----------
    layers
        The layers in order, without the input.
    x
        A batch for the first of them.
    """
    for layer in layers:
        kind = type(layer).__name__
        if kind == "BatchNormalization":
            values = np.asarray(x, np.float64)
            axes = tuple(range(values.ndim - 1))
            size = values.shape[-1]
            mean, variance = around(rng, values.mean(axis=axes), values.var(axis=axes))
            learnt = [scales(rng, size)] if layer.scale else []
            layer.set_weights([*learnt, biases(rng, size), mean, variance])
        elif kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
            arrays = [tuple(weight.shape) for weight in layer.weights]
            inputs = (0, 1) if kind == "DepthwiseConv2D" else tuple(range(len(arrays[0]) - 1))
            filled = [kernel(rng, arrays[0], inputs)]
            layer.set_weights(filled + [biases(rng, shape[0]) for shape in arrays[1:]])
        x = layer(x)
