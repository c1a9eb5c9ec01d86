"""Who speaks in a trial: from a Kaldi `utt2spk`, or from ids that begin with the speaker as VoxCeleb's do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.errors import InputError
from speakerssl.trials.id_differences import explain_mismatch, strip_suffix
from speakerssl.trials.text_table import TextTable
from speakerssl.trials.trial_list import Trials


@dataclass(frozen=True)
class TrialSpeakers:
    """`names` [S], and the speaker of each trial's two sides as int32 [N] into them."""

    names: list[str]
    enrol: np.ndarray
    test: np.ndarray

    def select(self, rows: np.ndarray) -> "TrialSpeakers":
        """The speakers of the trials at `rows`."""
        return TrialSpeakers(self.names, self.enrol[rows], self.test[rows])


def read_utt2spk(path: str | Path) -> dict[str, str]:
    """Reads a two-column file (`utt2spk`, or any `utt2<attribute>`). Raises InputError naming the odd line."""
    table = TextTable(path)
    if table.columns != 2:
        raise InputError(f"{path}:{table.line(0)}: {table.columns} columns; expected 'recording speaker'")
    (ids, id_index), (values, value_index) = table.read([0, 1])[0]
    if len(ids) != len(id_index):
        row = int(np.flatnonzero(np.bincount(id_index)[id_index] > 1)[1])
        raise InputError(f"{path}:{table.line(row)}: '{table.token(row, 0)}' stands twice")
    return dict(zip(ids, [values[i] for i in value_index.tolist()]))


def strip_utt2spk(utt2spk: dict[str, str] | None, suffixes: Sequence[str]) -> dict[str, str] | None:
    """The table with `suffixes` dropped from its recordings, to go with trials that lost theirs."""
    if utt2spk is None or not suffixes:
        return utt2spk
    return {strip_suffix(name, suffixes): speaker for name, speaker in utt2spk.items()}


def trial_speakers(trials: Trials, utt2spk: dict[str, str] | None = None) -> TrialSpeakers:
    """The speakers of both sides of each trial.

    With `utt2spk`, an id that is not there may itself be a speaker's name (an enrolment model). Without it, an id's
    first path part is its speaker (`id10270/x6uYqmx31kE/00001.wav`). Raises InputError for an id of no known speaker,
    and where the labels say that the path parts are something else.
    """
    number: dict[str, int] = {}
    speakers = set(utt2spk.values()) if utt2spk is not None else set()
    if utt2spk is not None and not any(name in utt2spk or name in speakers for name in trials.enrol_ids):
        raise InputError(
            f"{trials.path}: none of its enrolments is in the utt2spk file: "
            f"{explain_mismatch(trials.enrol_ids, utt2spk)}"
        )
    sides = []
    for ids, index in ((trials.enrol_ids, trials.enrol_index), (trials.test_ids, trials.test_index)):
        names = [speaker_of(name, utt2spk, speakers, trials.path) for name in ids]
        sides.append(np.array([number.setdefault(name, len(number)) for name in names], np.int32)[index])
    found = TrialSpeakers(list(number), *sides)
    if utt2spk is None and trials.labels is not None:
        _check_against_labels(trials, trials.labels, found)
    return found


def _check_against_labels(trials: Trials, labels: np.ndarray, found: TrialSpeakers) -> None:
    """A folder of any other kind would put the two sides of many target trials into two places."""
    targets = np.flatnonzero(labels)
    apart = targets[found.enrol[targets] != found.test[targets]]
    if len(apart) > 0.01 * len(targets):
        enrol, test = trials.pair(int(apart[0]))
        raise InputError(
            f"{trials.path}: '{enrol} {test}' is a target trial, so ids do not begin with the speaker; "
            "give a file with --utt2spk"
        )


def speaker_of(name: str, utt2spk: dict[str, str] | None, speakers: set[str], path: str = "trials") -> str:
    """The speaker of one id. Raises InputError where it cannot be told."""
    if utt2spk is not None:
        if name in utt2spk:
            return utt2spk[name]
        if name in speakers:
            return name
        raise InputError(f"{path}: the speaker of '{name}' is not in the utt2spk file")
    speaker, slash, _ = name.partition("/")
    if not slash or not speaker:
        raise InputError(f"{path}: the speaker of '{name}' cannot be told from its id; give a file with --utt2spk")
    return speaker
