#!/usr/bin/env python3
"""What 8-bit weights cost: EER, cosine with the float embedding, processor seconds and size of a trained model.

    tools/benchmarks/quantization.py --model EXP_DIR --data DATA_DIR --trials LIST --calibrate DATA_DIR --write

Recordings of `--calibrate` show static quantization how large activations become; they should not be those of the list.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from table import machine, markdown_table, replace_section

from speakerssl.data.kaldi import DataDir
from speakerssl.embeddings.export import export_file
from speakerssl.embeddings.model import SpeakerModel, load_model, unit_vectors
from speakerssl.embeddings.torch_model import load_torch_model
from speakerssl.metrics import compute_eer
from speakerssl.trials import read_trials


def embed_all(model: SpeakerModel, data: DataDir) -> tuple[dict[str, np.ndarray], float]:
    """Unit vectors by id, and the processor seconds of the features and the network."""
    waves = {key: one.read(sample_rate=model.sample_rate) for key, one in data.recordings.items()}
    start = time.process_time()
    matrix = np.concatenate([model.encode([wave]) for wave in waves.values()])
    return dict(zip(waves, unit_vectors(matrix))), time.process_time() - start


def main() -> int:
    """A row a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a trained model folder")
    parser.add_argument("--data", required=True, help="Kaldi data directory of the list's recordings")
    parser.add_argument("--trials", required=True, help="trial list")
    parser.add_argument("--calibrate", required=True, help="other recordings, for static quantization")
    parser.add_argument("--every", type=int, default=1, help="use each N-th recording, and the trials among these (1)")
    parser.add_argument("--write", action="store_true", help="write the section into RESULTS.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    before, data, trials = machine(("onnxruntime",)), DataDir.read(args.data), read_trials(args.trials)
    data = data.subset(list(data.recordings)[:: args.every])
    known = [np.array([key in data.recordings for key in ids]) for ids in (trials.enrol_ids, trials.test_ids)]
    trials = trials.select(known[0][trials.enrol_index] & known[1][trials.test_index]).compact()
    model, rows, floats = load_torch_model(args.model), [], None
    with tempfile.TemporaryDirectory() as folder:
        for name, int8 in (("float32", None), ("int8, dynamic", "dynamic"), ("int8, static", "static")):
            path = export_file(model, Path(folder) / "model.onnx", int8=int8, data=args.calibrate)
            vectors, seconds = embed_all(load_model(path), data)
            floats = floats or vectors
            sides = [np.stack([vectors[key] for key in ids]) for ids in (trials.enrol_ids, trials.test_ids)]
            scores = np.sum(sides[0][trials.enrol_index] * sides[1][trials.test_index], axis=1)
            cosine = min(float(vectors[key] @ floats[key]) for key in vectors)
            eer = 100 * float(compute_eer(scores, trials.labels))
            size = path.stat().st_size / 1e6
            rows.append([name, f"{eer:.2f}", f"{cosine:.4f}", f"{seconds:.1f}", f"{size:.1f}"])
            print(*rows[-1], flush=True)
    table = markdown_table(["file", "EER %", "least cosine with float32", "processor s", "MB"], rows)
    text = (
        f"## 8-bit ONNX files\n\n{before}. One thread. {model.config['encoder']['name']}, {len(data)} recordings, "
        f"{len(scores)} trials; EER where miss and false-alarm rate cross.\n\n{table}"
    )
    print(text)
    if args.write:
        replace_section("quantization", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
