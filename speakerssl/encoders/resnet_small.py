"""A small ResNet that trains on two CPU cores: the stem strides, so that all else sees a small image."""

from speakerssl.encoders.registry import register
from speakerssl.encoders.resnet import ResNet
from speakerssl.errors import InputError


@register("small_resnet")
def small_resnet(
    feat_dim: int,
    channels: int = 16,
    counts: tuple[int, ...] = (1, 1, 1),
    strides: tuple[int, ...] = (1, 2, 2),
    stem_stride: tuple[int, int] = (2, 4),
    pooling: str = "attentive_statistics",
    se_reduction: int = 0,
    embed_dim: int = 256,
) -> ResNet:
    """A 5x5 stem that strides over both axes, a residual block a stage, attentive statistics over time.

    The defaults have 471,728 parameters at 64 mel bins and cost about what `small_tdnn` costs with stride 4. What
    two dimensions buy is that a kernel learned at one frequency serves at all of them: it learns more from little
    speech than a TDNN, whose first layer has weights of its own for each mel bin.

    Args:
        feat_dim: F, values a frame.
        channels: C of the first stage, a multiple of 8; every stage has twice those of the one before.
        counts: blocks in each stage.
        strides: of the stages, over both axes; as many as `counts`.
        stem_stride: of the stem, (over F, over T).
        pooling: a name from `POOLINGS`.
        se_reduction: of the squeeze-and-excitation of all blocks; 0 for none.
        embed_dim: D.

    Raises:
        InputError: an option that cannot be.
    """
    if channels % 8:  # what ResNet needs for its fast layout, without which this encoder would lose its point
        raise InputError(f"small_resnet: channels must be a multiple of 8, not {channels}")
    return ResNet(
        feat_dim,
        channels,
        embed_dim,
        pooling,
        counts=counts,
        strides=strides,
        stem_kernel=5,
        stem_stride=stem_stride,
        se_reduction=se_reduction,
    )
