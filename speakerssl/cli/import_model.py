"""`speakerssl import`: weights of other toolkits become a model folder."""

import argparse

DESCRIPTION = """\
Turns weights of another toolkit into a model folder that every verb takes. Known are
  wespeaker    ResNet18 to ResNet293, ECAPA-TDNN (c512, c1024, with and without GLOB), x-vector, CAM++, ERes2Net
  speechbrain  ECAPA-TDNN, x-vector, ResNet (its folder with embedding_model.ckpt, or that file)
  3dspeaker    CAM++, ERes2Net base
  sslsv        ResNet34, ECAPA-TDNN, TDNN (a checkpoint of any method)
  clovaai      ResNetSE34L, ResNetSE34V2
  resemblyzer  its LSTM
An ONNX file (features [B, T, F] or samples [B, S] in [-1, 1] to embeddings [B, D]) becomes an ONNX file that every
verb takes: give --output a name that ends in .onnx.
Only tensors are read: a file with anything else in it is refused by name, and nothing of it is run.

  speakerssl import --weights campplus_cn_en_common.pt --output exp/campplus
  speakerssl import --weights voxceleb_resnet34/ --output exp/resnet34
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `speakerssl import`."""
    parser.add_argument("--weights", required=True, metavar="PATH", help="a file of weights, or a toolkit's folder")
    parser.add_argument("--output", required=True, metavar="EXP_DIR", help="the model folder to write")
    parser.add_argument(
        "--toolkit",
        metavar="NAME",
        help="whose features CAM++ or ERes2Net were trained on: 3dspeaker or wespeaker (default: found)",
    )


def run(args: argparse.Namespace) -> int:
    """Reads, renames, checks, writes."""
    if args.weights.endswith(".onnx"):
        from speakerssl.embeddings.toolkits.onnx_files import import_onnx

        print(f"{import_onnx(args.weights, args.output, args.toolkit)}: an ONNX model that every verb takes")
        return 0
    from speakerssl.embeddings.import_model import import_model
    from speakerssl.embeddings.torch_model import load_torch_model

    folder = import_model(args.weights, args.output, args.toolkit)
    model = load_torch_model(folder)
    count = sum(parameter.numel() for parameter in model.encoder.parameters())
    print(f"{folder}: {model.config['encoder']['name']}, {count} parameters, embeddings of {model.embed_dim} numbers")
    return 0
