"""Where bfloat16 is worth asking for: on processors and graphics cards that calculate in it.

bfloat16 keeps float32's range and 8 bits of its precision, so that a multiplication needs half the
memory and, where the hardware has it, half the time or less. Elsewhere TensorFlow emulates it in
float32, which is slower than float32 itself, so it is refused. Front ends stay in float32.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass

from embedviz.errors import ModelError

FLAGS = {"x86": ("avx512_bf16", "amx_bf16"), "ARM": ("bf16",)}
"""Family of processors -> flags of which any one means multiplication in bfloat16."""
LEAST_CAPABILITY = (8, 0)
"""NVIDIA's compute capability from which on cards multiply in bfloat16 (Ampere)."""


@dataclass(frozen=True)
class GraphicsCard:
    """A card that TensorFlow finds."""

    name: str
    capability: tuple[int, int] | None = None
    """NVIDIA's compute capability; None where none is told."""


@dataclass(frozen=True)
class Device:
    """What networks run on here: the first graphics card or, without any, the processor."""

    processor: str
    family: str
    """One of `FLAGS`, or the machine's own word where it is none of them."""
    flags: frozenset[str] = frozenset()
    cards: tuple[GraphicsCard, ...] = ()


def device() -> Device:
    """Look at this machine; loads TensorFlow, which knows the cards."""
    import cpuinfo

    found = cpuinfo.get_cpu_info()
    kind = str(found.get("arch", platform.machine()))
    return Device(
        processor=str(found.get("brand_raw") or platform.processor() or kind),
        family={"X86_64": "x86", "X86_32": "x86", "ARM_8": "ARM", "ARM_7": "ARM"}.get(kind, kind),
        flags=frozenset(found.get("flags", ())),
        cards=_cards(),
    )


def _cards() -> tuple[GraphicsCard, ...]:
    from embedviz import engine  # noqa: F401 (holds back TensorFlow's start-up notes)

    import tensorflow as tf  # isort: skip

    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return tuple(
        GraphicsCard(str(known.get("device_name", "a GPU")), known.get("compute_capability"))
        for known in details
    )


def lacking(found: Device) -> str | None:
    """Say what a device lacks for bfloat16, as the end of a sentence; None if it has it."""
    if found.cards:
        card = found.cards[0]
        if card.capability is None:
            return f"this machine's graphics card ({card.name}) tells no compute capability"
        if card.capability >= LEAST_CAPABILITY:
            return None
        has, wanted = (".".join(map(str, pair)) for pair in (card.capability, LEAST_CAPABILITY))
        return (
            f"this machine's graphics card ({card.name}) has compute capability {has}, and "
            f"bfloat16 came with {wanted}"
        )
    flags = FLAGS.get(found.family)
    if flags is None:
        return f"this machine's processor ({found.processor}) is of a kind not known to have it"
    if found.flags.intersection(flags):
        return None
    return f"this machine's processor ({found.processor}) has " + (
        f"no {flags[0]}" if len(flags) == 1 else f"neither {' nor '.join(flags)}"
    )


def require(precision: str, *, on: Device | None = None) -> None:
    """Refuse bfloat16 where it would be emulated.

    Parameters
    ----------
    precision
        `float32`, which runs everywhere, or `bfloat16`.
    on
        The device; this machine's if None.

    Raises
    ------
    ModelError
        If the device has no arithmetic for it.
    """
    if precision != "bfloat16":
        return
    reason = lacking(on or device())
    if reason is not None:
        raise ModelError(
            f"bfloat16 would be slower than float32 here: {reason}; choose float32, or a machine "
            "with bfloat16 arithmetic."
        )
