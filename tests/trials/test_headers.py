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
    assert set(LABELS.values()) == {0, 1}
    for target, nontarget in (("1", "0"), ("target", "nontarget"), ("true", "false"), ("same", "different")):
        assert (LABELS[target], LABELS[nontarget]) == (1, 0)
    assert all(word == word.lower() for word in LABELS)
