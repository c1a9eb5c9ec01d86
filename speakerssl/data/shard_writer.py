"""Writing shards: a pure function of the recordings and the bound of a shard's size, so that it can be repeated.

A shard is written under a temporary name with its index and renamed; started again, what is whole is kept. Made from
the same recordings, from a data directory or from shards of another size, the tars are equal byte for byte.
"""

import hashlib
import io
import json
import os
import tarfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from speakerssl.constants import FULL_SCALE, SAMPLE_RATE
from speakerssl.data.container import HEAD, identify
from speakerssl.data.pipes import is_pipe
from speakerssl.data.shards import FORMAT, SHARDS, ShardRecording
from speakerssl.data.utterance import Utterance
from speakerssl.errors import InputError, JobError
from speakerssl.io import atomic_path, progress, reading, write_text
from speakerssl.processes import check_jobs, map_processes
from speakerssl.resume import Identity, output_lock

Source = Utterance | ShardRecording
_SUFFIXES = {"matroska": "webm", "mp4": "m4a", "": "audio"}


def plan_shards(sources: Sequence[Source], shard_bytes: int) -> list[list[int]]:
    """Which recordings go into which shard: in order, until a shard's files reach `shard_bytes`."""
    plan: list[list[int]] = [[]]
    filled = 0
    for number, source in enumerate(sources):
        size = source_bytes(source)
        if plan[-1] and filled + size > shard_bytes:
            plan.append([])
            filled = 0
        plan[-1].append(number)
        filled += size
    return plan


def source_bytes(source: Source) -> int:
    """The size of a recording's file; of what is written as FLAC, a bound by its header. Raises InputError."""
    if isinstance(source, ShardRecording):
        return source.place.size
    if source.is_segment or is_pipe(source.source):
        return int(source.duration() * SAMPLE_RATE * 2)
    with reading(f"{source.where}: {source.source}"):
        return os.stat(source.source).st_size


def write_shards(
    sources: Sequence[Source], output: str | Path, shard_bytes: int, jobs: int = 0, verify: str = "stat"
) -> int:
    """Writes all shards, several at once; returns how many there are.

    Audio files are kept as they are; stretches, channels and what commands write become 16 kHz FLAC. Recordings that
    cannot be read are left out and listed in `failed.txt`.

    Raises:
        InputError: nothing to write, or `output` holds shards of other recordings or another size.
        JobError: some recordings failed, after all else is done.
    """
    output, jobs = Path(output), check_jobs(jobs)
    if not sources:
        raise InputError("shard: there are no recordings")
    identity = _identity(sources, shard_bytes, verify)
    with output_lock(output):
        before = Identity.read(output)
        if before is not None and (difference := identity.difference(before)):
            raise InputError(f"{output}: holds other shards ({difference}); remove it or name another --output")
        identity.write(output)
        plan = plan_shards(sources, shard_bytes)
        todo = [number for number in range(len(plan)) if not _is_whole(output, number)]
        done = map_processes(_write_shard, todo, jobs, _start_worker, (sources, plan, output))
        for _ in progress(done, len(todo), f"{len(plan)} shards of {len(sources)} recordings"):
            pass
        return _finish(output, len(plan))


def _finish(output: Path, count: int) -> int:
    names = [shard_name(number) for number in range(count)]
    infos = [json.loads((output / f"{name}.json").read_text(encoding="utf-8")) for name in names]
    failed = "".join(f"{key}\t{reason}\n" for info in infos for key, reason in info["failed"])
    shards = [{key: info[key] for key in ("name", "recordings", "bytes", "sha256")} for info in infos]
    write_text(output / SHARDS, json.dumps({"format": FORMAT, "shards": shards}, indent=1) + "\n")
    if not failed:
        (output / "failed.txt").unlink(missing_ok=True)
        return count
    write_text(output / "failed.txt", failed)
    raise JobError(f"{failed.count(chr(10))} recordings could not be read; {output / 'failed.txt'} lists them")


def shard_name(number: int) -> str:
    """Without a suffix."""
    return f"shard-{number:06d}"


def member_key(key: str) -> str:
    """A recording's id as a name within a tar: letters, digits, `_`, `-`, all else as %XX; at most 90 characters."""
    quoted = urllib.parse.quote(key, safe="").replace(".", "%2E").replace("~", "%7E")
    return quoted if len(quoted) <= 90 else f"{quoted[:45]}-{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def _identity(sources: Sequence[Source], shard_bytes: int, verify: str) -> Identity:
    options = {"shard_bytes": shard_bytes, "format": FORMAT}
    found = Identity.of([source for source in sources if isinstance(source, Utterance)], verify, options)
    places = {s.id: f"{s.source} {tuple(s.place)}" for s in sources if isinstance(s, ShardRecording)}
    return Identity(found.options, {**found.recordings, **places})


def _is_whole(output: Path, number: int) -> bool:
    """Whether a shard is there with none of its recordings failed: the last file of it is written last."""
    try:
        info = json.loads((output / f"{shard_name(number)}.json").read_text(encoding="utf-8"))
        return not info["failed"] and (output / info["name"]).stat().st_size == info["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


_worker: dict[str, Any] = {}


def _start_worker(sources: Sequence[Source], plan: list[list[int]], output: Path) -> None:
    _worker.update(sources=sources, plan=plan, output=output)


def _write_shard(number: int) -> None:
    output, name = _worker["output"], shard_name(number)
    rows, failed = [], []
    with atomic_path(output / f"{name}.tar") as temporary:
        with open(temporary, "wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for index in _worker["plan"][number]:
                source = _worker["sources"][index]
                try:
                    content, samples = _content(source)
                except InputError as error:
                    failed.append((source.id, str(error)))
                    continue
                key = member_key(source.id)
                kind = identify(content[:HEAD])
                _add(tar, f"{key}.{_SUFFIXES.get(kind, kind)}", content)
                end = tar.offset  # after the padding to whole blocks
                offset = end - -(-len(content) // 512) * 512
                _add(tar, f"{key}.json", json.dumps({"id": source.id}).encode())
                rows.append({"id": source.id, "offset": offset, "size": len(content), "samples": samples})
        digest = hashlib.sha256()
        with open(temporary, "rb") as written:
            while block := written.read(1 << 20):
                digest.update(block)
        size = os.path.getsize(temporary)
    write_text(output / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    info = {"name": f"{name}.tar", "recordings": len(rows), "bytes": size, "sha256": digest.hexdigest()}
    write_text(output / f"{name}.json", json.dumps({**info, "failed": failed}))


def _content(source: Source) -> tuple[bytes, int]:
    """The bytes of a recording's file and its samples at 16 kHz. Raises InputError."""
    if isinstance(source, ShardRecording):
        return source.shards.content(source.place), source.place.samples
    if not (source.is_segment or is_pipe(source.source)):
        samples = int(source.duration() * SAMPLE_RATE)
        with reading(f"{source.where}: {source.source}"):
            return Path(source.source).read_bytes(), samples
    wave = source.read()
    buffer = io.BytesIO()
    soundfile.write(buffer, wave / FULL_SCALE, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue(), len(wave)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # of no time and no owner: equal recordings give equal shards
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
