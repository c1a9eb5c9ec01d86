"""What one job or task does: the same on every engine."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from speakerssl.errors import InputError, SpeakerSSLError

TRIES = 3  # of a job that dies
_OURS = "SPEAKERSSL_"  # environment variables of the package, such as the permission to run commands


class Share:
    """Runs the initializer and then the function over a share of the items, with the caller's folder and settings.

    Relative paths mean the folder that the verb was started in. Expected errors come back as values, so that they reach
    the person as they are. Another task may follow in the same process: the environment is put back.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        items: Sequence[Any],
        initializer: Callable[..., None],
        initargs: tuple[Any, ...],
    ) -> None:
        self.function, self.items, self.initializer, self.initargs = function, list(items), initializer, initargs
        self.folder, self.settings = os.getcwd(), _settings()

    def __call__(self) -> list[Any] | SpeakerSSLError:
        try:
            with _as_caller(self.folder, self.settings):
                self.initializer(*self.initargs)
                return [self.function(item) for item in self.items]
        except SpeakerSSLError as error:
            return error


def result_of(found: list[Any] | SpeakerSSLError) -> list[Any]:
    """What a share gave back. Raises its error."""
    if isinstance(found, SpeakerSSLError):
        raise found
    return list(found)


@contextmanager
def _as_caller(folder: str, settings: dict[str, str]) -> Iterator[None]:
    before, home = _settings(), os.getcwd()
    _apply(settings)
    try:
        try:
            os.chdir(folder)
        except OSError as error:
            raise InputError(
                f"{folder}: a machine of the executor cannot enter it ({error.strerror}); start the verb in a folder "
                "that all machines see"
            ) from None
        yield
    finally:
        _apply(before)
        os.chdir(home)


def _settings() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith(_OURS)}


def _apply(settings: dict[str, str]) -> None:
    for key in _settings().keys() - settings.keys():
        del os.environ[key]
    os.environ.update(settings)
