"""Messages: one line, printable, short, whatever went into them."""

import configparser
import pickle
from pathlib import Path

import pytest

from speakerssl.errors import (
    EXTRAS,
    InputError,
    JobError,
    OutputError,
    SpeakerSSLError,
    missing_package,
    one_line,
    unknown_name,
)


@pytest.mark.parametrize("kind", [SpeakerSSLError, InputError, JobError, OutputError])
def test_a_message_is_one_short_printable_line(kind: type[SpeakerSSLError]) -> None:
    message = str(kind("file.txt:3: " + "x\ny\x07\udce9" * 1_000_000 + "; the cure"))
    assert len(message) <= 300
    assert message.isprintable()
    assert message.startswith("file.txt:3: x y\\x07\\xe9")
    assert message.endswith("; the cure")


def test_short_messages_stay_as_they_are() -> None:
    assert one_line("data/wav.scp:3: ä; rename it") == "data/wav.scp:3: ä; rename it"
    assert one_line("a\tb\0\u202e") == "a\\x09b\\x00\\u202e"


def test_errors_cross_processes() -> None:
    again = pickle.loads(pickle.dumps(InputError("a: b")))
    assert (type(again), str(again), again.exit_code) == (InputError, "a: b", 2)
    assert (JobError("x").exit_code, OutputError("x").exit_code) == (1, 1)


def test_unknown_names_list_the_known() -> None:
    assert str(unknown_name("loss", "x", ["b", "a"])) == "unknown loss 'x'; the known ones are: a, b"


def test_a_package_of_an_extra_is_named_with_it() -> None:
    missing = missing_package(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"), "exp: ")
    assert isinstance(missing, JobError)
    assert str(missing) == "exp: needs torch, which is not installed: pip install 'speakerssl[train]'"
    other = ModuleNotFoundError("No module named 'mine'", name="mine")
    assert missing_package(other) is other


def test_the_extra_brings_what_the_error_promises() -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[1] / "setup.cfg")
    required = setup["options"]["install_requires"]
    for package, extra in EXTRAS.items():
        assert f"\n{package}>" in setup["options.extras_require"][extra]
        assert f"\n{package}>" not in required
