#!/usr/bin/env bash
# Embeddings of one system: extract_one.sh SYSTEM EXP DATA_DIR... Those of the training recordings (DATA_DIR/train*)
# are also listed in one cohort.scp, for score normalization and clusters, without those that validation halves were
# cut from (DATA_DIR/recordings of a validation set).
set -euo pipefail
system=$1 exp=$2
shift 2
embeddings=$exp/$system/embeddings
for data in "$@"; do
  output=$embeddings/$(basename "$data")
  if [ "$system" = floor ]; then
    speakerssl floor --data "$data" --output "$output"
  else
    # One process: systems run side by side.
    speakerssl extract --engine torch --model "$exp/$system" --data "$data" --output "$output" --jobs 1
  fi
done
held_out=(/dev/null)
for data in "$@"; do [ ! -f "$data/recordings" ] || held_out+=("$data/recordings"); done
sort -u "${held_out[@]}" >"$embeddings/held_out"
awk -v list="$embeddings/held_out" 'BEGIN { while ((getline id < list) > 0) skip[id] } !($1 in skip)' \
  "$embeddings"/train*/xvector.scp >"$embeddings/cohort.scp.part"
mv "$embeddings/cohort.scp.part" "$embeddings/cohort.scp"
