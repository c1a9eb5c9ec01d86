"""Named sections of RESULTS.md: a benchmark replaces its own and leaves the others alone."""

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from speakerssl.io import write_text

RESULTS = Path(__file__).with_name("RESULTS.md")
TITLE = "# Measured speed and memory\n\nWritten by the scripts beside this file, each its own section.\n"


def replace_section(name: str, text: str, path: Path = RESULTS) -> None:
    """Puts `text` (Markdown) between the markers of section `name` of `path`, which is made where it is not there."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    old = path.read_text(encoding="utf-8") if path.exists() else TITLE
    section = f"{begin}\n{text.strip()}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new = pattern.sub(lambda _: section, old) if pattern.search(old) else f"{old.rstrip()}\n\n{section}\n"
    write_text(path, new)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine(packages: Sequence[str] = ("numpy", "numba")) -> str:
    """The machine, its load now and the versions of Python and `packages`, in one line."""
    cores = len(os.sched_getaffinity(0))
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    return f"{_processor()}, {cores} cores, load {os.getloadavg()[0]:.1f} before; {', '.join(versions)}"


def _processor() -> str:
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        names = []
    return names[0].strip() if names else platform.machine()
