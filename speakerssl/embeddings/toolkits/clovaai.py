"""clovaai's (voxceleb_trainer's) ResNetSE34L and ResNetSE34V2, whose features are buffers of the network.

torchaudio's mel energies with a Hamming window, log(x + 1e-6), pre-emphasis where the file has its filter, and
instance normalization, which our encoders do.
"""

from speakerssl.embeddings.toolkits.conversion import Architecture, Conversion, Names, State, block_number, rename
from speakerssl.errors import InputError

COUNTS = (3, 4, 6, 3)
BLOCK_NAMES: Names = [
    (r"^conv1", "stem"),
    (r"^bn1", "stem_norm"),
    (r"^layer(\d)\.(\d+)", block_number(COUNTS)),
    (r"downsample\.0", "shortcut"),
    (r"downsample\.1", "shortcut_norm"),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"se\.fc\.0", "se.reduce"),
    (r"se\.fc\.2", "se.expand"),
    (r"^fc\.", "embedding."),
]
LEFT_OUT = ("torchfb.", "instancenorm.", "__L__.")


def lite(state: State) -> Conversion:
    """ResNetSE34L: 16 channels, a 7x7 stem, the mean over frequency, self-attentive pooling."""
    filters, embed_dim = state["sap_linear.weight"].shape[0], state["fc.weight"].shape[0]
    if state["fc.weight"].shape[1] != filters:
        raise InputError("a ResNetSE34L with the encoder type ASP; those with SAP can be imported")
    ours = rename(state, [*BLOCK_NAMES, (r"^sap_linear", "pooling.hidden")], LEFT_OUT)
    ours["pooling.context.weight"] = ours.pop("attention").T
    banks = state.get("torchfb.mel_scale.fb", state.get("torchfb.1.mel_scale.fb"))
    encoder = {
        "name": "fast_resnet34",
        "feat_dim": 40 if banks is None else banks.shape[1],
        "channels": filters // 8,
        "embed_dim": embed_dim,
        "pooling": "self_attentive",
        "instance_norm": True,
    }
    return Conversion(encoder, _features(state), ours)


def second_version(state: State) -> Conversion:
    """ResNetSE34V2: 32 channels, a 3x3 stem, attentive pooling over all bins."""
    names: Names = [
        (r"^attention\.0", "pooling.attention.reduce"),
        (r"^attention\.2", "pooling.attention.norm"),
        (r"^attention\.3", "pooling.attention.expand"),
    ]
    ours = rename(state, [*BLOCK_NAMES, *names], LEFT_OUT)
    for name, tensor in ours.items():
        if name.startswith("pooling.") and tensor.dim() == 3:
            ours[name] = tensor.squeeze(-1)
    channels, values = ours["stem.weight"].shape[0], ours["pooling.attention.reduce.weight"].shape[1]
    encoder = {
        "name": "thin_resnet34",
        "feat_dim": 8 * (values // (8 * channels)),
        "channels": channels,
        "embed_dim": ours["embedding.weight"].shape[0],
        "pooling": "attentive_mean" if ours["embedding.weight"].shape[1] == values else "attentive_statistics",
        "instance_norm": True,
    }
    return Conversion(encoder, _features(state), ours)


def _features(state: State) -> dict[str, object]:
    emphasis = next((tensor for name, tensor in state.items() if name.endswith("flipped_filter")), None)
    return {
        "kind": "torchaudio_mel",
        "window_type": "hamming",
        "preemphasis_coefficient": 0.0 if emphasis is None else round(-float(emphasis.flatten()[0]), 6),
        "cmn": "none",
    }


ARCHITECTURES = (
    Architecture("ResNetSE34L", "clovaai", ("sap_linear.weight", "attention", "layer1.0.se.fc.0.weight"), lite),
    Architecture(
        "ResNetSE34V2", "clovaai", ("attention.0.weight", "layer1.0.se.fc.0.weight", "fc.bias"), second_version
    ),
)
