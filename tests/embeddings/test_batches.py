"""Length-bucketed batches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speakerssl.embeddings.batches import length_batches


@given(st.lists(st.floats(0.1, 100), max_size=40), st.floats(1, 200))
def test_all_once_longest_first_and_within_the_limit(seconds: list[float], limit: float) -> None:
    durations = {f"u{number}": value for number, value in enumerate(seconds)}
    batches = length_batches(durations, limit)
    order = [key for batch in batches for key in batch]
    assert sorted(order) == sorted(durations)
    assert [durations[key] for key in order] == sorted(seconds, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * durations[batch[0]] <= limit


def test_the_order_of_the_input_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    durations = {f"u{number}": float(rng.integers(1, 5)) for number in range(50)}
    shuffled = dict(sorted(durations.items(), key=lambda item: item[0][::-1]))
    assert length_batches(durations, 10) == length_batches(shuffled, 10)
