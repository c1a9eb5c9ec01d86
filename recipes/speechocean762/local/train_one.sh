#!/usr/bin/env bash
# One run: train_one.sh LOSS-sSEED EXP VALID CONF STEPS. The loss' settings are conf/LOSS.yaml's, as overrides.
set -euo pipefail
system=$1 exp=$2 valid=$3 conf=$4 steps=$5
loss=${system%-s*} seed=${system##*-s}
settings=(--set training.seed="$seed" --set training.steps="$steps" --set data.store="[$exp/store]"
  --set validation.data="$valid" --set validation.trials="$valid/trials")
case $loss in
  untrained) settings+=(--init-only) ;;
  nt_xent) settings+=(--set loss.symmetry=one_direction --set loss.margin=none) ;;
  snt_xent) settings+=(--set loss.margin=none) ;;
  snt_xent_am) ;; # the configuration as it stands
  snt_xent_aam)
    # The margin grows: an untrained encoder's embeddings lie close together, where the full angular margin pulls
    # positives so much harder than negatives push that all embeddings collapsed within 250 steps (three seeds).
    settings+=(--set "loss.margin={name: additive_angular, value: 0.1, schedule: cosine_ramp, ramp_steps: 450}")
    ;;
  *)
    echo "train_one.sh: unknown loss '$loss'; the known ones are: nt_xent, snt_xent, snt_xent_aam, snt_xent_am" >&2
    exit 2
    ;;
esac
mkdir -p "$exp/$system"
speakerssl train --config "$conf" "${settings[@]}" --output "$exp/$system" 2>&1 | tee -a "$exp/$system/train.log" |
  sed -u "s/^/[$system] /"
