"""Whether a run computes in bfloat16: many processors and older GPUs only imitate it, slower than float32."""

import torch

from speakerssl.embeddings.graph_engines import why_no_bf16
from speakerssl.io import remark


def computes_in_bf16(amp: str, device: torch.device, quiet: bool = False) -> bool:
    """What `training.amp` means on `device`: `auto` is bfloat16 where the device computes in it, else float32.

    `bf16` is kept where the device imitates it, so that a run can be repeated there, with a remark unless `quiet`: on
    a processor with AVX2 and no more, a step of Fast ResNet-34 took ten times as long (tools/benchmarks/RESULTS.md).
    """
    if amp == "none":
        return False
    reason = _why_not(device)
    if amp == "bf16" and reason and not quiet:
        remark(
            f"training.amp=bf16: {reason} and imitates it, several times slower than float32; "
            "training.amp=auto takes it only where it is computed"
        )
    return amp == "bf16" or not reason


def _why_not(device: torch.device) -> str:
    if device.type == "cuda":
        computed = torch.cuda.is_bf16_supported(including_emulation=False)
        return "" if computed else "this GPU does not compute in bfloat16"
    return why_no_bf16()
