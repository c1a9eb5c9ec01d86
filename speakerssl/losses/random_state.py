"""Random generators set back, to compute twice what is to be differentiated only the second time."""

import torch


class RandomState:
    """The state of the random generators of the CPU and of `device` when it is made; `restore` sets them back to it."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self.device)
