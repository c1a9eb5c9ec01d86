#!/usr/bin/env bash
# Sets up .venv and runs the whole test suite: lint, format, types, tests.
#   tools/test.sh                 everything
#   tools/test.sh tests/losses    pytest arguments are passed on; lint and types are left out then
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
tools/setup.sh
export PATH=$root/.venv/bin:$PATH OMP_NUM_THREADS=1
if [ $# -eq 0 ]; then
  ruff check .
  ruff format --check .
  mypy
fi
exec python -m pytest "$@"
