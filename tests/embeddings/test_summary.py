"""What a model and this installation are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.embeddings import summary
from speakerssl.embeddings.summary import describe_installation, describe_model
from speakerssl.errors import InputError


def test_a_model(model_dir: Path, config: dict[str, Any]) -> None:
    found = describe_model(model_dir)
    assert found["encoder"] == config["encoder"]
    assert found["features"] == config["features"]
    assert (found["parameters"], found["embed_dim"], found["feat_dim"]) == (1846822, 512, 40)
    assert (found["num_crops"], found["crop_seconds"], found["sample_rate"]) == (0, None, 16000)


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.yaml: does not exist"):
        describe_model(tmp_path)


def test_a_package_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "PACKAGES", ("numpy", "no-such-package"))
    found = describe_installation()
    assert found["packages"] == {"numpy": np.__version__, "no-such-package": None}
    assert found["devices"][0] == "cpu"
    assert found["ffmpeg"].startswith("libavcodec ")
