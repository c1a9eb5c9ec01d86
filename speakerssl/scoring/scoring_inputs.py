"""What a trial list is scored from, read once: embeddings of both sides and the models that enrolments are made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from speakerssl.embeddings.storage import Embeddings, read_embeddings
from speakerssl.errors import InputError, unknown_name
from speakerssl.scoring.enrolment import EnrolmentModels, read_enrolment, read_num_utts
from speakerssl.trials.id_differences import strip_suffix

AVERAGES = ("embeddings", "scores")


@dataclass(frozen=True)
class InputFiles:
    """Paths of the embeddings of the test side and, where they are other ones, of the enrolment side.

    Enrolments are recordings, or models of several recordings (`enrol_models`, a Kaldi spk2utt, combined by `average`
    of AVERAGES), or averages already, of as many recordings as `num_utts` says. The endings `strip_suffix` are dropped
    from all ids.
    """

    embeddings: str
    enrol_embeddings: str | None = None
    enrol_models: str | None = None
    average: str = "embeddings"
    num_utts: str | None = None
    strip_suffix: Sequence[str] = ()


@dataclass(frozen=True)
class ScoringInputs:
    """What `InputFiles` hold. `enrol` is None where enrolments are embeddings of `test`."""

    test: Embeddings
    enrol: Embeddings | None = None
    models: EnrolmentModels | None = None
    average: str = "embeddings"
    num_utts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.average not in AVERAGES:
            raise unknown_name("way to average", self.average, AVERAGES)
        if self.enrol is not None and self.enrol.dim != self.test.dim:
            raise InputError(
                f"{self.enrol.path}: embeddings of {self.enrol.dim} numbers, but {self.test.dim} in {self.test.path}"
            )

    @property
    def enrol_side(self) -> Embeddings:
        """The embeddings in which enrolments, or the recordings of their models, are found."""
        return self.test if self.enrol is None else self.enrol


def read_inputs(files: InputFiles) -> ScoringInputs:
    """Reads `files`. Raises InputError for a file that is wrong, or two that contradict each other."""
    if files.num_utts and (files.enrol_models or not files.enrol_embeddings):
        raise InputError("--num-utts counts the recordings in each average of --enrol-embeddings; give that alone")
    suffixes = files.strip_suffix
    models = read_enrolment(files.enrol_models) if files.enrol_models else None
    counts = read_num_utts(files.num_utts) if files.num_utts else {}
    return ScoringInputs(
        read_stripped(files.embeddings, suffixes),
        read_stripped(files.enrol_embeddings, suffixes) if files.enrol_embeddings else None,
        models.without_suffixes(suffixes) if models is not None else None,
        files.average,
        {strip_suffix(name, suffixes): count for name, count in counts.items()},
    )


def read_stripped(path: str, suffixes: Sequence[str]) -> Embeddings:
    """Embeddings, the endings `suffixes` dropped from their ids. Raises InputError where that makes two ids one."""
    found = read_embeddings(path)
    if not suffixes:
        return found
    ids = [strip_suffix(name, suffixes) for name in found.ids]
    if len(set(ids)) != len(ids):
        twice = next(name for name, count in Counter(ids).items() if count > 1)
        raise InputError(f"{path}: two ids are '{twice}' without their endings; see --strip-suffix")
    return Embeddings(ids, found.matrix, found.path)
