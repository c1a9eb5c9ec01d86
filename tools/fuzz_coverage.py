"""The readers of tools/fuzz.py under atheris: edits that reach new branches are kept and edited further.

    python tools/fuzz_coverage.py --list
    python tools/fuzz_coverage.py ark scp --minutes 20
    python tools/fuzz_coverage.py --minutes 20 --keep corpus    # every reader in turn; what was found is kept

Kernels run as plain Python meanwhile, so that their branches count; what was kept is read once more by the compiled
ones. atheris (libFuzzer for Python; `pip install atheris`) is not to be had for every system: tools/fuzz.py needs no
more than the suite does. A failure ends the reader's run and leaves the file, which becomes a test.
"""

import argparse
import contextlib
import io
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import fuzz

LARGEST = 8192  # bytes of a file
SLOWEST = 20  # seconds for one file
MEMORY = 2048  # MB


def main() -> int:
    """Returns 1 where a reader failed, 2 without atheris."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="readers; all where none is named")
    parser.add_argument("--minutes", type=float, default=20.0, help="for each reader (default: 20)")
    parser.add_argument("--keep", type=Path, help="folder for what reached new branches, to go on from another time")
    parser.add_argument("--failures", type=Path, default=Path("."), help="where a file that fails is left (default: .)")
    parser.add_argument("--seed", type=int, default=0, help="of the edits, to repeat a run (default: 0, another each)")
    parser.add_argument("--list", action="store_true", help="name the readers")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("fuzz_coverage.py: the package atheris is not installed; pip install atheris", file=sys.stderr)
        return 2
    if args.child:
        _fuzz_here(args.child, args.minutes, args.seed, args.keep, args.failures)
    known = fuzz.readers()
    if args.list:
        print("\n".join(known))
        return 0
    chosen = fuzz.choose(known, args.names)
    args.failures.mkdir(parents=True, exist_ok=True)
    options = (args.minutes, args.seed, args.keep, args.failures)
    return max([_fuzz_in_a_child(name, *options) for name in chosen], default=0)


def _fuzz_in_a_child(name: str, minutes: float, seed: int, keep: Path | None, failures: Path) -> int:
    """libFuzzer ends the process that it runs in."""
    print(f"{name}: {minutes:g} minutes", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = (keep or Path(folder, "kept")) / name
        corpus.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, __file__, "--child", name, "--minutes", str(minutes), "--seed", str(seed)]
        command += ["--keep", str(corpus), "--failures", str(failures)]
        plain = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=plain, check=False)
        kept = sorted(corpus.iterdir())
        refused = "" if done.returncode else _read_again(name, kept, Path(folder))
    runs = re.findall(r"^(?:Done |#)(\d+)", done.stderr, re.MULTILINE)
    count = f"{int(runs[-1]):,} files" if runs else "no file"
    if not done.returncode and not refused:
        print(f"{name}: {count}, {len(kept)} that reach something new, nothing but declared errors", flush=True)
        return 0
    said = refused or f"status {done.returncode}\n{_explained(done.stdout + done.stderr)}"
    print(f"{name}: after {count}: {said}", flush=True)
    return 1


def _read_again(name: str, kept: Sequence[Path], folder: Path) -> str:
    """Reads files by the compiled kernels; returns what fails and how, '' where nothing does."""
    reader = fuzz.readers()[name]
    with contextlib.redirect_stderr(io.StringIO()):  # remarks
        for path in kept:
            try:
                fuzz.check(reader, path.read_bytes(), folder)
            except Exception as error:
                return f"{path.read_bytes()!r} by compiled kernels: {type(error).__name__}: {error}"
    return ""


def _explained(said: str) -> str:
    """What libFuzzer said without its progress."""
    return "\n".join(line for line in said.splitlines() if not re.match(r"#\d+\t|INFO:|\tNEW_FUNC|$", line))[-6000:]


def _fuzz_here(name: str, minutes: float, seed: int, corpus: Path, failures: Path) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=["speakerssl"]):
        reader = fuzz.readers()[name]
    for number, content in enumerate(reader.seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    with tempfile.TemporaryDirectory() as folder:
        options = [f"-max_total_time={max(1, round(60 * minutes))}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}"]
        options += [f"-max_len={LARGEST}", f"-artifact_prefix={failures}/{name}-", f"-seed={seed}"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda content: fuzz.check(reader, content, Path(folder)))
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
