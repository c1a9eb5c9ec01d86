"""Processor time of reading short recordings, by this code and by an earlier version of it, alternating.

    python tools/benchmarks/audio.py --audio-dir recordings --before ../older-checkout
    python tools/benchmarks/audio.py --audio-dir recordings --suffix .m4a --task length

Each round reads every file once in a fresh process of each version; the ratio of a round is after / before, and the
median over the rounds is the answer. Without --before only this version is timed. --task: `read` decodes whole files,
`crop` one second from the middle, `length` asks for the number of samples, `check` is what `speakerssl prepare` does,
`libav` opens a file by ffmpeg's libraries and reads its header (this version only).
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

_WORKER = """
import logging, sys, time
from speakerssl.data.audio import audio_info, check_audio, read_audio
logging.disable(logging.CRITICAL)
task, paths = sys.argv[1], sys.stdin.read().splitlines()
def open_by_ffmpeg_s_libraries(path):
    from speakerssl.data.libav import AvDecoder
    AvDecoder(path)
work = {
    "libav": open_by_ffmpeg_s_libraries,
    "read": read_audio,
    "crop": lambda path: read_audio(path, 0.5, 1.0),
    "length": audio_info,
    "check": check_audio,
}[task]
for path in paths[:20]:
    work(path)
start = time.process_time()
for path in paths:
    work(path)
print(time.process_time() - start)
"""


def seconds(code: Path, task: str, paths: list[str]) -> float:
    """Processor seconds of the version of the package in the folder `code`."""
    environment = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _WORKER, task]
    done = subprocess.run(command, input="\n".join(paths), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip().splitlines()[-1])
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio-dir", required=True, type=Path)
    parser.add_argument("--suffix", nargs="+", default=[".flac", ".opus"])
    parser.add_argument("--number", type=int, default=2000, help="files of each suffix")
    parser.add_argument("--task", nargs="+", choices=("read", "crop", "length", "check", "libav"), default=["read"])
    parser.add_argument("--before", type=Path, help="a folder with an earlier speakerssl package")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    here = Path(__file__).resolve().parents[2]
    for suffix in args.suffix:
        paths = sorted(str(path) for path in args.audio_dir.rglob(f"*{suffix}"))
        if not paths:
            raise SystemExit(f"{args.audio_dir}: no {suffix} files")
        paths = (paths * (args.number // len(paths) + 1))[: args.number]
        for task in args.task:
            after, ratios = [], []
            for _ in range(args.rounds):
                before = seconds(args.before, task, paths) if args.before else None
                after.append(seconds(here, task, paths))
                ratios += [after[-1] / before] if before else []
            line = f"{suffix} {task}: {1e3 * statistics.median(after) / len(paths):.3f} ms a file"
            if ratios:
                line += f", {statistics.median(ratios):.3f} of before ({min(ratios):.3f} to {max(ratios):.3f})"
            print(line, flush=True)


if __name__ == "__main__":
    main()
