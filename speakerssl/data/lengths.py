"""Lengths of utterances from the headers of their recordings, each recording looked at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from speakerssl.data.audio import Recording
from speakerssl.data.parallel import map_recordings, map_threads
from speakerssl.data.utterance import Utterance
from speakerssl.errors import InputError

Look = Callable[[Recording], tuple[int, int]]


def read_lengths(
    utterances: Sequence[Utterance], look: Look = Recording.length, description: str = "reading headers"
) -> Iterator[tuple[Utterance, float | InputError]]:
    """Yields each utterance with its seconds, or with the error that tells why it has none; by recording.

    Args:
        look: what is done with each opened recording; gives its number of samples and its rate.
        description: stands before the progress bar.
    """
    by_source = _by_source(utterances)
    return _extents(by_source, map_threads(_Measure(look), list(map(_Whole.of, by_source.values())), description))


def check_lengths(
    utterances: Sequence[Utterance], look: Look, description: str, jobs: int
) -> Iterator[tuple[Utterance, float | InputError]]:
    """`read_lengths` where a look is work: by `jobs` threads, or jobs of another executor."""
    by_source = _by_source(utterances)
    wholes = list(map(_Whole.of, by_source.values()))
    return _extents(by_source, map_recordings(_Measure(look), wholes, description, jobs))


class _Whole(NamedTuple):
    """A recording to look at, and whether the number of its channels is asked for."""

    source: str
    where: str
    channels: bool

    @classmethod
    def of(cls, utterances: Sequence[Utterance]) -> "_Whole":
        first = utterances[0]
        return cls(first.source, first.where, any(u.channel is not None for u in utterances))


class _Measure:
    """Seconds of a recording, and its channels where they are asked for (else 0)."""

    def __init__(self, look: Look) -> None:
        self.look = look

    def __call__(self, whole: _Whole) -> tuple[float, int]:
        with Recording(whole.source, whole.where) as recording:
            samples, rate = self.look(recording)
            return samples / rate, recording.channels if whole.channels else 0


def _by_source(utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    by_source: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        by_source.setdefault(utterance.source, []).append(utterance)
    return by_source


def _extents(
    by_source: Mapping[str, list[Utterance]], answers: Iterable[tuple[_Whole, tuple[float, int] | InputError]]
) -> Iterator[tuple[Utterance, float | InputError]]:
    for whole, answer in answers:
        for utterance in by_source[whole.source]:
            if isinstance(answer, InputError):
                yield utterance, answer
                continue
            try:
                yield utterance, utterance.extent(*answer)
            except InputError as error:
                yield utterance, error
