"""Recordings that training must not see: those that validation trials were made from."""

from collections.abc import Collection
from pathlib import Path

from speakerssl.config import Config
from speakerssl.errors import InputError
from speakerssl.io import read_text

RECORDINGS = "recordings"  # in a validation data directory: the ids that its halves were cut from, one a line


def read_excluded(config: Config) -> set[str]:
    """The ids of `data.exclude`. Raises InputError where the file cannot be read."""
    path = config.data.exclude
    if path is None:
        return set()
    try:
        return set(read_text(path).split())
    except InputError as error:
        raise InputError(f"{error} (data.exclude, a list of recordings)") from None


def check_held_out(config: Config, ids: Collection[str]) -> None:
    """Raises InputError where training has validation trials and may hear the recordings that they are made from.

    `ids` are the recordings that training uses. A validation set that `speakerssl validation` made lists its own;
    for any other, that `data.exclude` is given has to do.
    """
    section = config.validation
    if (section.data is None) != (section.trials is None):
        raise InputError("validation: give both 'data' and 'trials', or neither")
    if section.data is None:
        if config.training.select == "best":
            raise InputError("training.select: 'best' needs validation trials: give validation.data and .trials")
        return
    listed = Path(section.data) / RECORDINGS
    if config.data.exclude is None:
        raise InputError(
            f"validation: 'data.exclude' is missing: training must not hear the recordings that the trials are made "
            f"from; `speakerssl validation` lists them in {listed}"
        )
    if listed.exists():
        heard = sorted(set(read_text(listed).split()) & set(ids))
        if heard:
            raise InputError(
                f"{listed}: {len(heard)} of these recordings are in the training data, such as '{heard[0]}'; "
                f"data.exclude ({config.data.exclude}) leaves them in"
            )
