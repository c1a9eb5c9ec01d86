"""Resemblyzer's LSTM (GE2E), with its mel energies, its rise of quiet recordings and its partial utterances.

What is left out is the removal of long silences by webrtcvad, which its `preprocess_wav` does before.
"""

from speakerssl.embeddings.toolkits.conversion import Architecture, Conversion, State, count, rename

FEATURES = {"kind": "librosa_mel", "raise_to_dbfs": -30.0, "extra_frames": 1, "cmn": "none"}


def lstm(state: State) -> Conversion:
    """VoiceEncoder: three layers of 256."""
    ours = rename(state, [(r"^linear", "embedding")], ("similarity_",))
    encoder = {
        "name": "ge2e_lstm",
        "feat_dim": ours["lstm.weight_ih_l0"].shape[1],
        "hidden": ours["lstm.weight_hh_l0"].shape[1],
        "layers": count(state, r"lstm\.weight_ih_l(\d+)$"),
        "embed_dim": ours["embedding.weight"].shape[0],
        "tail_frames": FEATURES["extra_frames"],
    }
    return Conversion(encoder, dict(FEATURES), ours)


ARCHITECTURES = (Architecture("LSTM", "resemblyzer", ("lstm.weight_ih_l0", "linear.weight"), lstm),)
