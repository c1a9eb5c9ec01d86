"""Connections of a thread's own."""

import pickle
import threading

from speakerssl.gallery.per_thread import PerThreadConnections


class Connection:
    """Counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_thread_closes_its_own_connection_alone() -> None:
    store, mine, other = PerThreadConnections("a.db"), Connection(), Connection()
    store._local.connection = mine

    def in_another_thread() -> None:
        assert not hasattr(store._local, "connection")
        store._local.connection = other
        store.close()

    thread = threading.Thread(target=in_another_thread)
    thread.start()
    thread.join()
    assert (mine.closed, other.closed) == (0, 1)
    store.close()
    store.close()  # nothing is open any more
    assert mine.closed == 1


def test_a_copy_knows_the_path_alone() -> None:
    store = PerThreadConnections("a.db")
    store._local.connection = Connection()
    copy = pickle.loads(pickle.dumps(store))
    assert copy.path == "a.db"
    assert not hasattr(copy._local, "connection")
