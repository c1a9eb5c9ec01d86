"""Where the work of a verb that maps over recordings runs: here, or as jobs of Slurm through `submitit`.

    with on_executor("slurm", {"slurm_partition": "cpu", "folder": "exp/jobs"}):
        ...  # every `processes.map_processes` inside submits jobs

Verbs know nothing of it: they call `map_processes`, which asks here. A job gets a share of the items, runs the
initializer and then the function over them, and leaves its results in `folder`, which all machines must see, as they
must see the recordings and the output. A job that is killed is submitted again.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speakerssl.errors import InputError, JobError, SpeakerSSLError, unknown_name

EXECUTORS = ("local", "slurm")
TRIES = 3  # of a job that dies
_NUMBERS = ("timeout_min", "mem_gb", "cpus_per_task", "slurm_array_parallelism")
_chosen: tuple[str, Mapping[str, str]] = ("local", {})


@contextmanager
def on_executor(name: str, options: Mapping[str, str] | None = None) -> Iterator[None]:
    """Inside the block work runs on the executor `name`.

    Args:
        options: of slurm: `folder` (jobs' files; default `speakerssl-jobs`), `cluster` (`slurm`, or `local` for
            submitit's own processes on this machine), and what `submitit.AutoExecutor.update_parameters` takes, such as
            `timeout_min`, `mem_gb`, `cpus_per_task` and `slurm_partition`.

    Raises:
        InputError: an unknown executor, a missing library, or `cluster=slurm` on a machine without `sbatch`.
    """
    global _chosen
    if name not in EXECUTORS:
        raise unknown_name("executor", name, EXECUTORS)
    if name == "slurm":
        _check(options or {})
    elif options:
        raise InputError("--executor local takes no --executor-option")
    before, _chosen = _chosen, (name, dict(options or {}))
    try:
        yield
    finally:
        _chosen = before


def elsewhere() -> bool:
    """Whether work is to run on another executor than `local`."""
    return _chosen[0] != "local"


def map_elsewhere(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    jobs: int,
    initializer: Callable[..., None],
    initargs: tuple[Any, ...],
) -> Iterator[Any]:
    """As `processes.map_processes`, in `jobs` jobs of the executor that was chosen.

    Raises what the function raises, and JobError where a job died `TRIES` times.
    """
    if not items:
        return
    executor = _submitit_executor(_chosen[1])
    shares = [items[begin :: min(jobs, len(items))] for begin in range(min(jobs, len(items)))]
    work = [_Share(function, share, initializer, initargs) for share in shares]
    with executor.batch():
        running = [executor.submit(one) for one in work]
    results = [_result(executor, job, one) for job, one in zip(running, work)]
    for number in range(len(items)):
        yield results[number % len(shares)][number // len(shares)]


class _Share:
    """What one job does: expected errors come back as values, so that they reach the person as they are."""

    def __init__(
        self, function: Callable[[Any], Any], items: Sequence[Any], initializer: Callable[..., None], initargs: Any
    ) -> None:
        self.function, self.items, self.initializer, self.initargs = function, list(items), initializer, initargs

    def __call__(self) -> list[Any] | SpeakerSSLError:
        try:
            self.initializer(*self.initargs)
            return [self.function(item) for item in self.items]
        except SpeakerSSLError as error:
            return error


def _result(executor: Any, job: Any, work: _Share) -> list[Any]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError, UncompletedJobError

    for left in reversed(range(TRIES)):
        try:
            found = job.result()
        except (FailedJobError, FailedSubmissionError, UncompletedJobError) as error:
            if not left:
                said = str(error).strip().splitlines()
                log = job.paths.stderr
                raise JobError(
                    f"job {job.job_id} failed {TRIES} times; see {log}: {said[-1] if said else ''}"
                ) from None
            job = executor.submit(work)
            continue
        if isinstance(found, SpeakerSSLError):
            raise found
        return list(found)
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
