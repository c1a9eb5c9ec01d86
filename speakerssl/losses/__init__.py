"""Losses: one contrastive core with independent choices, regularizers, classification heads."""

from speakerssl.losses.contrastive import ContrastiveLoss, LossOutput, build_loss
from speakerssl.losses.gather import gather

__all__ = ["ContrastiveLoss", "LossOutput", "build_loss", "gather"]
