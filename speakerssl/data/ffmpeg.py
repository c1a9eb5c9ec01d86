"""Recordings that another program decodes: Kaldi's `command |`, and ffmpeg for what libsndfile cannot read.

Failures are OSError or ValueError with one line; `data.audio` puts the recording's name before it.
"""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess

import numpy as np

from speakerssl.data.mp4 import MP4_SUFFIXES, AudioTrack, read_mp4

FFMPEG_SUFFIXES = frozenset({".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".mkv"})


def is_pipe(source: str) -> bool:
    """Whether `source` is a Kaldi input pipe: a shell command and `|`."""
    return source.rstrip().endswith("|")


def needs_ffmpeg(path: str) -> bool:
    """Whether the suffix says that libsndfile cannot read it."""
    return os.path.splitext(path)[1].lower() in FFMPEG_SUFFIXES


def run_pipe(source: str) -> bytes:
    """What the command before `|` writes. Raises ValueError when it fails or writes nothing."""
    command = source.rstrip()[:-1]
    shell = shutil.which("bash")
    # A failing first member of `a | b |` must fail the recording; plain sh cannot tell.
    arguments = [shell, "-o", "pipefail", "-c", command] if shell else ["sh", "-c", command]
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"the command failed (status {done.returncode}){_last_line(done.stderr)}")
    if not done.stdout:
        raise ValueError("the command wrote nothing")
    return done.stdout


def ffmpeg_read(path: str, start: float, duration: float | None) -> tuple[np.ndarray, int]:
    """float32 [S] or [S, channels] in [-1, 1] at the file's own rate, and the rate."""
    program = _program("ffmpeg")
    _, rate, channels = _probe(path)
    # A seek lands on a packet and loses the decoder's history: begin a second early and trim by time stamps.
    seek = ["-copyts", "-ss", f"{start - 1:.6f}"] if start > 1 else []
    first = round(start * rate)
    trim = f"atrim=start_pts={first}"
    if duration is not None:
        trim += f":end_pts={first + round(duration * rate)}"
    form = ["-vn", "-af", f"aresample={rate},asettb=1/{rate},{trim}", "-ac", str(channels), "-f", "f32le"]
    command = [program, "-nostdin", "-v", "error", *seek, "-i", path, *form, "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(f"ffmpeg cannot decode it{_last_line(done.stderr)}")
    samples = np.frombuffer(done.stdout, dtype="<f4").astype(np.float32)
    return (samples.reshape(-1, channels) if channels > 1 else samples), rate


def ffmpeg_info(path: str) -> tuple[int, int]:
    """(number of samples at the file's own rate, rate in Hz), from the container's header."""
    frames, rate, _ = _probe(path)
    return frames, rate


def _probe(path: str) -> AudioTrack:
    """Of the first audio stream; MP4 is read here, other containers by ffprobe."""
    if os.path.splitext(path)[1].lower() in MP4_SUFFIXES:
        return read_mp4(path)
    entries = "stream=sample_rate,channels,duration:format=duration"
    command = [_program("ffprobe"), "-v", "error", "-select_streams", "a:0", "-show_entries", entries]
    done = subprocess.run([*command, "-of", "json", path], capture_output=True, check=False)
    found = json.loads(done.stdout or b"{}") if done.returncode == 0 else {}
    if not found.get("streams"):
        raise ValueError(f"ffprobe finds no audio in it{_last_line(done.stderr)}")
    stream = found["streams"][0]
    seconds = float(stream.get("duration") or found.get("format", {}).get("duration") or 0.0)
    rate = int(stream["sample_rate"])
    return AudioTrack(round(seconds * rate), rate, int(stream["channels"]))


def find_ffmpeg() -> str | None:
    """The system's ffmpeg, or else the one that the package imageio-ffmpeg carries (extra `m4a`)."""
    path = shutil.which("ffmpeg")
    if path is None and importlib.util.find_spec("imageio_ffmpeg"):
        from imageio_ffmpeg import get_ffmpeg_exe

        with contextlib.suppress(RuntimeError):  # it has none for this platform
            path = get_ffmpeg_exe()
    return path


def _program(name: str) -> str:
    path = find_ffmpeg() if name == "ffmpeg" else shutil.which(name)
    if path is None:
        raise ValueError(f"this format needs {name}, which is not installed; install ffmpeg or convert to wav or flac")
    return path


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
