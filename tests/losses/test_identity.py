"""Who is a negative of whom: recording, partner, pseudo-labels, and what is unknown, against a loop of sets."""

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses.identity import Identity, excluded, identify, join, may_share_speaker, resolve


def random_identity(seed: int, count: int, width: int) -> Identity:
    generator = torch.Generator().manual_seed(seed)
    recordings, partners = (torch.randint(0, 12, (count,), generator=generator) for _ in range(2))
    return identify(recordings, partners, torch.randint(-1, 6, (count, width), generator=generator))


def slow(a: Identity, i: int, b: Identity, j: int) -> bool:
    own, other = int(a.recordings[i]), int(b.recordings[j])
    if own in (other, int(b.partners[j])) or other == int(a.partners[i]):
        return True
    first, second = a.pseudo_labels[i].tolist(), b.pseudo_labels[j].tolist()
    return (first[0] >= 0 and first[0] in second) or (second[0] >= 0 and second[0] in first)


@pytest.mark.parametrize("widths", [(1, 1), (3, 3), (1, 3)])
def test_equals_a_slow_loop_and_is_symmetric(widths: tuple[int, int]) -> None:
    a, b = random_identity(0, 20, widths[0]), random_identity(1, 30, widths[1])
    found = excluded(a, b)
    assert found.tolist() == [[slow(a, i, b, j) for j in range(30)] for i in range(20)]
    assert torch.equal(excluded(b, a), found.T)
    assert torch.equal(may_share_speaker(a, b[:20]), found[:, :20].diagonal())
    assert 0.2 < found.double().mean() < 0.8


def test_two_recordings_with_one_partner_are_negatives() -> None:
    """Each is excluded from its own partner; nothing is known of the two."""
    who = identify(torch.tensor([0, 1]), partners=torch.tensor([9, 9]))
    assert not excluded(who, who)[0, 1]


def test_no_pseudo_label_is_equal_to_no_other() -> None:
    who = identify(torch.arange(3), pseudo_labels=torch.tensor([-1, -1, 4]))
    assert torch.equal(excluded(who, who), torch.eye(3, dtype=torch.bool))


def test_joined_sets_of_labels_are_filled_up_with_none() -> None:
    both = join([random_identity(0, 4, 1), random_identity(1, 2, 3)])
    assert both.pseudo_labels.shape == (6, 3)
    assert (both.pseudo_labels[:4, 1:] == -1).all()


def test_unknown_recordings_differ_in_rows_and_processes_and_agree_in_views() -> None:
    views = torch.zeros(3, 2)
    (first, second), other = resolve(None, 2, views, rank=0), resolve(None, 1, views, rank=1)[0]
    assert torch.equal(first.recordings, second.recordings)
    assert len({*first.recordings.tolist(), *other.recordings.tolist()}) == 6
    assert max(first.recordings.max(), other.recordings.max()) < -1
    known = identify(torch.tensor([5, -1, 7]), partners=torch.tensor([-1, -1, 8]))
    (found,) = resolve(known, 1, views, rank=0)
    assert found.recordings[[0, 2]].tolist() == [5, 7]
    assert found.partners[[0, 2]].tolist() == [5, 8]
    assert found.recordings[1] == found.partners[1] == first.recordings[1]


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match=r"recordings must be 2 integers, one an item, got torch\.float32"):
        identify(torch.zeros(2))
    with pytest.raises(InputError, match="partners must be 2 integers"):
        identify(torch.arange(2), torch.arange(3))
    with pytest.raises(InputError, match=r"pseudo-labels must be 2 integers, one an item, got torch.int64 \[2, 0\]"):
        identify(torch.arange(2), pseudo_labels=torch.zeros(2, 0, dtype=torch.int64))
    with pytest.raises(InputError, match="identities must be those of 2 views of 3 items, got 3 items"):
        resolve([identify(torch.arange(3))], 2, torch.zeros(3, 2), rank=0)
