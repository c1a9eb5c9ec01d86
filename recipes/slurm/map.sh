#!/usr/bin/env bash
# A verb that maps over recordings as jobs of Slurm, started on a login node:
#   recipes/slurm/map.sh extract --model exp/run --data data/test --output exp/run/test --jobs 50
# PARTITION, MINUTES, MEM_GB and CPUS say what a job asks for.
set -euo pipefail
exec speakerssl "$@" --engine slurm \
  --engine-option "folder=${JOBS_DIR:-slurm-jobs}" \
  --engine-option "timeout_min=${MINUTES:-720}" \
  --engine-option "mem_gb=${MEM_GB:-8}" \
  --engine-option "cpus_per_task=${CPUS:-1}" \
  ${PARTITION:+--engine-option "slurm_partition=$PARTITION"}
