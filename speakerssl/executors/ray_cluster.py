"""Tasks of a Ray cluster that is there already (`ray start`, or a cloud's or Kubernetes' own)."""

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from speakerssl.errors import InputError, JobError, one_line, unknown_name
from speakerssl.executors.share import TRIES, Share, result_of

_OPTIONS = ("address", "cpus_per_task", "gpus_per_task", "mem_gb")


class RayCluster:
    """An executor; see `choice.Executor`. A task whose process or machine is lost runs again on another.

    Args:
        options: `address` (HOST:PORT of the head; default: RAY_ADDRESS, or the cluster that this machine is part of),
            and what a task takes of a machine: `cpus_per_task` (1), `gpus_per_task` (0), `mem_gb`.

    Raises:
        InputError: ray is missing, a wrong option, or no cluster answers at the address.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self.needs = _needs(options)
        try:
            import ray
        except ImportError:
            raise InputError("--executor ray: needs ray: pip install speakerssl[ray]") from None
        self._connected = not ray.is_initialized()  # a program's own connection is used, and left to it
        if self._connected:
            _connect(options.get("address", "auto"))

    def run(self, shares: Sequence[Share]) -> Iterator[list[Any]]:
        import ray
        from ray.exceptions import RayError, RayTaskError

        remote: Any = ray.remote  # by its types, options are one by one
        task = remote(max_retries=TRIES - 1, **self.needs)(_run)
        waiting = deque(task.remote(share) for share in shares)
        try:
            while waiting:
                done = waiting.popleft()
                found = result_of(ray.get(done))
                del done  # the cluster forgets a result that nobody knows of
                yield found
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            said = one_line(str(error).strip().split("\n")[0])
            raise JobError(f"a task was lost {TRIES} times, or its result: {said}") from None
        finally:
            self._end(list(waiting))

    def _end(self, tasks: list[Any]) -> None:
        """After an error some are still at work. With a connection of our own they end when it does (`close`).

        Cancelling is for those of a program's own connection alone: Ray ends the whole program where a task is done
        while it is cancelled ("Tried to complete task that was not pending", seen with 2.60).
        """
        import ray

        if tasks and not self._connected:
            for one in ray.wait(tasks, num_returns=len(tasks), timeout=0)[1]:
                ray.cancel(one, force=True)

    def close(self) -> None:
        import ray

        if self._connected:
            ray.shutdown()


def _run(share: Share) -> Any:
    return share()


def _connect(address: str) -> None:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise InputError(
            f"--executor ray: no cluster answers at {address} ({one_line(str(error))[:80]}); start one with "
            "`ray start --head`, or name it with --executor-option address=HOST:PORT"
        ) from None


def _needs(options: Mapping[str, str]) -> dict[str, float]:
    """The resources of a task in Ray's words. Raises InputError."""
    for key in options:
        if key not in _OPTIONS:
            raise unknown_name("--executor-option of ray", key, _OPTIONS)
    numbers = {}
    for key in _OPTIONS[1:]:
        try:
            numbers[key] = float(options.get(key, "1" if key == "cpus_per_task" else "0"))
        except ValueError:
            raise InputError(f"--executor-option {key}={options[key]}: must be a number") from None
    needs = {"num_cpus": numbers["cpus_per_task"], "num_gpus": numbers["gpus_per_task"]}
    return {**needs, "memory": numbers["mem_gb"] * 2**30} if numbers["mem_gb"] else needs
