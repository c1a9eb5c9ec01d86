"""A stretch of a file behaves like a file."""

import io
import os
from pathlib import Path

from speakerssl.data.sections import open_section


def test_a_section_is_a_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10
    (tmp_path / "f").write_bytes(content)
    for file in (str(tmp_path / "f"), io.BytesIO(content)):
        for start, end in ((0, None), (100, 1000), (2000, 9999)):
            section = open_section(file, start, end)
            assert section.read() == content[start:end]
            assert section.seek(-10, os.SEEK_END) == len(content[start:end]) - 10
            assert section.read(99) == content[start:end][-10:]
            section.seek(5)
            assert (section.read(7), section.tell()) == (content[start + 5 : start + 12], 12)
            section.close()


def test_a_buffer_outlives_its_sections() -> None:
    buffer = io.BytesIO(b"abcdef")
    open_section(buffer, 1, 3).close()
    assert open_section(buffer, 2).read() == b"cdef"
