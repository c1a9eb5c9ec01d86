"""Whether a run that goes on reads the recordings that it was begun with."""

from collections.abc import Sequence
from pathlib import Path

from speakerssl.data.utterance import Utterance
from speakerssl.data.views import AudioViews, ViewDataset
from speakerssl.io import remark
from speakerssl.resume import Identity, recording_difference
from speakerssl.training.checkpoint import list_checkpoints


def compare_recordings(output: Path, dataset: ViewDataset) -> None:
    """Leaves the state of every audio file in `output/identity.json` when a run begins; says later which are others.

    The run goes on all the same: what it has learned of a recording cannot be taken back, and whoever replaced a
    damaged file may well mean it. Shards and feature stores, which are written once, are not looked at.
    """
    utterances: Sequence[object] = dataset.utterances if isinstance(dataset, AudioViews) else ()
    if not (files := [one for one in utterances if isinstance(one, Utterance)]):
        return
    now, before = Identity.of(files, "stat", {}), Identity.read(output)
    if before is None or not list_checkpoints(output / "checkpoints"):
        now.write(output)
    elif difference := recording_difference(now.recordings, before.recordings):
        remark(f"{output}: {difference} since this run began; it goes on, but an undisturbed run would end otherwise")
