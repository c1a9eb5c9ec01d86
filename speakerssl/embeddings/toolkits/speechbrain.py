"""speechbrain's ECAPA-TDNN, x-vector and ResNet: the tensors of `embedding_model.ckpt`.

Features are its own filter banks in decibels less their mean over the recording, as its VoxCeleb recipes have them.
"""

from speakerssl.embeddings.toolkits.conversion import (
    Architecture,
    Conversion,
    Names,
    State,
    block_number,
    count,
    ecapa_encoder,
    leaky_xvector_encoder,
    rename,
)

FEATURES = {"kind": "speechbrain_fbank", "cmn": "utterance"}


def ecapa(state: State) -> Conversion:
    """ECAPA_TDNN; our encoder keeps its names."""
    ours = {f"network.{name}": tensor for name, tensor in state.items()}
    return Conversion(ecapa_encoder(state), dict(FEATURES), ours)


def xvector(state: State) -> Conversion:
    """Xvector: convolution, leaky ReLU and norm are three numbered blocks each.

    Its pooling adds noise of less than 1e-4 to the mean, in evaluation too, which ours leaves out.
    """
    names: Names = [
        (r"^blocks\.(\d+)\.conv\.", lambda m: f"convs.{int(m[1]) // 3}."),
        (r"^blocks\.(\d+)\.norm\.", lambda m: f"norms.{int(m[1]) // 3}."),
        (r"^blocks\.\d+\.w\.", "embedding."),
    ]
    ours = rename(state, names)
    return Conversion({**leaky_xvector_encoder(ours), "reflect": True}, dict(FEATURES), ours)


def resnet(state: State) -> Conversion:
    """ResNet: its image is time by frequency, ours frequency by time, so that kernels are transposed."""
    stages = (1, 2, 3, 4)
    counts = [count(state, rf"layer{stage}\.(\d+)\.") for stage in stages]
    channels = [state[f"layer{stage}.0.conv2.weight"].shape[0] for stage in stages]
    names: Names = [
        (r"^conv1", "stem"),
        (r"^bn1", "stem_norm"),
        (r"^layer(\d)\.(\d+)", block_number(counts)),
        (r"downsample\.0", "shortcut"),
        (r"downsample\.1", "shortcut_norm"),
        (r"\.bn(\d)\.", r".norm\1."),
        (r"se\.fc\.0", "se.reduce"),
        (r"se\.fc\.2", "se.expand"),
        (r"^attention\.0", "pooling.attention.reduce"),
        (r"^attention\.2", "pooling.attention.norm"),
        (r"^attention\.3", "pooling.attention.expand"),
        (r"^norm_stats", "pooled_norm"),
        (r"^fc_embed", "embedding"),
        (r"^norm_embed", "embedding_norm"),
    ]
    ours = rename(state, names)
    for name, tensor in ours.items():
        if tensor.dim() == 4:
            ours[name] = tensor.transpose(2, 3)
        elif name.startswith("pooling.") and tensor.dim() == 3:
            ours[name] = tensor.squeeze(-1)
    strides = [2 if f"layer{stage}.0.downsample.0.weight" in state and stage > 1 else 1 for stage in stages]
    bins = ours["pooling.attention.reduce.weight"].shape[1] // channels[-1]
    encoder = {
        "name": "resnet_preactivated",
        "feat_dim": 8 * bins,
        "channels": channels,
        "counts": counts,
        "strides": strides,
        "attention_channels": ours["pooling.attention.reduce.weight"].shape[0],
        "embed_dim": ours["embedding.weight"].shape[0],
    }
    return Conversion(encoder, dict(FEATURES), ours)


ARCHITECTURES = (
    Architecture("ECAPA-TDNN", "speechbrain", ("blocks.0.conv.conv.weight", "asp_bn.norm.weight"), ecapa),
    Architecture("x-vector", "speechbrain", ("blocks.0.conv.weight", "blocks.16.w.weight"), xvector),
    Architecture("ResNet", "speechbrain", ("norm_stats.weight", "fc_embed.weight"), resnet),
)
