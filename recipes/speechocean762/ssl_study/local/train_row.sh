#!/usr/bin/env bash
# One run: train_row.sh ROW-sSEED EXP VALID CONF STEPS. The row's settings are those of rows.yaml.
set -euo pipefail
system=$1 exp=$2 valid=$3 conf=$4 steps=$5
row=${system%-s*} seed=${system##*-s}
local=$(dirname "${BASH_SOURCE[0]}")
settings=(--set training.seed="$seed" --set training.steps="$steps" --set data.store="[$exp/store]"
  --set validation.data="$valid" --set validation.trials="$valid/trials")
words=$(python "$local/settings.py" "$row" --exp "$exp")
if [ -n "$words" ]; then
  mapfile -t row_settings <<<"$words"
  settings+=("${row_settings[@]}")
fi
mkdir -p "$exp/$system"
speakerssl train --config "$conf" "${settings[@]}" --output "$exp/$system" 2>&1 | tee -a "$exp/$system/train.log" |
  sed -u "s/^/[$system] /"
