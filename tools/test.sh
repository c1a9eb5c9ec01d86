#!/usr/bin/env bash
# Sets up .venv and runs the whole test suite: lint, format, types, tests.
#   tools/test.sh                 everything
#   tools/test.sh tests/losses    pytest arguments are passed on; lint and types are left out then
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
tools/setup.sh
export PATH=$root/.venv/bin:$PATH OMP_NUM_THREADS=1
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then
  # The report page is tested in a real browser; without one those tests skip and say so.
  (apt-get update && apt-get install -y --no-install-recommends chromium) >/dev/null 2>&1 ||
    echo "test.sh: chromium could not be installed; the browser tests will be skipped" >&2
fi
if [ $# -eq 0 ]; then
  ruff check .
  ruff format --check .
  mypy
  # One process a core (one thread each is faster than two threads on two cores); a process out of work takes over
  # tests of another. The slowest tests are listed, for whoever has to keep the suite short.
  set -- --numprocesses auto --maxprocesses 4 --dist worksteal --durations 20
fi
exec python -m pytest "$@"
