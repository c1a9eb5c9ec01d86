"""The executor is chosen for a block, and wrong choices are said at once."""

import pytest

from speakerssl.errors import InputError
from speakerssl.executors import elsewhere, on_executor


def test_local_is_nothing_else_and_takes_no_options() -> None:
    with on_executor("local"):
        assert not elsewhere()
    with pytest.raises(InputError, match="takes no --executor-option"), on_executor("local", {"mem_gb": "1"}):
        pass


def test_an_unknown_executor_lists_the_known_ones() -> None:
    said = "unknown executor 'cloud'; the known ones are: local, ray, slurm"
    with pytest.raises(InputError, match=said), on_executor("cloud"):
        pass
