"""The masks of training; evaluation never calls them."""

import torch


class _TrainingOnly(torch.nn.Module):
    def __init__(self, mask_param: int, iid_masks: bool = False) -> None:
        super().__init__()

    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Refuse: a mask in evaluation would be a mistake."""
        raise RuntimeError("masks belong to training")


class FrequencyMasking(_TrainingOnly):
    """Stands in for a mask over bands."""


class TimeMasking(_TrainingOnly):
    """Stands in for a mask over frames."""
