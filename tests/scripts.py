"""Scripts of recipes and tools as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def load_script(path: Path) -> ModuleType:
    """The script `path` of the repository as a module, without a package around it."""
    name = "_".join(path.relative_to(ROOT).with_suffix("").parts)  # two recipes may have a script of one name
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
