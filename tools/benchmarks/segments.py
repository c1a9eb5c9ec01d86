"""Time of reading the segments of one long recording, from its file and through a command, by this and earlier code.

    python tools/benchmarks/segments.py --minutes 30 --segments 200 [--before ../older-checkout]

The recording is a made-up FLAC; its segments last 3 s each. A fresh process of each version reads all of them in order.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

_WORKER = """
import os, sys
os.environ["SPEAKERSSL_ALLOW_PIPES"] = "1"
from speakerssl.data.kaldi import DataDir
samples = sum(len(utterance.read()) for utterance in DataDir.read(sys.argv[1]).utterances)
print(samples)
"""


def write_data(folder: Path, source: str, minutes: float, segments: int) -> Path:
    """A data directory of `segments` stretches of 3 s of the one recording `source`."""
    folder.mkdir()
    (folder / "wav.scp").write_text(f"long {source}\n")
    starts = np.linspace(0, 60 * minutes - 3, segments)
    (folder / "segments").write_text("".join(f"u{i:04d} long {s:.2f} {s + 3:.2f}\n" for i, s in enumerate(starts)))
    return folder


def measure(code: Path, data: Path) -> tuple[float, float]:
    """Wall and processor seconds (children included) of the version of the package in the folder `code`."""
    environment = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", _WORKER, str(data)], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{code}: failed")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--before", type=Path, help="a folder with an earlier speakerssl package")
    args = parser.parse_args()
    here = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "long.flac"
        rng = np.random.default_rng(0)
        with soundfile.SoundFile(str(path), "w", 16000, 1, "PCM_16") as sound:
            for _ in range(round(60 * args.minutes)):
                sound.write(0.1 * rng.standard_normal(16000))
        for kind, source in (("file", str(path)), ("command", f"cat {path} |")):
            data = write_data(Path(name) / kind, source, args.minutes, args.segments)
            for label, code in (("now", here), ("before", args.before)):
                if code is not None:
                    wall, cpu = measure(code, data)
                    print(f"{args.segments} segments from a {kind}, {label}: {wall:.1f} s, {cpu:.1f} s of processor",
                          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
