"""wespeaker's ResNets, ECAPA-TDNN, x-vector and ReDimNet (its CAM++ and ERes2Net are 3D-Speaker's).

Names and shapes are those of wespeaker's models; its features are Kaldi's with a Hamming window.
"""

from typing import Any

from speakerssl.embeddings.toolkits.conversion import (
    Architecture,
    Conversion,
    Names,
    State,
    below,
    block_number,
    count,
    fold_after,
    fold_before,
    rename,
    take,
)
from speakerssl.encoders.redimnet import VARIANTS
from speakerssl.encoders.resnet import DEPTHS
from speakerssl.errors import InputError

FEATURES = {"kind": "fbank", "window_type": "hamming", "cmn": "utterance", "dither": 0.0}
HEADS = ("projection.", "classifier.")  # what only training needs
PROJECTIONS = {"k": "key", "q": "query", "v": "value"}


def resnet(state: State) -> Conversion:
    """ResNet18 to ResNet293, by the blocks of their stages."""
    counts = tuple(count(state, rf"layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4))
    bottleneck = "layer1.0.conv3.weight" in state
    depths = [depth for depth, blocks in DEPTHS.items() if blocks == counts and (depth >= 50) == bottleneck]
    if not depths:
        raise InputError(f"a ResNet with {list(counts)} blocks; known are the depths {', '.join(map(str, DEPTHS))}")
    if "pool.linear1.weight" in state:
        raise InputError("a ResNet with attentive pooling; of wespeaker's ResNets those with TSTP can be imported")
    channels, (embed_dim, pooled) = state["conv1.weight"].shape[0], state["seg_1.weight"].shape
    widest = 8 * channels * (4 if bottleneck else 1)
    names: Names = [
        (r"^conv1", "stem"),
        (r"^bn1", "stem_norm"),
        (r"^layer(\d)\.(\d+)", block_number(counts)),
        (r"shortcut\.0", "shortcut"),
        (r"shortcut\.1", "shortcut_norm"),
        (r"\.bn(\d)\.", r".norm\1."),
        (r"^seg_1", "embedding"),
        (r"^seg_2", "second"),
    ]
    ours = rename(state, names, HEADS)
    encoder: dict[str, Any] = {
        "name": "rvector_resnet",
        "feat_dim": 8 * (pooled // (2 * widest)),
        "depth": depths[0],
        "channels": channels,
        "embed_dim": embed_dim,
        "second_layer": _fold_second(ours),
    }
    return Conversion(encoder, dict(FEATURES), ours)


def ecapa(state: State) -> Conversion:
    """ECAPA_TDNN of any width, with and without the global context of the attention."""
    names: Names = [
        (r"^layer1\.", "stem."),
        (r"^layer(\d)\.se_res2block\.", lambda m: f"blocks.{int(m[1]) - 2}."),
        (r"^(blocks\.\d)\.0\.", r"\1.first."),
        (r"^(blocks\.\d)\.1\.convs\.(\d+)\.", r"\1.groups.\2.conv."),
        (r"^(blocks\.\d)\.1\.bns\.(\d+)\.", r"\1.groups.\2.norm."),
        (r"^(blocks\.\d)\.2\.", r"\1.last."),
        (r"^(blocks\.\d)\.3\.linear1", r"\1.se.reduce"),
        (r"^(blocks\.\d)\.3\.linear2", r"\1.se.expand"),
        (r"\.bn\.", ".norm."),
        (r"^conv\.", "aggregation."),
        (r"^pool\.linear1", "pooling.reduce"),
        (r"^pool\.linear2", "pooling.expand"),
        (r"^bn\.", "pooled_norm."),
        (r"^linear\.", "embedding."),
    ]
    ours = rename(state, names, HEADS)
    if last := take(ours, "bn2."):
        ours["embedding.weight"], ours["embedding.bias"] = fold_after(
            last, ours["embedding.weight"], ours["embedding.bias"]
        )
    pooled = ours["aggregation.weight"].shape[0]
    encoder = {
        "name": "ecapa_tdnn_padded",
        "feat_dim": ours["stem.conv.weight"].shape[1],
        "channels": ours["stem.conv.weight"].shape[0],
        "pooled_channels": pooled,
        "context": ours["pooling.reduce.weight"].shape[1] == 3 * pooled,
        "attention_channels": ours["pooling.reduce.weight"].shape[0],
        "se_channels": ours["blocks.0.se.reduce.weight"].shape[0],
        "res2net_scale": 1 + count(state, r"layer2\.se_res2block\.1\.convs\.(\d+)"),
        "embed_dim": ours["embedding.weight"].shape[0],
    }
    return Conversion(encoder, dict(FEATURES), ours)


def xvector(state: State) -> Conversion:
    """XVEC: Kaldi's five layers, and the second of the two linear layers after the pooling."""
    names: Names = [
        (r"^frame_(\d)\.conv_1d", lambda m: f"convs.{int(m[1]) - 1}"),
        (r"^frame_(\d)\.bn", lambda m: f"norms.{int(m[1]) - 1}"),
        (r"^seg_1", "embedding"),
        (r"^seg_2", "second"),
    ]
    ours = rename(state, names, HEADS)
    second = _fold_second(ours)
    channels = [ours[f"convs.{i}.weight"].shape[0] for i in range(5)]
    for i, size in enumerate(channels):  # theirs normalize without weights
        mean = ours[f"norms.{i}.running_mean"]
        ours.setdefault(f"norms.{i}.weight", mean.new_ones(size))
        ours.setdefault(f"norms.{i}.bias", mean.new_zeros(size))
    encoder = {
        "name": "xvector",
        "feat_dim": ours["convs.0.weight"].shape[1],
        "channels": channels,
        "kernel_sizes": [ours[f"convs.{i}.weight"].shape[2] for i in range(5)],
        "pooling": "unbiased_statistics",
        "embed_dim": ours["embedding.weight"].shape[0],
        "second_layer": second,
    }
    return Conversion(encoder, dict(FEATURES), ours)


def redimnet(state: State) -> Conversion:
    """ReDimNet B0, B1 and B2, told apart by the channels of their stem."""
    state = below(rename(state, [], HEADS), "backbone.") | {
        name: tensor for name, tensor in state.items() if name.startswith(("pool.", "seg_1."))
    }
    channels = state["stem.0.weight"].shape[0]
    variants = [name for name, variant in VARIANTS.items() if variant.channels == channels]
    if not variants or "seg_2.weight" in state:
        raise InputError(f"a ReDimNet with {channels} channels; B0, B1 and B2 with one embedding layer can be imported")
    chosen = VARIANTS[variants[0]]
    names: list[tuple[str, Any]] = [
        (r"^stem\.0", "stem"),
        (r"^stem\.1", "stem_norm"),
        (r"^inputs_weights\.(\d+)", lambda m: f"weights.{int(m[1]) - 1}"),
        (r"^pool\.linear1", "pooling.reduce"),
        (r"^pool\.linear2", "pooling.expand"),
        (r"^seg_1", "embedding"),
        (r"\.conv_block\.conv(\d)pw", r".mix\1"),
        (r"\.conv_block\.bn(\d)", r".norm\1"),
        (r"\.conv_block\.", "."),
        (r"\.dwconvs\.0", ".depthwise"),
        (r"\.pwconv1", ".mix"),
        (r"\.red_dim_conv\.0", ".reduce"),
        (r"\.red_dim_conv\.1", ".norm"),
        (r"\.exp_dim_conv", ".expand"),
        (r"\.tcm\.([0-3])\.", r".convs.\1."),
        (r"\.tcm\.4\.", ".attention."),
        (r"\.attention\.attention\.([kqv])_proj", lambda m: f".attention.{PROJECTIONS[m[1]]}"),
        (r"\.attention\.attention\.out_proj", ".attention.output"),
        (r"\.attention\.layer_norm", ".attention.norm"),
        (r"\.attention\.final_layer_norm", ".attention.last_norm"),
        (r"\.feed_forward\.intermediate_dense", ".hidden"),
        (r"\.feed_forward\.output_dense", ".back"),
    ]
    for stage, spec in enumerate(chosen.stages):
        names += [(rf"^stage{stage}\.0\.", f"stages.{stage}.down.")]
        place = 1 + spec.blocks
        names += [(rf"^stage{stage}\.{1 + i}\.", f"stages.{stage}.blocks.{i}.") for i in range(spec.blocks)]
        if spec.widening != 1:
            for part, layer in ((0, "narrow"), (1, "narrow_norm"), (3, "narrow_mix")):
                names.append((rf"^stage{stage}\.{place}\.{part}\.", f"stages.{stage}.{layer}."))
            place += 1
        names.append((rf"^stage{stage}\.{place + 1}\.", f"stages.{stage}.context."))
    ours = rename(state, names, ("inputs_weights.0", "seg_bn_1"))
    for name, tensor in ours.items():
        if name.startswith("weights."):
            ours[name] = tensor[0, :, :, 0]
    encoder = {
        "name": "redimnet",
        "feat_dim": ours["weights.0"].shape[1] // channels,
        "variant": variants[0],
        "attention_channels": ours["pooling.reduce.weight"].shape[0],
        "embed_dim": ours["embedding.weight"].shape[0],
    }
    return Conversion(encoder, dict(FEATURES), ours)


def _fold_second(ours: dict[str, Any]) -> bool:
    """Folds the batch normalization before the second linear layer into it; whether there is a second layer."""
    norm = take(ours, "seg_bn_1.")
    if "second.weight" not in ours:
        return False
    ours["second.weight"], ours["second.bias"] = fold_before(norm, ours["second.weight"], ours["second.bias"])
    return True


ARCHITECTURES = (
    Architecture("ResNet", "wespeaker", ("seg_1.weight", "layer4.0.bn1.weight", "conv1.weight"), resnet),
    Architecture("ECAPA-TDNN", "wespeaker", ("layer2.se_res2block.0.conv.weight", "linear.weight"), ecapa),
    Architecture("ReDimNet", "wespeaker", ("backbone.inputs_weights.1", "seg_1.weight"), redimnet),
    Architecture("x-vector", "wespeaker", ("frame_1.conv_1d.weight", "seg_1.weight"), xvector),
)
