#!/usr/bin/env bash
# A verb that maps over recordings as jobs of Slurm, started on a login node:
#   recipes/slurm/map.sh extract --model exp/run --data data/test --output exp/run/test --jobs 50
# PARTITION, MINUTES, MEM_GB and CPUS say what a job asks for.
set -euo pipefail
exec speakerssl "$@" --executor slurm \
  --executor-option "folder=${JOBS_DIR:-slurm-jobs}" \
  --executor-option "timeout_min=${MINUTES:-720}" \
  --executor-option "mem_gb=${MEM_GB:-8}" \
  --executor-option "cpus_per_task=${CPUS:-1}" \
  ${PARTITION:+--executor-option "slurm_partition=$PARTITION"}
