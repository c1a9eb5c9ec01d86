"""The nearest speakers: exactly, and through the compressed index."""

from pathlib import Path

import numpy as np
import pytest

from speakerssl.gallery import search

DIM = 32


def test_the_compressed_index_gives_what_comparing_all_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT_BELOW", 1500)
    monkeypatch.setattr(search, "RERANKED", 200)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((2000, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids, nobody = np.arange(2000), np.zeros(0, np.int64)
    kept = search.SpeakerSearch(tmp_path / "g.index")
    kept.update(ids, vectors, nobody)
    assert kept._index is not None
    changed = np.array([5, 700])
    for place in range(2):
        vectors[changed[place]] = vectors[10 + place]  # a tie with another speaker
    kept.update(changed, vectors[changed], np.array([3, 4]))
    alive = np.setdiff1d(ids, [3, 4])
    again = search.SpeakerSearch(tmp_path / "g.index")
    again.update(ids, vectors, nobody)  # reads the file
    for query in [*(vectors[:60] + 0.3 * rng.standard_normal((60, DIM)) / DIM**0.5), vectors[10]]:
        query = (query / np.linalg.norm(query)).astype(np.float32)
        scores = vectors[alive] @ query
        order = np.lexsort((alive, -scores))[:3]
        found, cosines = kept.nearest(query, 3)
        np.testing.assert_array_equal(found, alive[order])
        np.testing.assert_allclose(cosines, scores[order], atol=1e-6)


def test_a_new_process_takes_the_kept_index_and_searches_the_changes_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "EXACT_BELOW", 500)
    rng, nobody = np.random.default_rng(0), np.zeros(0, np.int64)
    vectors = rng.standard_normal((1000, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    search.SpeakerSearch(tmp_path / "g.index").update(np.arange(980), vectors[:980], nobody)
    built = []
    monkeypatch.setattr(search.SpeakerSearch, "_build", lambda _: built.append(1))
    vectors[40] = vectors[999]  # 20 new ones, one changed, one gone
    ids = np.setdiff1d(np.arange(1000), [7])
    again = search.SpeakerSearch(tmp_path / "g.index")
    again.update(ids, vectors[ids], nobody)
    assert not built
    np.testing.assert_array_equal(again._fresh, [40, *range(980, 1000)])
    for one in (3, 40, 985, 999):
        found, scores = again.nearest(vectors[one], 1)
        assert found[0] == (40 if one == 999 else one)
        assert scores[0] == pytest.approx(1.0, abs=1e-5)
    assert again.nearest(vectors[7], 1)[0][0] != 7
    more = search.SpeakerSearch(tmp_path / "g.index")
    more.update(np.arange(1000), np.roll(vectors, 1, axis=0), nobody)
    assert built == [1]  # too much has changed


def test_a_stale_index_file_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "EXACT_BELOW", 100)
    rng, nobody = np.random.default_rng(0), np.zeros(0, np.int64)
    first, second = rng.standard_normal((2, 600, DIM)).astype(np.float32)
    one = search.SpeakerSearch(tmp_path / "g.index")
    one.update(np.arange(600), first, nobody)
    two = search.SpeakerSearch(tmp_path / "g.index")
    two.update(np.arange(600), second, nobody)
    np.testing.assert_array_equal(two.nearest(second[7] / np.linalg.norm(second[7]), 1)[0], [7])
    (tmp_path / "g.index").write_bytes(b"cut")
    three = search.SpeakerSearch(tmp_path / "g.index")
    three.update(np.arange(600), second, nobody)
    np.testing.assert_array_equal(three.nearest(second[7] / np.linalg.norm(second[7]), 1)[0], [7])


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def test_few_speakers_are_compared_one_by_one() -> None:
    rng, none = np.random.default_rng(0), np.zeros(0, np.int64)
    vectors, found = unit(rng.standard_normal((20, DIM))), search.SpeakerSearch()
    assert found.nearest(vectors[0], 3)[0].tolist() == []
    found.update(np.arange(20)[::-1], vectors[::-1], none)  # in any order
    assert len(found) == 20
    for query in vectors:
        ids, scores = found.nearest(query, 4)
        expected = sorted(range(20), key=lambda row: -float(vectors[row] @ query))[:4]
        assert ids.tolist() == expected
        np.testing.assert_allclose(scores, [vectors[row] @ query for row in expected], atol=1e-6)


def test_changed_and_removed_speakers() -> None:
    rng, none = np.random.default_rng(0), np.zeros(0, np.int64)
    vectors, found = unit(rng.standard_normal((5, DIM))), search.SpeakerSearch()
    found.update(np.arange(4), vectors[:4], none)
    found.update(np.array([2, 9]), vectors[[4, 0]], np.array([0]))
    assert sorted(found.ids.tolist()) == [1, 2, 3, 9]
    assert found.nearest(vectors[4], 1)[0].tolist() == [2]
    assert found.nearest(vectors[0], 1)[0].tolist() == [9]
    found.update(none, np.zeros((0, DIM), np.float32), np.array([1, 2, 3, 9]))
    assert len(found) == 0
