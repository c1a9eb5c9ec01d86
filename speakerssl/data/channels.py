"""Recordings of several channels as several recordings: two speakers of a telephone call are two."""

from collections.abc import Mapping
from dataclasses import replace

from speakerssl.data.audio import Recording
from speakerssl.data.kaldi import DataDir
from speakerssl.data.parallel import map_threads
from speakerssl.data.utterance import Utterance
from speakerssl.errors import InputError


def select_channel(data: DataDir, channel: int) -> DataDir:
    """`data` with one channel (from 0) of every recording in the place of the mean of all; ids stay."""
    return replace(data, recordings={key: replace(u, channel=channel) for key, u in data.recordings.items()})


def split_channels(data: DataDir) -> DataDir:
    """`data` with a recording for each channel: `call` of two channels becomes `call-0` and `call-1`.

    Recordings of one channel and segments that name a channel stay as they are, and so do those that cannot be
    read: `prepare` names them. Speakers are dropped, since nobody says who of them speaks in which channel.
    Raises InputError when an id would be given twice.
    """
    numbers = _channel_numbers(data.recordings)
    recordings: dict[str, Utterance] = {}
    for key, utterance in data.recordings.items():
        number = numbers.get(utterance.source, 1)
        if number == 1 or utterance.channel is not None:
            parts = {key: utterance}
        else:
            parts = {f"{key}-{c}": replace(utterance, id=f"{key}-{c}", channel=c) for c in range(number)}
        for part, channel in parts.items():
            if part in recordings:
                raise InputError(f"{data.path}: '{part}' is a recording and a channel of '{key}'; rename one")
            recordings[part] = channel
    split = len(recordings) > len(data.recordings)
    return replace(data, recordings=recordings, utt2spk=None, utt2dur={}, utt2session=None) if split else data


def _channel_numbers(recordings: Mapping[str, Utterance]) -> dict[str, int]:
    first = {u.source: u for u in recordings.values()}

    def count(utterance: Utterance) -> int:
        with Recording(utterance.source, utterance.where) as recording:
            return recording.channels

    answers = map_threads(count, list(first.values()), "counting channels")
    return {u.source: number for u, number in answers if isinstance(number, int)}
