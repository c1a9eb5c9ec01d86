"""Lengths of utterances from the headers of their recordings, each recording looked at once."""

from collections.abc import Callable, Iterator, Sequence

from speakerssl.data.audio import Recording
from speakerssl.data.parallel import map_threads
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
    by_source: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        by_source.setdefault(utterance.source, []).append(utterance)

    def measure(source: str) -> tuple[float, int]:
        of_source = by_source[source]
        with Recording(source, of_source[0].where) as recording:
            samples, rate = look(recording)
            channels = recording.channels if any(u.channel is not None for u in of_source) else 0
        return samples / rate, channels

    for source, answer in map_threads(measure, list(by_source), description):
        for utterance in by_source[source]:
            if isinstance(answer, InputError):
                yield utterance, answer
                continue
            try:
                yield utterance, utterance.extent(*answer)
            except InputError as error:
                yield utterance, error
