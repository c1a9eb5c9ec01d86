"""Features of a long recording leave no memory behind, and another C library than glibc is left alone."""

import ctypes
import os
import subprocess
import sys

import pytest

from speakerssl.embeddings import freed_memory

# 40 minutes through a FeatureFile; prints by how many MB the process was larger than after 4 minutes, at its largest.
FEATURES = """
import numpy as np, torch
from speakerssl.embeddings.feature_file import FeatureFile
from speakerssl.features.frontend import FeatureFrontend

def used():
    pages = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(pages[0].split()[1]) // 1024

torch.set_num_threads(1)
rng, sizes = np.random.default_rng(0), []
def pieces():
    for _ in range(20):
        yield (3000 * rng.standard_normal(1920000)).astype(np.float32)
        sizes.append(used())
frontend = FeatureFrontend({"num_mel_bins": 80})
with torch.no_grad():
    FeatureFile(frontend, pieces(), torch.device("cpu")).close()
print(used() - sizes[1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_long_recording_does_not_grow_the_heap() -> None:
    """In one arena, where glibc 2.36 keeps 120 MB of these 40 minutes."""
    environment = {
        **os.environ,
        "MALLOC_ARENA_MAX": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", FEATURES], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 80


def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    freed_memory._malloc_trim.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    freed_memory.give_back_freed_memory()
    assert freed_memory._malloc_trim() is None
    freed_memory._malloc_trim.cache_clear()
