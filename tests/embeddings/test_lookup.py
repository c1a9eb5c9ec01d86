"""Rows of many ids at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerssl.embeddings.lookup import IdTable
from speakerssl.embeddings.storage import Embeddings
from speakerssl.errors import InputError


def test_many_ids_are_found_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(f"é{i % 977}/" + "x" * int(n) + str(i) for i, n in enumerate(rng.integers(0, 30, 5000))))
    embeddings = Embeddings(names, np.zeros((len(names), 1), np.float32), "a.npz")
    wanted = [names[i] for i in rng.integers(0, len(names), 30_000)]
    np.testing.assert_array_equal(embeddings.index(wanted), [embeddings.rows[name] for name in wanted])
    with pytest.raises(InputError, match=r"a.npz: no embedding for 'x0' \(and 1 more\)"):
        embeddings.index([*wanted, "x0", names[0], names[3][:-1]])
    monkeypatch.setattr("speakerssl.embeddings.storage.MANY", 0)
    odd = Embeddings(["", "a\nb", "b"], np.zeros((3, 1), np.float32))
    np.testing.assert_array_equal(odd.index(["b", "", "a\nb", "b"]), [2, 0, 1, 2])
    assert odd.index([]).shape == (0,)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=6), max_size=40, unique=True), st.lists(st.text(max_size=6), max_size=40))
def test_the_table_is_a_dictionary(ids: list[str], wanted: list[str]) -> None:
    places = {name: place for place, name in enumerate(ids)}
    asked = wanted + ids[::-1]
    assert IdTable(ids).find(asked).tolist() == [places.get(name, -1) for name in asked]
