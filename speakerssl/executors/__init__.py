"""Where the work of a verb that maps over recordings runs: here, as jobs of Slurm, or as tasks of a Ray cluster.

    with on_executor("slurm", {"slurm_partition": "cpu", "folder": "exp/jobs"}):
        ...  # every `processes.map_processes` inside submits jobs

Verbs know nothing of it: they call `processes.map_processes` or `data.parallel.map_recordings`, which ask here.
`choice` says which executor, `share` what one job or task does; `slurm` and `ray_cluster` are all that is known of the
two engines.
"""

from speakerssl.executors.choice import DEFAULT_JOBS, EXECUTORS, elsewhere, map_elsewhere, on_executor

__all__ = ["DEFAULT_JOBS", "EXECUTORS", "elsewhere", "map_elsewhere", "on_executor"]
