"""Damaged and made-up files against every reader: nothing but the declared errors, in bounded time.

    python tools/fuzz.py --list
    python tools/fuzz.py ark scp --minutes 20
    python tools/fuzz.py --minutes 1            # every reader in turn

hypothesis draws edits of healthy files (bytes changed, cut out, put in twice or written over by what parsers stumble
on) and shrinks what fails to the smallest edit. A failure ends the reader's run and is printed with the file, which
becomes a test. `tests/tools/test_fuzz.py` runs a short round of the same with fixed seeds.
"""

import argparse
import io
import json
import logging
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from speakerssl.errors import InputError, SpeakerSSLError

# What parsers stumble on: sizes and signs at their limits, other encodings, markup of other formats.
_STUMBLES = [
    b"\0", b"\0B", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\n", b"\r\n", b" ", b"\t", b"\xef\xbb\xbf",
    b"\xff\xfe", b"nan", b"-inf", b"1e999", b"-1", b"9" * 30, b"../", b"|", b"[", b"]", b"{", b"&a *a",
    b"!!python/object:os.system ",
    b"\x1f\x8b\x08\0",
    b"FV \x04", b"DM \x04", b"<Plda>", b"RIFF", b"fLaC", b"moov", b"mdat", b"PK\x03\x04", "\u202e\u0000é".encode(),
]  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """`read(path)` is called with files that begin as `seeds` and have the name `name`."""

    name: str
    read: Callable[[Path], Any]
    seeds: list[bytes]


def edits(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of `seeds` with up to six edits, or bytes from nowhere."""
    piece = st.sampled_from(_STUMBLES) | st.binary(min_size=1, max_size=8)
    edit = st.tuples(st.sampled_from("orcdt"), st.floats(0, 1), st.integers(0, 64), piece)
    edited = st.builds(_apply, st.sampled_from(seeds), st.lists(edit, min_size=1, max_size=6))
    return edited | st.binary(max_size=64)


def _apply(seed: bytes, changes: list[tuple[str, float, int, bytes]]) -> bytes:
    """Edits: write over, insert (r), cut out, copy (d), or end (t) at a place given as a share of the length."""
    for kind, share, length, piece in changes:
        place = int(share * len(seed))
        head, tail = seed[:place], seed[place:]
        seed = {
            "o": head + piece + tail[len(piece) :],
            "r": head + piece + tail,
            "c": head + tail[length:],
            "d": head + tail[:length] + tail,
            "t": head,
        }[kind]
    return seed


def readers() -> dict[str, Reader]:
    """Every reader by name, with healthy files."""
    from speakerssl.config import load_config
    from speakerssl.data.audio import check_audio, read_audio
    from speakerssl.data.mp4 import read_mp4
    from speakerssl.data.shards import ShardSet
    from speakerssl.data.tables import read_rows
    from speakerssl.data.utterance import read_segments, read_wav_scp
    from speakerssl.embeddings.ark import ark_bytes
    from speakerssl.embeddings.storage import read_embeddings
    from speakerssl.scoring.backend import Backend, load_backend, save_backend
    from speakerssl.trials.score_file import read_scores
    from speakerssl.trials.trial_list import read_trials

    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    ark, offsets = ark_bytes(["a", "b", "c"], matrix)
    scp = "".join(f"{key} xvector.ark:{offset}\n" for key, offset in zip("abc", offsets.tolist())).encode()
    text_ark = b"a  [ 1 2 3 4 ]\nb  [ 5 6 7 8 ]\n"
    trials = [b"1 a b\n0 a c\n", b"a b target\na c nontarget\n", b"a b\nc d\n", b"a b 1\na c 0\n"]
    scores = [b"a b 0.5\na c -1.25\n", b"a b 0.5 1\na c 0.25 0\n", b"0.5 1\n0.1 0\n", b"a b 1 0.5\n"]
    config = b"features: {kind: fbank}\nencoder: {name: small_tdnn}\nloss: {}\ntraining: {steps: 3}\nbase_: &x [1, 2]\n"
    plda = b"<Plda>  [ 1.5 -2.5 ]\n [\n  1 0 \n  0 1 ]\n [ 3 2 ]\n</Plda> "
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backend.npz"
        save_backend(path, Backend().centred(np.ones(4)))
        backend = path.read_bytes()
    row = json.dumps({"id": "a", "offset": 0, "size": 5, "samples": 7}).encode()

    def shards(path: Path) -> None:
        shard = {"name": "shard-000000.tar", "recordings": 1, "bytes": 9, "sha256": ""}
        (path.parent / "shards.json").write_text(json.dumps({"format": 1, "shards": [shard]}))
        ShardSet(path.parent)

    def audio(path: Path) -> None:
        check_audio(path)
        read_audio(path, 0.0, 0.5)

    def mp4(path: Path) -> None:
        try:
            read_mp4(path)
        except ValueError as error:  # its declared error: `data.source` puts the recording's name before it
            raise InputError(f"{path}: {error}") from None

    def segments(path: Path) -> None:
        (path.parent / "wav.scp").write_text("a a.wav\n")
        read_segments(path, read_wav_scp(path.parent / "wav.scp"))

    return {
        reader.name: reader
        for reader in (
            Reader("xvector.ark", read_embeddings, [ark, text_ark]),
            Reader("xvector.scp", _with(read_embeddings, "xvector.ark", ark), [scp]),
            Reader("xvector.npz", read_embeddings, [_npz(ids=np.array(["a", "b", "c"]), embeddings=matrix), backend]),
            Reader("mean_vec.npy", load_backend, [_npy(matrix[0]), _npy(matrix)]),
            Reader("trials", read_trials, trials),
            Reader("scores", read_scores, scores),
            Reader("plda", load_backend, [plda, _kaldi_plda()]),
            Reader("backend.npz", load_backend, [backend]),
            Reader("config.yaml", load_config, [config]),
            Reader("utt2spk", lambda path: list(read_rows(path)), [b"a x\nb y\n"]),
            Reader("wav.scp", read_wav_scp, [b"a a.wav\nb sph2pipe b.sph |\n", b"a b/c d.flac\n"]),
            Reader("segments", segments, [b"u a 0 1\nv a 1.5 2.25 A\n"]),
            Reader("audio", audio, [_audio("WAV"), _audio("FLAC"), _audio("OGG"), _audio("AIFF"), _audio("AU")]),
            Reader("audio.m4a", mp4, [_boxes()]),
            Reader("shard-000000.jsonl", shards, [row + b"\n"]),
        )
    }


def check(reader: Reader, content: bytes, folder: Path) -> None:
    """Reads `content`. Raises whatever is no declared error, and AssertionError for a message that is not one line."""
    path = folder / reader.name
    path.write_bytes(content)
    said = "read"
    try:
        reader.read(path)
    except SpeakerSSLError as error:
        said = str(error)
    assert said.strip(), "an error without a message"
    assert len(said.splitlines()) == 1, "a message of several lines"
    assert len(said) <= 300, "a message of over 300 characters"


def fuzz(reader: Reader, examples: int, fixed: bool) -> None:
    """Draws `examples` files; `fixed`: always the same ones. Raises what `check` raises, for the smallest file."""
    phases = [Phase.generate, Phase.shrink]
    checks = list(HealthCheck)

    with tempfile.TemporaryDirectory() as folder:

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=fixed, phases=phases,
            suppress_health_check=checks,
        )  # fmt: skip
        @given(edits(reader.seeds))
        def run(content: bytes) -> None:
            check(reader, content, Path(folder))

        run()


def main() -> int:
    """Returns 1 where a reader failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="readers; all where none is named")
    parser.add_argument("--minutes", type=float, default=20.0, help="for each reader (default: 20)")
    parser.add_argument("--list", action="store_true", help="name the readers")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    known = readers()
    if args.list:
        print("\n".join(known))
        return 0
    status = 0
    for name in choose(known, args.names):
        end, done = time.monotonic() + 60 * args.minutes, 0
        try:
            while time.monotonic() < end:
                fuzz(known[name], 500, fixed=False)
                done += 500
            print(f"{name}: {done} files, nothing but declared errors", flush=True)
        except Exception as error:
            status = 1
            print(f"{name}: after {done} files: {type(error).__name__}: {error}", flush=True)
            import traceback

            traceback.print_exc()
    return status


def choose(known: Iterable[str], names: Sequence[str]) -> list[str]:
    """The readers whose names hold one of `names`, all where there is none. Ends the program for an unknown name."""
    known = list(known)
    for name in names:
        if not any(name in key for key in known):
            raise SystemExit(f"'{name}' is in the name of no reader; the readers are: {', '.join(known)}")
    return [key for key in known if not names or any(name in key for name in names)]


def _with(read: Callable[[Path], Any], name: str, content: bytes) -> Callable[[Path], Any]:
    def reading(path: Path) -> Any:
        (path.parent / name).write_bytes(content)
        return read(path)

    return reading


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _kaldi_plda() -> bytes:
    from speakerssl.scoring.kaldi_plda import write_kaldi_plda
    from speakerssl.scoring.plda import Plda

    with tempfile.TemporaryDirectory() as folder:
        write_kaldi_plda(Path(folder) / "plda", Plda(np.ones(2), np.eye(2), np.ones(2)))
        return (Path(folder) / "plda").read_bytes()


def _audio(kind: str) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, 0.1 * np.sin(np.arange(1600) / 5), 16000, format=kind)
    return buffer.getvalue()


def _boxes() -> bytes:
    def box(kind: bytes, *content: bytes) -> bytes:
        body = b"".join(content)
        return (8 + len(body)).to_bytes(4, "big") + kind + body

    header = bytes(12) + (16000).to_bytes(4, "big") + (32000).to_bytes(4, "big") + bytes(4)
    media = box(b"mdia", box(b"mdhd", header), box(b"hdlr", bytes(8), b"soun", bytes(12)), box(b"minf", box(b"stbl")))
    return box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", box(b"trak", media)) + box(b"mdat", bytes(32))


def bombs(folder: Path) -> dict[str, tuple[Path, Callable[[Path], Any]]]:
    """Small files that ask for much, with their readers."""
    import gzip

    from speakerssl.config_file import read_yaml
    from speakerssl.embeddings.storage import read_embeddings
    from speakerssl.scoring.backend import load_backend
    from speakerssl.trials.trial_list import read_trials

    aliases = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    npz = folder / "bomb.npz"
    with zipfile.ZipFile(npz, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("embeddings.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": (1 << 19, 160)}  # type: ignore[arg-type]
        )  # fmt: skip
        for _ in range(80):
            stream.write(bytes(4 << 20))
    contents = {
        "aliases.yaml": (aliases.encode(), read_yaml),
        "recursion.yaml": (b"a: &a [*a]\n", read_yaml),
        "large.yaml": (b"a: [" + b"x, " * 3_000_000 + b"]\n", read_yaml),
        "trials.gz": (gzip.compress(b"a" * (1 << 20)) * 600, read_trials),
    }
    files: dict[str, tuple[Path, Callable[[Path], Any]]] = {
        "embeddings": (npz, read_embeddings),
        "backend": (npz, load_backend),
    }
    for name, (content, read) in contents.items():
        (folder / name).write_bytes(content)
        files[name] = folder / name, read
    return files


if __name__ == "__main__":
    sys.exit(main())
