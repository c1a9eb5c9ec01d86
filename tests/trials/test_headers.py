"""Headers of other tools, and words for target and non-target."""

import pytest

from speakerssl.trials.headers import ENROL, LABEL, LABELS, NAMES, OTHER, ROLES, SCORE, TEST, header_roles


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["enroll", "test", "label"], [ENROL, TEST, LABEL]),
        (["Model-ID", "Segment ID", "targettype"], [ENROL, TEST, LABEL]),
        (["utt1", "utt2", "cosine_score"], [ENROL, TEST, SCORE]),
        (["score", "label"], [SCORE, LABEL]),
        (["enrol", "test", "weather", "score"], [ENROL, TEST, OTHER, SCORE]),
        (["enrol", "test", "enrollment"], [ENROL, TEST, OTHER]),  # a second one of a role says nothing
        (["id10270/a", "id10271/b"], None),
        (["enrol", "score"], None),
        (["enrol", "test", "0.5"], None),  # a number: the first line of the data
    ],
)
def test_roles(names: list[str], roles: list[str] | None) -> None:
    assert header_roles(names) == roles


def test_no_name_has_two_roles() -> None:
    assert len(ROLES) == sum(len(set(names.split())) for names in NAMES.values())


def test_words_for_targets_and_non_targets_come_in_pairs() -> None:
    pairs = ["1 0", "target nontarget", "true false", "same different", "+1 -1", "1.0 0.0", "1e0 0e0", "mated nonmated"]
    for pair in pairs:
        target, nontarget = pair.split()
        assert (LABELS.get(target), LABELS.get(nontarget)) == (1, 0)
        assert target in LABELS
    assert set(LABELS.values()) == {0, 1}


@pytest.mark.parametrize("word", ["2", "0.5", "-0", "-0.0", "1_0", "nan", "inf", "", "t"])
def test_words_that_are_no_label(word: str) -> None:
    assert word not in LABELS
    assert LABELS.get(word, -1) == -1
