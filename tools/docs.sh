#!/usr/bin/env bash
# Builds the documentation; every warning is an error.
#   tools/docs.sh                      into exp/site; open exp/site/index.html
#   tools/docs.sh --site-dir /tmp/site into another folder
#   tools/docs.sh --serve              at http://127.0.0.1:8000, again after every change
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
tools/setup.sh
# The theme warns, in colours, of a future major version that setup.cfg excludes.
export NO_MKDOCS_2_WARNING=true OMP_NUM_THREADS=1
if [ "${1:-}" = --serve ]; then
  exec .venv/bin/mkdocs serve "${@:2}"
fi
exec .venv/bin/mkdocs build --strict --clean "$@"
