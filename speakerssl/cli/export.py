"""`speakerssl export`: a model folder as one file for other programs."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speakerssl.embeddings.torch_model import TorchModel

DESCRIPTION = """\
Writes a model folder as one file. Without options: ONNX with the input `feats` [B, T, F] (normalized features) and
the output `embs` [B, D], as wespeaker's runtime reads it. With `--input wave` the input is `wave` [B, S], samples in
[-1, 1], and FBank is in the graph. `--lengths` adds the input `lengths` [B] for padded batches. `--int8` writes 8-bit
weights; `static` needs --data, recordings that show how large activations become. A name ending in .pt2 gives
torch.export's format. An ONNX file is a model for every verb: it needs no torch. `--for wespeaker` writes a folder as
wespeaker has it (config.yaml, avg_model.pt, final.onnx), `--for sherpa-onnx` a file with the metadata that it asks for.

  speakerssl export --model exp/mini --output mini.onnx
  speakerssl export --model exp/mini --output mini.onnx --input wave --lengths
  speakerssl export --model exp/mini --output mini8.onnx --int8 static --data data/train
  speakerssl export --model exp/mini --output mini.pt2
  speakerssl export --model exp/resnet34 --output for_wespeaker --for wespeaker
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl export`."""
    parser.add_argument("--model", required=True, metavar="EXP_DIR", help="directory that `speakerssl train` wrote")
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write, .onnx or .pt2")
    parser.add_argument(
        "--input", choices=("feats", "wave"), default="feats", help="what the graph takes (default: feats)"
    )
    parser.add_argument("--lengths", action="store_true", help="a second input: the length of each recording")
    parser.add_argument(
        "--int8", choices=("dynamic", "static"), help="8-bit weights (default: float32); dynamic is small but slow"
    )
    parser.add_argument("--for", dest="program", choices=("wespeaker", "sherpa-onnx"), help="in its own layout")
    parser.add_argument("--data", metavar="DATA_DIR", help="for static: a data directory, of which 32 are used")


def run(args: argparse.Namespace) -> int:
    """Loads, writes, says what it wrote."""
    import os

    from speakerssl.embeddings.export import export_file
    from speakerssl.embeddings.torch_model import load_torch_model

    model = load_torch_model(args.model)
    if args.program is not None:
        return _write_for(model, args)
    path = export_file(model, args.output, args.input, args.lengths, args.int8, args.data)
    print(f"{path}: {os.path.getsize(path) / 1e6:.1f} MB, embeddings of {model.embed_dim} numbers")
    return 0


def _write_for(model: "TorchModel", args: argparse.Namespace) -> int:
    """What another program reads; says where its features are not the model's."""
    from speakerssl.embeddings.toolkits.writing import export_sherpa, export_wespeaker
    from speakerssl.errors import InputError

    if args.input != "feats" or args.lengths or args.int8:
        raise InputError(f"--for {args.program} has neither --input wave, --lengths nor --int8")
    if args.program == "wespeaker":
        print(f"{export_wespeaker(model, args.output)}: config.yaml, avg_model.pt, final.onnx")
        return 0
    differences = export_sherpa(model, args.output)
    print(f"{args.output}: embeddings of {model.embed_dim} numbers")
    if differences:
        print(f"  sherpa-onnx computes other features, so that embeddings differ: {'; '.join(differences)}")
    return 0
