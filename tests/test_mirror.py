"""`speakerssl/a/b.py` has its tests in `tests/a/test_b.py`, and every other test file is listed here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Tests of the toolkit as a whole, or of several modules at once; those in SUBJECTS are named by subject.
WHOLE = {
    "features/test_golden.py",  # all features against numbers of Kaldi
    "methods/test_identity_channel.py",  # identities from the sampler through every method, queue and loss
    "methods/test_training.py",  # methods inside the trainer, resumed and in two processes
    "report/test_page_in_browser.py",
    "test_mirror.py",
    "test_public_names.py",
    "test_rooms.py",
    "training/test_resume.py",  # a run that is stopped anywhere
}
SUBJECTS = ("docs", "faults", "recipes", "tools")


def expected() -> set[str]:
    modules = [path.relative_to(ROOT / "speakerssl") for path in (ROOT / "speakerssl").rglob("*.py")]
    return {path.with_name(f"test_{path.name}").as_posix() for path in modules if path.name != "__init__.py"}


def present() -> set[str]:
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    return {path.as_posix() for path in tests if path.parts[0] not in SUBJECTS}


def test_every_module_has_a_test_file() -> None:
    assert sorted(expected() - present()) == []


def test_every_test_file_is_of_a_module_or_of_the_whole() -> None:
    assert sorted(present() - expected() - WHOLE) == []


def test_the_list_holds_nothing_that_is_gone() -> None:
    assert sorted(WHOLE - present()) == []
