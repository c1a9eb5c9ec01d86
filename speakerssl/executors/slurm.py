"""Jobs of Slurm, through `submitit`, which leaves their results in a folder that all machines see."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speakerssl.errors import InputError, JobError, unknown_name
from speakerssl.executors.share import TRIES, Share, result_of

_NUMBERS = ("timeout_min", "mem_gb", "cpus_per_task", "slurm_array_parallelism")


class Slurm:
    """An executor; see `choice.Executor`.

    Args:
        options: `folder` (jobs' files; default `speakerssl-jobs`), `cluster` (`slurm`, or `local` for submitit's own
            processes on this machine), and what `submitit.AutoExecutor.update_parameters` takes, such as
            `timeout_min`, `mem_gb`, `cpus_per_task` and `slurm_partition`.

    Raises:
        InputError: submitit is missing, a wrong option, or `cluster=slurm` on a machine without `sbatch`.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        _check(options)
        self.options = options

    def run(self, shares: Sequence[Share]) -> Iterator[list[Any]]:
        executor = _submitit_executor(self.options)
        with executor.batch():
            running = [executor.submit(one) for one in shares]
        try:
            for job, one in zip(running, shares):
                yield _result(executor, job, one)
        finally:
            for job in running:  # after an error some are still at work
                if not job.done():
                    job.cancel()

    def close(self) -> None:
        """Jobs are over when their results are there."""


def _result(executor: Any, job: Any, work: Share) -> list[Any]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

    for left in reversed(range(TRIES)):
        try:
            return result_of(job.result())
        except (FailedJobError, FailedSubmissionError, UncompletedJobError) as error:
            if not left:
                said = str(error).strip().splitlines()
                log = job.paths.stderr
                raise JobError(
                    f"job {job.job_id} failed {TRIES} times; see {log}: {said[-1] if said else ''}"
                ) from None
            job = executor.submit(work)
    raise AssertionError


def _check(options: Mapping[str, str]) -> None:
    try:
        import submitit  # noqa: F401
    except ImportError:
        raise InputError("--executor slurm: needs submitit: pip install speakerssl[cluster]") from None
    cluster = options.get("cluster", "slurm")
    if cluster not in ("slurm", "local"):
        raise unknown_name("cluster", cluster, ("slurm", "local"))
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise InputError("--executor slurm: this machine has no sbatch; start it on a login node of the cluster")
    for key in _NUMBERS:
        if key in options and not options[key].isdigit():
            raise InputError(f"--executor-option {key}={options[key]}: must be a whole number")


def _submitit_executor(options: Mapping[str, str]) -> Any:
    import submitit

    given: dict[str, Any] = dict(options)
    folder = Path(given.pop("folder", "speakerssl-jobs"))
    executor = submitit.AutoExecutor(folder=os.path.abspath(folder), cluster=given.pop("cluster", "slurm"))
    given.update({key: int(given[key]) for key in _NUMBERS if key in given})
    try:
        executor.update_parameters(**{"timeout_min": 24 * 60, **given})
    except (NameError, TypeError, ValueError, AssertionError) as error:
        raise InputError(f"--executor-option: {str(error).splitlines()[0]}") from None
    return executor
