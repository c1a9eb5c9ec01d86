#!/usr/bin/env bash
# One run: train_one.sh ROW-sSEED EXP VALID CONF STEPS. What a row sets stands in conf/rows.yaml; `untrained` is CONF's
# encoder at its random start.
set -euo pipefail
system=$1 exp=$2 valid=$3 conf=$4 steps=$5
row=${system%-s*} seed=${system##*-s}
settings=(--set training.seed="$seed" --set training.steps="$steps" --set data.store="[$exp/store]"
  --set validation.data="$valid" --set validation.trials="$valid/trials")
if [ "$row" = untrained ]; then
  settings+=(--init-only)
else
  words=$(python "$(dirname "${BASH_SOURCE[0]}")/settings.py" "$row" --exp "$exp")
  if [ -n "$words" ]; then
    mapfile -t row_settings <<<"$words"
    settings+=("${row_settings[@]}")
  fi
fi
mkdir -p "$exp/$system"
speakerssl train --config "$conf" "${settings[@]}" --output "$exp/$system" 2>&1 | tee -a "$exp/$system/train.log" |
  sed -u "s/^/[$system] /"
