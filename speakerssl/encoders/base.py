"""The interface of all encoders: features of a recording in, one embedding out."""

from torch import Tensor, nn

from speakerssl.encoders.masking import length_mask, mask_frames
from speakerssl.encoders.reach import Reach
from speakerssl.errors import InputError


class Encoder(nn.Module):
    """Maps features [B, T, F] to embeddings [B, D]; subclasses override `embed`.

    Attributes:
        feat_dim: F, values a frame.
        embed_dim: D, size of the embedding (not normalized).
        min_frames: the shortest recording that can be embedded, in frames.
        reach: how far frames look, so that long recordings can go through in windows; None: unknown.

    An encoder that has its own way with long recordings has a method `embed_long(read, num_frames)` as well: the
    embedding [D] of `num_frames` frames, of which `read(begin, end)` gives [end - begin, F].
    """

    min_frames: int = 1
    reach: Reach | None = None

    def __init__(self, feat_dim: int, embed_dim: int) -> None:
        super().__init__()
        for name, value in (("feat_dim", feat_dim), ("embed_dim", embed_dim)):
            if value < 1:
                raise InputError(f"{type(self).__name__}: {name} must be at least 1, not {value}")
        self.feat_dim = feat_dim
        self.embed_dim = embed_dim

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Embeds a batch of recordings.

        Args:
            feats: features [B, T, F]; what lies past a recording's length is ignored.
            lengths: valid frames of each recording, integers [B]; None means that all have T.

        Returns:
            Embeddings [B, D], in eval mode the same whatever else is in the batch.

        Raises:
            InputError: a wrong feature size, lengths outside 1..T, or fewer frames than `min_frames`.
        """
        if feats.dim() != 3 or feats.shape[2] != self.feat_dim:
            raise InputError(
                f"{type(self).__name__} takes features [batch, frames, {self.feat_dim}], "
                f"not {list(feats.shape)}; build it with the feat_dim of the features"
            )
        shortest = feats.shape[1]
        if lengths is not None:
            shortest = self._check_lengths(feats, lengths)
            feats = mask_frames(feats.transpose(1, 2), length_mask(lengths, feats.shape[1])).transpose(1, 2)
        if shortest < self.min_frames:
            raise InputError(
                f"{type(self).__name__} needs at least {self.min_frames} frames, not {int(shortest)}: "
                "leave out or lengthen recordings as short as this"
            )
        return self.embed(feats, lengths)

    def embed(self, feats: Tensor, lengths: Tensor | None) -> Tensor:
        """The network itself: feats [B, T, F] with zeros past `lengths` -> [B, D]."""
        raise NotImplementedError

    def _check_lengths(self, feats: Tensor, lengths: Tensor) -> int:
        batch, frames = feats.shape[:2]
        if lengths.shape != (batch,) or lengths.is_floating_point():
            raise InputError(f"lengths must be {batch} integers, not {lengths.dtype} {list(lengths.shape)}")
        shortest, longest = int(lengths.min()), int(lengths.max())
        if shortest < 1 or longest > frames:
            raise InputError(f"lengths must be from 1 to {frames} frames, not {shortest} to {longest}")
        return shortest
