"""Fixtures that all tests share: where the real speech is, and one thread a process."""

import logging
import os
import pickle
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from speakerssl.executors import choice
from speakerssl.executors.share import Share, result_of
from tests import ray_nodes

os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real speech, lists and golden numbers beside the checkout; skips where it is not there."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data folder, which is not at {SHARED_DATA}")
    return SHARED_DATA


class PickledExecutor:
    """Another executor without its machines: shares and results travel as bytes, as they would to one."""

    def __init__(self) -> None:
        self.shares = 0

    def run(self, shares: Sequence[Share]) -> Iterator[list[Any]]:
        for share in [pickle.dumps(share) for share in shares]:
            self.shares += 1
            yield result_of(pickle.loads(pickle.dumps(pickle.loads(share)())))

    def close(self) -> None: ...


@pytest.fixture
def pickled(monkeypatch: pytest.MonkeyPatch) -> PickledExecutor:
    """What `--executor slurm` and `--executor ray` choose for the length of a test."""
    executor, make = PickledExecutor(), choice._make
    monkeypatch.setattr(choice, "_make", lambda name, options: make(name, options) if name == "local" else executor)
    return executor


@pytest.fixture
def free_port() -> int:
    """A port of the loopback that nobody listens on: where the head of a Ray cluster listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def ray_environment(tmp_path: Path) -> dict[str, str]:
    """Of `ray_cluster` and those who use it: modules in `tmp_path` are known."""
    return ray_nodes.environment(tmp_path)


@pytest.fixture
def ray_cluster(
    tmp_path: Path, free_port: int, ray_environment: dict[str, str]
) -> Iterator[tuple[str, ray_nodes.Node]]:
    """The address of the head of a cluster of two, and the worker."""
    pytest.importorskip("ray", reason="ray is not installed: pip install speakerssl[ray]")
    with ray_nodes.started(free_port, tmp_path, ray_environment) as worker:
        yield f"127.0.0.1:{free_port}", worker


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    """Undoes what a test did to the package's logger: a worker's start, called in this process, silences remarks."""
    logger = logging.getLogger("speakerssl")
    before = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.setLevel(before[0])
    logger.propagate, logger.handlers[:] = before[1], before[2]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forgets speechbrain's lazy modules: hypothesis looks into every loaded module, and those then fail to load."""
    for name, module in list(sys.modules.items()):
        if type(module).__name__ in ("LazyModule", "DeprecatedModuleRedirect"):
            del sys.modules[name]
