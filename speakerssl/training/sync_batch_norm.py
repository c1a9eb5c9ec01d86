"""Batch normalization over the batch of all processes: two processes then take the steps of one.

torch's SyncBatchNorm runs on GPUs alone; `GatheredBatchNorm` is the same formula on any device.
"""

from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

M = TypeVar("M", bound=nn.Module)


class GatheredBatchNorm(nn.modules.batchnorm._BatchNorm):
    """nn.BatchNorm of inputs [N, C, ...] whose mean and variance are those of all processes, with gradients."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected [N, C, ...], got {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        if not (self.training and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(input)
        values = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        places = [dim for dim in range(values.dim()) if dim != 1]
        shape = [-1 if dim == 1 else 1 for dim in range(values.dim())]
        count = all_reduce(values.new_tensor([values.numel() / values.shape[1]]))
        mean = all_reduce(values.sum(places)) / count
        centred = values - mean.view(shape)
        variance = all_reduce(centred.square().sum(places)) / count
        self._follow(mean.detach(), variance.detach(), float(count))
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: float) -> None:
        """The running averages, of the unbiased variance as in torch."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        rate = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean), rate)
        self.running_var.lerp_((variance * count / max(1, count - 1)).to(self.running_var), rate)


def synchronize_batch_norm(module: M, device: torch.device) -> M:
    """`module` with every batch normalization in it over the batch of all processes; parameters stay the same."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            twin = GatheredBatchNorm(
                child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats
            )
            twin._parameters, twin._buffers, twin.training = child._parameters, child._buffers, child.training
            setattr(module, name, twin)
        else:
            synchronize_batch_norm(child, device)
    return module
