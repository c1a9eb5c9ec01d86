"""A short round of `tools/fuzz.py` over every reader, always the same files; the long one is run by hand."""

import logging
from pathlib import Path
from types import ModuleType

import pytest

from speakerssl.errors import InputError
from tests.scripts import ROOT, load_script

SCRIPT = ROOT / "tools" / "fuzz.py"
# The readers of tools/fuzz.py, here as well: building its table imports the packages, which collecting tests need not.
NAMES = (
    "xvector.ark", "xvector.scp", "xvector.npz", "mean_vec.npy", "trials", "scores", "plda", "backend.npz",
    "config.yaml", "utt2spk", "wav.scp", "segments", "audio", "audio.m4a", "shard-000000.jsonl",
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    return load_script(SCRIPT)


def test_every_reader_is_named(fuzz: ModuleType) -> None:
    assert tuple(fuzz.readers()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_declared_errors(fuzz: ModuleType, name: str) -> None:
    logging.disable(logging.WARNING)
    try:
        fuzz.fuzz(fuzz.readers()[name], 60, fixed=True)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", [b"", b"\n", b"\0"])
def test_empty_files_too(fuzz: ModuleType, tmp_path: Path, seed: bytes) -> None:
    for reader in fuzz.readers().values():
        fuzz.check(reader, seed, tmp_path)


@pytest.mark.parametrize("name", ["aliases.yaml", "recursion.yaml", "large.yaml", "trials.gz", "embeddings", "backend"])
def test_bombs_are_refused(fuzz: ModuleType, bombs: dict, name: str) -> None:
    path, read = bombs[name]
    with pytest.raises(InputError):
        read(path)


@pytest.fixture(scope="module")
def bombs(fuzz: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return fuzz.bombs(tmp_path_factory.mktemp("bombs"))
