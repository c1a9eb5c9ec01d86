"""Models of ours for other runtimes: wespeaker's model folder, and ONNX files that sherpa-onnx loads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from speakerssl.embeddings.model import SpeakerModel
from speakerssl.embeddings.torch_model import TorchModel, need_torch_model
from speakerssl.encoders.export import export_onnx
from speakerssl.encoders.resnet import DEPTHS
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, write_text

# What sherpa-onnx computes for a speaker model, whatever its metadata say (kaldi-native-fbank's settings).
SHERPA_FEATURES = {
    "kind": "fbank",
    "window_type": "povey",
    "snip_edges": False,
    "high_freq": -400.0,
    "num_mel_bins": 80,
    "cmn": "utterance",
}


def export_sherpa(model: SpeakerModel, path: str | Path, language: str = "", comment: str = "") -> list[str]:
    """Writes an ONNX file with the metadata that sherpa-onnx asks for; returns what its features do differently.

    sherpa-onnx has one way to compute features (FBank with a Povey window, no snipped edges, up to 7600 Hz). A model
    on `SHERPA_FEATURES` gives the same embedding there and here; another one is close to it, or far, by what is
    returned: `["window_type: hamming here, povey there"]`.

    Raises:
        InputError: a model whose features are no FBank of 80 values at 16 kHz without deltas or VAD.
        JobError: the package onnx is not installed.
    """
    model = need_torch_model(model, "export")
    frontend = model.features_module
    options = frontend.raw.options
    if model.config["features"].get("kind", "fbank") != "fbank" or frontend.feature_dim != 80 or frontend.vad:
        raise InputError(f"{path}: sherpa-onnx gives a network FBank of 80 values; this model has other features")
    differences = [
        f"{name}: {getattr(options, name)} here, {wanted} there"
        for name, wanted in SHERPA_FEATURES.items()
        if name not in ("kind", "cmn") and getattr(options, name) != wanted
    ]
    if frontend.post.cmn not in ("utterance", "none"):
        differences.append(f"cmn: {frontend.post.cmn} here, utterance there")
    facts = {
        "framework": "wespeaker",
        "language": language or "unknown",
        "url": "https://github.com/k2-fsa/sherpa-onnx",
        "comment": comment or "written by speakerssl",
        "sample_rate": str(model.sample_rate),
        "output_dim": str(model.embed_dim),
        "normalize_samples": "0",  # the network saw samples in the int16 range
        "feature_normalize_type": "global-mean" if frontend.post.cmn != "none" else "",
    }
    try:
        import onnx
    except ImportError:
        raise JobError(f"{path}: writing ONNX needs the package onnx: pip install 'speakerssl[onnx]'") from None
    with atomic_path(path) as temporary:
        export_onnx(model.encoder, temporary)
        graph = onnx.load(str(temporary))
        onnx.helper.set_model_props(graph, {name: value for name, value in facts.items() if value})
        onnx.save(graph, str(temporary))
    return differences


def export_wespeaker(model: SpeakerModel, folder: str | Path) -> Path:
    """Writes wespeaker's model folder: config.yaml, avg_model.pt under its names, and final.onnx for its runtime.

    Known are ResNets (`rvector_resnet`, and `rvector_resnet34` with unbiased statistics) and `xvector` with those
    statistics, on FBank with a Hamming window: what wespeaker computes.

    Raises:
        InputError: another encoder, or features that wespeaker does not compute.
        JobError: the package onnx is not installed.
    """
    model, folder = need_torch_model(model, "export"), Path(folder)
    name, args, state = _as_wespeaker(model, folder)
    features = {"window_type": "hamming", **model.config["features"]}
    if features.get("kind", "fbank") != "fbank" or model.features_module.raw.options.window_type != "hamming":
        raise InputError(f"{folder}: wespeaker's runtime computes FBank with a Hamming window; this model has another")
    text = {
        "model": name,
        "model_args": args,
        "dataset_args": {
            "fbank_args": {"num_mel_bins": args["feat_dim"], "frame_shift": 10, "frame_length": 25, "dither": 0.0},
            "cmvn": model.features_module.post.cmn == "utterance",
            "resample_rate": model.sample_rate,
        },
    }
    with atomic_path(folder / "avg_model.pt") as temporary:
        torch.save(state, temporary)
    export_onnx(model.encoder, folder / "final.onnx")
    write_text(folder / "config.yaml", yaml.safe_dump(text, sort_keys=False))
    return folder


def _as_wespeaker(model: TorchModel, folder: Path) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    """wespeaker's name of the network, its arguments and its tensors."""
    name, options = str(model.config["encoder"]["name"]), model.config["encoder"]
    pooling = options.get("pooling", "unbiased_statistics" if name == "rvector_resnet" else "statistics")
    if name not in ("rvector_resnet", "rvector_resnet34", "xvector") or pooling != "unbiased_statistics":
        raise InputError(
            f"{folder}: wespeaker has no network for {name} with {pooling}; it has rvector_resnet and xvector "
            "with unbiased_statistics"
        )
    if options.get("instance_norm") or options.get("reflect") or options.get("activation", "relu") != "relu":
        raise InputError(f"{folder}: wespeaker's {name} has no such options: instance_norm, reflect, leaky_relu")
    args = {
        "feat_dim": model.encoder.feat_dim,
        "embed_dim": model.embed_dim,
        "pooling_func": "TSTP",
    }
    state = {key: value.detach().cpu().clone() for key, value in model.encoder.state_dict().items()}
    two = bool(options.get("second_layer"))
    if two:
        # Our second layer has their batch normalization folded in: theirs becomes one that changes nothing.
        size = model.embed_dim
        state["seg_bn_1.running_mean"] = torch.zeros(size)
        state["seg_bn_1.running_var"] = torch.full((size,), 1.0 - 1e-5)
        state["seg_bn_1.num_batches_tracked"] = torch.tensor(0)
    if name == "xvector":
        if not two:
            raise InputError(f"{folder}: wespeaker's x-vector has two layers after the pooling, this one has one")
        return "XVEC", args, _xvector_names(state)
    depth = int(options.get("depth", 34))
    args["two_emb_layer"] = two
    return f"ResNet{depth}", args, _resnet_names(state, DEPTHS[depth])


def _resnet_names(state: Mapping[str, Tensor], counts: tuple[int, ...]) -> dict[str, Tensor]:
    places = [(stage + 1, block) for stage, count in enumerate(counts) for block in range(count)]
    heads = {"stem": "conv1", "stem_norm": "bn1", "embedding": "seg_1", "second": "seg_2"}
    found = {}
    for name, tensor in state.items():
        head, _, rest = name.partition(".")
        if head == "blocks":
            number, _, rest = rest.partition(".")
            stage, block = places[int(number)]
            rest = rest.replace("shortcut_norm.", "shortcut.1.").replace("norm", "bn")
            rest = rest.replace("shortcut.weight", "shortcut.0.weight")
            found[f"layer{stage}.{block}.{rest}"] = tensor
        else:
            found[f"{heads.get(head, head)}.{rest}"] = tensor
    return found


def _xvector_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Their norms have no weights: these go into the layer that follows, or stay where they are none."""
    found: dict[str, Tensor] = {}
    for i in range(5):
        weight, bias = state[f"norms.{i}.weight"].double(), state[f"norms.{i}.bias"].double()
        for part in ("running_mean", "running_var", "num_batches_tracked"):
            found[f"frame_{i + 1}.bn.{part}"] = state[f"norms.{i}.{part}"]
        follows = f"convs.{i + 1}" if i < 4 else "embedding"
        state = {**state, **_fed_scaled(state, follows, weight, bias)}
    for i in range(5):
        for part in ("weight", "bias"):
            found[f"frame_{i + 1}.conv_1d.{part}"] = state[f"convs.{i}.{part}"]
    names = {"embedding": "seg_1", "second": "seg_2", "seg_bn_1": "seg_bn_1"}
    for name, tensor in state.items():
        head, _, rest = name.partition(".")
        if head in names:
            found[f"{names[head]}.{rest}"] = tensor
    return found


def _fed_scaled(state: Mapping[str, Tensor], layer: str, scale: Tensor, shift: Tensor) -> dict[str, Tensor]:
    """`layer` on x in the place of scale x + shift: a convolution, or the linear layer on mean and deviation."""
    weight, bias = state[f"{layer}.weight"].double(), state[f"{layer}.bias"].double()
    if weight.dim() == 3:
        bias = bias + (weight * shift[None, :, None]).sum(dim=(1, 2))
        weight = weight * scale[None, :, None]
    else:
        size = len(scale)
        bias = bias + weight[:, :size] @ shift
        weight = weight * torch.cat([scale, scale.abs()])  # a deviation knows no sign
    return {f"{layer}.weight": weight.float(), f"{layer}.bias": bias.float()}
