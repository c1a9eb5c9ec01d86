"""Public names that a package imports on first use (PEP 562), so that naming it costs nothing until it is needed.

Every room's `__init__` has this form; type checkers read the first branch, Python runs the second:

    if TYPE_CHECKING:
        from speakerssl.trials.trial_list import Trials, read_trials
    else:
        __getattr__, __dir__ = lazy_exports(__name__, {"trial_list": ("Trials", "read_trials")})

    __all__ = ["Trials", "read_trials"]

A public name may not be the name of a module of the same package: importing that module would replace it.
`tests/test_lazy.py` holds the three lists of every package against each other.
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy_exports(
    package: str, names_of_module: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The module-level `__getattr__` and `__dir__` of `package`.

    Args:
        package: `__name__` of the `__init__` that exports.
        names_of_module: public names by the module that defines them, relative to `package` (`"trial_list"`,
            `"regularizers.spread"`).

    Raises:
        ValueError: when two modules export one name, or a name is also that of a module named here.
    """
    module_of_name: dict[str, str] = {}
    for module, names in names_of_module.items():
        for name in names:
            if name in module_of_name:
                raise ValueError(f"{package}: {name} is exported from {module_of_name[name]} and from {module}")
            if name in names_of_module:
                raise ValueError(f"{package}: {name} is a public name and a module; rename one of them")
            module_of_name[name] = module

    def get_attribute(name: str) -> Any:
        if name not in module_of_name:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{module_of_name[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    def list_attributes() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of_name})

    return get_attribute, list_attributes
