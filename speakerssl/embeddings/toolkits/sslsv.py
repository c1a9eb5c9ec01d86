"""sslsv's encoders: ResNet34, ECAPA-TDNN and TDNN, from a checkpoint of any of its methods.

torchaudio's mel energies, log(x + 1e-6), instance normalization; the window stands among the tensors.
"""

import torch

from speakerssl.embeddings.toolkits.conversion import (
    Architecture,
    Conversion,
    Names,
    State,
    block_number,
    ecapa_encoder,
    fold_after,
    leaky_xvector_encoder,
    rename,
    take,
)

COUNTS = (3, 4, 6, 3)
LEFT_OUT = ("features_extractor.", "instance_norm.")
NORMALIZED = {"cmn": "utterance", "norm_vars": True, "added_variance": 1e-5}  # where ours does not normalize instances


def resnet(state: State) -> Conversion:
    """ResNet34 with self-attentive pooling, or with statistics over all bins."""
    names: Names = [
        (r"^conv\.", "stem."),
        (r"^bn\.", "stem_norm."),
        (r"^block(\d)\.(\d+)", block_number(COUNTS)),
        (r"downsample\.0", "shortcut"),
        (r"downsample\.1", "shortcut_norm"),
        (r"\.bn(\d)\.", r".norm\1."),
        (r"se\.fc\.0", "se.reduce"),
        (r"se\.fc\.2", "se.expand"),
        (r"^pooling\.sap_linear", "pooling.hidden"),
        (r"^fc\.", "embedding."),
    ]
    ours = rename(state, names, LEFT_OUT)
    attentive = "pooling.attention" in ours
    if attentive:
        ours["pooling.context.weight"] = ours.pop("pooling.attention").T
    if last := take(ours, "last_bn."):
        ours["embedding.weight"], ours["embedding.bias"] = fold_after(
            last, ours["embedding.weight"], ours["embedding.bias"]
        )
    channels, (embed_dim, pooled) = ours["stem.weight"].shape[0], ours["embedding.weight"].shape
    encoder = {
        "name": "fast_resnet34",
        "feat_dim": _bins(state, 40 if attentive else 8 * (pooled // (16 * channels))),
        "channels": channels,
        "embed_dim": embed_dim,
        "pooling": "self_attentive" if attentive else "statistics",
        "frequency_mean": attentive,
        "instance_norm": True,
    }
    return Conversion(encoder, {**_features(state), "cmn": "none"}, ours)


def ecapa(state: State) -> Conversion:
    """ECAPATDNN: speechbrain's network, whose norms have one name more there."""
    names: Names = [(r"\.norm\.", ".norm.norm."), (r"^asp_bn\.", "asp_bn.norm."), (r"^", "network.")]
    ours = rename(state, names, LEFT_OUT)
    return Conversion(ecapa_encoder(state), {**_features(state), **NORMALIZED}, ours)


def tdnn(state: State) -> Conversion:
    """TDNN: the x-vector with leaky ReLUs."""
    names: Names = [
        (r"^blocks\.(\d+)\.conv", r"convs.\1"),
        (r"^blocks\.(\d+)\.bn", r"norms.\1"),
        (r"^last_fc", "embedding"),
    ]
    ours = rename(state, names, LEFT_OUT)
    return Conversion(leaky_xvector_encoder(ours), {**_features(state), **NORMALIZED}, ours)


def _bins(state: State, otherwise: int) -> int:
    banks = state.get("features_extractor.0.mel_scale.fb")
    return otherwise if banks is None else banks.shape[1]


def _features(state: State) -> dict[str, object]:
    window = state.get("features_extractor.0.spectrogram.window", torch.zeros(1))
    # A Hamming window begins at 0.08, a Hann window at 0.
    return {"kind": "torchaudio_mel", "window_type": "hamming" if float(window[0]) > 0.01 else "hanning"}


ARCHITECTURES = (
    Architecture("ResNet34", "sslsv", ("conv.weight", "block1.0.se.fc.0.weight", "fc.weight"), resnet),
    Architecture("ECAPA-TDNN", "sslsv", ("blocks.0.conv.conv.weight", "asp_bn.weight"), ecapa),
    Architecture("TDNN", "sslsv", ("blocks.0.conv.weight", "last_fc.weight"), tdnn),
)
