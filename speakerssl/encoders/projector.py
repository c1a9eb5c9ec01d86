"""The head between the embedding and the loss, left behind after training (Chen et al. 2020, SimCLR)."""

from torch import Tensor, nn

from speakerssl.errors import InputError


class Projector(nn.Module):
    """Linear, ReLU, linear: embeddings [N, in_dim] -> [N, out_dim]; `hidden_dim` 0 or None is the identity."""

    def __init__(self, in_dim: int, hidden_dim: int | None = 2048, out_dim: int = 256) -> None:
        super().__init__()
        if min(in_dim, out_dim, hidden_dim or 1) < 1:
            raise InputError(f"projector: sizes must be at least 1, not {in_dim}, {hidden_dim} and {out_dim}")
        self.layers: nn.Module = nn.Identity()
        self.out_dim = in_dim
        if hidden_dim:
            self.layers = nn.Sequential(nn.Linear(in_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, out_dim))
            self.out_dim = out_dim

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.layers(embeddings)
