#!/usr/bin/env python3
"""What computes an encoder fastest on this CPU, against a plain loop in torch, speechbrain and Resemblyzer.

    tools/benchmarks/engines.py networks --data DATA_DIR DATA_DIR --number 40 --write
    tools/benchmarks/engines.py speechbrain --data DATA_DIR --write
    tools/benchmarks/engines.py resemblyzer --data DATA_DIR --write
    tools/benchmarks/engines.py start --data DATA_DIR --write

Processor seconds of one thread; the ways take turns on each recording, and the least of all rounds of a recording
counts: other work on the machine only adds. `networks` times the network alone on features of real recordings of mixed
length, one at a time; `speechbrain` and `resemblyzer` from samples to embedding; `start` whole commands.
"""

import argparse
import copy
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from process import measure_command
from table import machine, markdown_table, replace_section

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.engines import ENGINES, Engine, TorchEngine, build_engine
from speakerssl.embeddings.export import export_model
from speakerssl.embeddings.import_model import import_model
from speakerssl.embeddings.model_dir import build_model, save_model
from speakerssl.embeddings.torch_model import TorchModel, load_torch_model

ENCODERS = ("fast_resnet34", "rvector_resnet34", "ecapa_tdnn", "xvector")
PACKAGES = ("torch", "onnxruntime")


def make_model(name: str, folder: str) -> TorchModel:
    """A model at 80 mel bins whose batch normalization has statistics of its own."""
    config = {"features": {"num_mel_bins": 80}, "encoder": {"name": name}}
    torch.manual_seed(0)
    frontend, encoder = build_model(config, "benchmark")
    with torch.no_grad():
        encoder.train()(frontend(3000 * torch.randn(2, 24000)))
    save_model(folder, config, encoder.eval())
    return load_torch_model(folder)


def read_waves(data: list[str], number: int) -> list[np.ndarray]:
    """`number` recordings, spread over the data directories."""
    waves = []
    for place in data:
        utterances = DataDir.read(place).utterances
        step = max(1, len(utterances) * len(data) // number)
        waves += [one.read() for one in utterances[::step][: number // len(data)]]
    return waves


def alternate(
    ways: Mapping[str, Callable[[Any], np.ndarray]], items: list[Any], rounds: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Processor seconds of each way over all items, the least of all rounds of each item, and what it gives [N, D]."""
    spent = {name: np.full(len(items), np.inf) for name in ways}
    found: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    for turn in range(rounds):
        for number, item in enumerate(items):
            for name, way in ways.items():
                start = time.process_time()
                vector = way(item)
                spent[name][number] = min(spent[name][number], time.process_time() - start)
                if turn == 0:
                    found[name].append(vector.reshape(-1))
    return {name: float(times.sum()) for name, times in spent.items()}, {k: np.stack(v) for k, v in found.items()}


def through(engine: Engine, feats: torch.Tensor) -> np.ndarray:
    """The embedding [1, D] of features [T, F]."""
    return engine(feats[None]).numpy()


def relative(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The distance of each embedding from what is expected, by its length."""
    distance: np.ndarray = np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)
    return distance


def networks(args: argparse.Namespace) -> str:
    """One row an encoder and engine."""
    waves = read_waves(args.data, args.number)
    seconds = sum(map(len, waves)) / 16000
    rows = []
    for name in args.encoder:
        with tempfile.TemporaryDirectory() as folder:
            model = make_model(name, folder)
        plain = TorchEngine(copy.deepcopy(model.encoder).to(memory_format=torch.contiguous_format))
        names = [engine for engine in ENGINES if not ENGINES[engine].why_not("cpu")]
        engines = {"plain loop": plain, **{name: build_engine(name, model.encoder) for name in names}}
        ways = {name: partial(through, engine) for name, engine in engines.items()}
        spent, found = alternate(ways, [model.features(wave) for wave in waves], args.rounds)
        for engine, value in spent.items():
            difference = relative(found[engine], found["plain loop"])
            ratio = spent["plain loop"] / value
            rows.append([name, engine, f"{value:.2f}", f"{ratio:.2f}", f"{difference.max():.0e}"])
            print(*rows[-1], flush=True)
    table = markdown_table(
        ["encoder", "engine", "processor s", "times as fast as the loop", "largest difference"], rows
    )
    return f"{len(waves)} recordings, {seconds:.0f} s of speech, {args.rounds} rounds that alternate.\n\n{table}"


def speechbrain(args: argparse.Namespace) -> str:
    """`EncoderClassifier.encode_batch` with speechbrain's own ECAPA of the same size, and ours, from samples."""
    from speechbrain.inference.classifiers import EncoderClassifier
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN, Classifier
    from speechbrain.processing.features import InputNormalization

    torch.manual_seed(0)
    theirs = EncoderClassifier(
        modules={
            "compute_features": Fbank(n_mels=80),
            "mean_var_norm": InputNormalization(norm_type="sentence", std_norm=False),
            "embedding_model": ECAPA_TDNN(80, lin_neurons=192, channels=[512] * 4 + [1536]),
            "classifier": Classifier(192, out_neurons=10),
        },
        hparams={"label_encoder": None},
    )
    theirs.eval()
    waves = read_waves(args.data, args.number)
    with tempfile.TemporaryDirectory() as folder:
        model = make_model("ecapa_tdnn", folder)
    engines = {name: build_engine(name, model.encoder) for name in ("torch", "folded", "onnx")}

    def speechbrains(wave: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            vector: np.ndarray = theirs.encode_batch(torch.from_numpy(wave / 32768)[None])[0, 0].numpy()
        return vector

    def ours(name: str, wave: np.ndarray) -> np.ndarray:
        model.engine = engines[name]
        return model.encode([wave])

    ways = {"speechbrain": speechbrains, **{f"ours, {name}": partial(ours, name) for name in engines}}
    spent, _ = alternate(ways, waves, args.rounds)
    rows = [[name, f"{value:.2f}", f"{spent['speechbrain'] / value:.2f}"] for name, value in spent.items()]
    table = markdown_table(["from samples, one recording at a time", "processor s", "times as fast"], rows)
    return f"ECAPA-TDNN of 512 channels, {len(waves)} recordings, {args.rounds} rounds that alternate.\n\n{table}"


def resemblyzer(args: argparse.Namespace) -> str:
    """`VoiceEncoder.embed_utterance` of Resemblyzer with the weights in its package, and ours with them, from samples.

    Resemblyzer's removal of silences, which comes before, is in neither.
    """
    import resemblyzer

    theirs = resemblyzer.VoiceEncoder("cpu", verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        model = load_torch_model(import_model(Path(resemblyzer.__file__).parent / "pretrained.pt", folder))
    waves = read_waves(args.data, args.number)
    names = [name for name in ENGINES if not ENGINES[name].why_not("cpu")]
    engines = {name: build_engine(name, model.encoder) for name in names}

    def ours(name: str, wave: np.ndarray) -> np.ndarray:
        model.engine = engines[name]
        return model.encode([wave])

    loud = [0.05 * wave / np.sqrt(np.mean((wave / 32768) ** 2)) for wave in waves]  # -26 dBFS, which nobody raises
    ways: dict[str, Callable[[Any], np.ndarray]] = {
        "Resemblyzer": lambda w: theirs.embed_utterance(w / np.float32(32768))
    }
    ways |= {f"ours, {name}": partial(ours, name) for name in engines}
    spent, found = alternate(ways, [wave.astype(np.float32) for wave in loud], args.rounds)
    cosines = {name: float((vectors * found["Resemblyzer"]).sum(axis=1).min()) for name, vectors in found.items()}
    rows = [
        [name, f"{value:.2f}", f"{spent['Resemblyzer'] / value:.2f}", f"{cosines[name]:.6f}"]
        for name, value in spent.items()
    ]
    table = markdown_table(
        ["from samples, one recording at a time", "processor s", "times as fast", "least cosine"], rows
    )
    seconds = sum(map(len, waves)) / 16000
    return f"{len(waves)} recordings, {seconds:.0f} s, {args.rounds} rounds that alternate.\n\n{table}"


def start(args: argparse.Namespace) -> str:
    """Whole `speakerssl verify` commands on two recordings."""
    first, second = (one.source for one in DataDir.read(args.data[0]).utterances[:2])
    with tempfile.TemporaryDirectory() as folder:
        export_model(make_model("fast_resnet34", folder), Path(folder) / "model.onnx")
        models = {
            "Fast ResNet-34, folder (torch)": folder,
            "Fast ResNet-34, ONNX file": f"{folder}/model.onnx",
            "open-speech, the default (ONNX)": "open-speech",
        }
        best = {name: [float("inf")] * 3 for name in models}
        for _ in range(args.rounds):
            for name, model in models.items():
                command = [sys.executable, "-m", "speakerssl.cli.main", "verify", "--model", model, "--threshold", "-1"]
                best[name] = [min(pair) for pair in zip(best[name], measure_command([*command, first, second]))]
        rows = [[name, f"{wall:.2f}", f"{spent:.2f}", f"{peak:.0f}"] for name, (wall, spent, peak) in best.items()]
    return markdown_table(["model", "wall s", "processor s", "peak MiB"], rows)


def main() -> int:
    """One section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"networks": networks, "speechbrain": speechbrain, "resemblyzer": resemblyzer, "start": start}
    parser.add_argument("what", choices=parts)
    parser.add_argument("--data", nargs="+", required=True, help="Kaldi data directories of real recordings")
    parser.add_argument("--number", type=int, default=40, help="recordings (40)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each way (3)")
    parser.add_argument("--encoder", nargs="+", default=list(ENCODERS), help="encoders of the registry")
    parser.add_argument("--write", action="store_true", help="write the section into RESULTS.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    before = machine(PACKAGES)
    text = f"## Engines: {args.what}\n\n{before}. One thread.\n\n{parts[args.what](args)}"
    print(text)
    if args.write:
        replace_section(f"engines {args.what}", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
