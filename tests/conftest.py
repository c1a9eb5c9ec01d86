"""Fixtures that all tests share: where the real speech is, and one thread a process."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real speech, lists and golden numbers beside the checkout; skips where it is not there."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data folder, which is not at {SHARED_DATA}")
    return SHARED_DATA


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forgets speechbrain's lazy modules: hypothesis looks into every loaded module, and those then fail to load."""
    for name, module in list(sys.modules.items()):
        if type(module).__name__ in ("LazyModule", "DeprecatedModuleRedirect"):
            del sys.modules[name]
