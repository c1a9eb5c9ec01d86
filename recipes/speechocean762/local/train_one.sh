#!/usr/bin/env bash
# One run: train_one.sh ROW-sSEED EXP VALID CONF STEPS. ROW is a row of CONF; `untrained` is CONF's encoder at its random
# start. The row without augmentation reads the store that has no copies.
set -euo pipefail
system=$1 exp=$2 valid=$3 conf=$4 steps=$5
row=${system%-s*} seed=${system##*-s}
store=$exp/store
[ "$row" != no_augmentation ] || store=$exp/store_clean
settings=(--set training.seed="$seed" --set training.steps="$steps" --set data.store="[$store]"
  --set data.exclude="$valid/recordings" --set validation.data="$valid" --set validation.trials="$valid/trials")
if [ "$row" = untrained ]; then
  settings+=(--init-only)
else
  settings+=(--row "$row")
fi
mkdir -p "$exp/$system"
speakerssl train --config "$conf" "${settings[@]}" --output "$exp/$system" 2>&1 | tee -a "$exp/$system/train.log" |
  sed -u "s/^/[$system] /"
