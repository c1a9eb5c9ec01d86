"""3D-Speaker's CAM++ and base ERes2Net, which wespeaker has under the same names.

3D-Speaker takes Kaldi's features with torchaudio's default window, of samples in [-1, 1]; that differs from the int16
range by a constant which the mean normalization removes, but for digital silence.
"""

import re

from speakerssl.embeddings.toolkits.conversion import Architecture, Conversion, Names, State, count, rename
from speakerssl.errors import InputError

FEATURES = {"kind": "fbank", "window_type": "povey", "cmn": "utterance", "dither": 0.0}
HEADS = ("projection.", "classifier.")

CAMPPLUS_NAMES: Names = [
    (r"^head\.layer(\d)\.(\d)", lambda m: f"head.blocks.{2 * int(m[1]) + int(m[2]) - 2}"),
    (r"shortcut\.0", "shortcut"),
    (r"shortcut\.1", "shortcut_norm"),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"^xvector\.tdnn\.linear", "tdnn"),
    (r"^xvector\.tdnn\.nonlinear\.batchnorm", "norm"),
    (r"^xvector\.block(\d)\.tdnnd(\d+)", lambda m: f"blocks.{int(m[1]) - 1}.{int(m[2]) - 1}"),
    (r"nonlinear(\d)\.batchnorm", r"norm\1"),
    (r"cam_layer\.linear_local", "conv.local"),
    (r"cam_layer\.linear(\d)", r"conv.context\1"),
    (r"^(blocks\.\d\.\d+)\.linear1", r"\1.reduce"),
    (r"^xvector\.transit(\d)\.nonlinear\.batchnorm", lambda m: f"transitions.{int(m[1]) - 1}.norm"),
    (r"^xvector\.transit(\d)\.linear", lambda m: f"transitions.{int(m[1]) - 1}.conv"),
    (r"^xvector\.out_nonlinear\.batchnorm", "out_norm"),
    (r"^xvector\.dense\.linear", "embedding"),
    (r"^xvector\.dense\.nonlinear\.batchnorm", "embedding_norm"),
]


def campplus(state: State) -> Conversion:
    """CAM++ of any size, by its shapes."""
    head_channels = state["head.conv1.weight"].shape[0]
    local = state["xvector.block1.tdnnd1.cam_layer.linear_local.weight"]
    encoder = {
        "name": "campplus",
        "feat_dim": 8 * (state["xvector.tdnn.linear.weight"].shape[1] // head_channels),
        "head_channels": head_channels,
        "channels": state["xvector.tdnn.linear.weight"].shape[0],
        "growth": local.shape[0],
        "bottleneck": local.shape[1] // local.shape[0],
        "layers": [count(state, rf"xvector\.block{block}\.tdnnd(\d+)\.") for block in (1, 2, 3)],
        "dilations": [1, 2, 2],
        "embed_dim": state["xvector.dense.linear.weight"].shape[0],
    }
    ours = rename(state, CAMPPLUS_NAMES, HEADS)
    weight = ours["embedding.weight"]
    ours["embedding.weight"] = weight.squeeze(-1) if weight.dim() == 3 else weight
    return Conversion(encoder, dict(FEATURES), ours)


def _fusion(match: re.Match[str]) -> str:
    return f"fusions.{len(match[1]) - 2}.{('reduce', 'norm1', '', 'expand', 'norm2')[int(match[2])]}"


def eres2net(state: State) -> Conversion:
    """The base ERes2Net: groups of half a block's width."""
    channels, (embed_dim, pooled) = state["conv1.weight"].shape[0], state["seg_1.weight"].shape
    if state["layer1.0.convs.0.weight"].shape[0] != channels // 2 or count(state, r"layer1\.0\.convs\.(\d+)") != 2:
        raise InputError("an ERes2Net of another width or scale; of 3D-Speaker's ERes2Nets the base can be imported")
    if "seg_2.weight" in state:
        raise InputError("an ERes2Net with two embedding layers; those with one can be imported")
    if "layer3.0.conv2_1.weight" in state:  # wespeaker's fused blocks name their first group apart
        state = rename(
            state, [(r"\.(conv|bn)2_1\.", r".\1s.first."), (r"^(layer[34]\.\d+\.(?:conv|bn)s)\.0\.", r"\1.1.")]
        )
        state = rename(state, [(r"\.first\.", ".0.")])
    parts = {"0": "reduce", "1": "norm1", "3": "expand", "4": "norm2"}
    names: Names = [
        (r"^conv1", "stem"),
        (r"^bn1", "stem_norm"),
        (r"^layer(\d)_downsample", lambda m: f"downsample.{int(m[1]) - 1}"),
        (r"^fuse_mode(\d+)\.local_att\.(\d)", _fusion),
        (r"^layer(\d)\.(\d+)", lambda m: f"stages.{int(m[1]) - 1}.{m[2]}"),
        (r"fuse_models\.(\d)\.local_att\.(\d)", lambda m: f"fusions.{m[1]}.{parts[m[2]]}"),
        (r"shortcut\.0", "shortcut"),
        (r"shortcut\.1", "shortcut_norm"),
        (r"\.bns\.", ".norms."),
        (r"\.bn(\d)\.", r".norm\1."),
        (r"^seg_1", "embedding"),
    ]
    encoder = {
        "name": "eres2net",
        "feat_dim": 8 * (pooled // (2 * 16 * channels)),
        "channels": channels,
        "counts": [count(state, rf"layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)],
        "embed_dim": embed_dim,
    }
    return Conversion(encoder, dict(FEATURES), rename(state, names, HEADS))


ARCHITECTURES = (
    Architecture("CAM++", "3dspeaker", ("xvector.block1.tdnnd1.cam_layer.linear_local.weight",), campplus),
    Architecture("ERes2Net", "3dspeaker", ("fuse_mode12.local_att.0.weight", "seg_1.weight"), eres2net),
)
