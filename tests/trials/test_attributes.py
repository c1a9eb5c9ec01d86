"""What is known about recordings or speakers."""

from pathlib import Path

import pytest

from speakerssl.errors import InputError
from speakerssl.trials.attributes import read_attribute, read_attribute_option


def test_attribute_files(tmp_path: Path) -> None:
    (tmp_path / "utt2lang").write_text("u1 en\nu2 zh\n")
    found = read_attribute_option(str(tmp_path / "utt2lang"))
    assert (found.name, found.values) == ("lang", {"u1": "en", "u2": "zh"})
    (tmp_path / "meta.csv").write_text("VoxCeleb1 ID\tGender\tSet\nid1\tm\tdev\nid2\tf\ttest\n")
    assert read_attribute(tmp_path / "meta.csv", "gender").values == {"id1": "m", "id2": "f"}
    (tmp_path / "vox2.csv").write_text("VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid1 ,n1 ,m ,dev \n")
    assert read_attribute_option(f"{tmp_path / 'vox2.csv'}:Gender").values == {"id1": "m"}
    with pytest.raises(InputError, match="name a column as FILE:COLUMN; the columns are VGGFace2 ID, Gender, Set"):
        read_attribute(tmp_path / "vox2.csv")
    with pytest.raises(InputError, match="has no column 'age'"):
        read_attribute(tmp_path / "vox2.csv", "age")
    (tmp_path / "vox2.csv").write_text("id,a,b\nx,1,2\ny,1\n")
    with pytest.raises(InputError, match=r"vox2.csv:3: 2 columns, the header has 3"):
        read_attribute(tmp_path / "vox2.csv", "b")
