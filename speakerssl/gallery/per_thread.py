"""A place with a connection for every thread and process: it may be shared among threads, and pickled."""

import threading


class PerThreadConnections:
    """Keeps `path` and, in `_local.connection`, what the running thread has opened there.

    A copy in another process knows the path alone, and opens its own connections.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()

    def __getstate__(self) -> dict[str, str]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.path = state["path"]
        self._local = threading.local()

    def close(self) -> None:
        """Closes this thread's connection; the next call opens another."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            del self._local.connection
