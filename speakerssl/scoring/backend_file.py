"""The back-end that a job names: its file, and the mean that is subtracted first."""

from dataclasses import dataclass

from speakerssl.errors import InputError
from speakerssl.scoring.backend import Backend, load_backend
from speakerssl.scoring.centring import centring_mean
from speakerssl.scoring.scoring_inputs import ScoringInputs
from speakerssl.trials.trial_list import Trials


@dataclass(frozen=True)
class BackendFile:
    """The back-end of a job: its file (None: cosine), the PLDA's length normalization, and what is subtracted first."""

    path: str | None = None
    plda_normalization: str | None = None
    center: str | None = None

    def load(self) -> Backend:
        """The back-end, not yet centred. Raises InputError (see `load_backend`)."""
        if self.path is None:
            if self.plda_normalization is not None:
                raise InputError("--plda-normalization is of the PLDA of a --backend; give that too")
            return Backend()
        return load_backend(self.path, self.plda_normalization)

    def centred(self, backend: Backend, trials: Trials, inputs: ScoringInputs) -> Backend:
        """The `backend` that also subtracts what `center` asks for on this list."""
        return backend if self.center is None else backend.centred(centring_mean(self.center, trials, inputs))
