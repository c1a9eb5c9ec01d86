#!/usr/bin/env bash
# Embeddings of one system: extract_one.sh SYSTEM EXP DATA_DIR... Those of the training recordings (DATA_DIR/train*)
# are also listed in one cohort.scp, for score normalization.
set -euo pipefail
system=$1 exp=$2
shift 2
embeddings=$exp/$system/embeddings
for data in "$@"; do
  output=$embeddings/$(basename "$data")
  if [ "$system" = floor ]; then
    speakerssl floor --data "$data" --output "$output"
  else
    speakerssl extract --model "$exp/$system" --data "$data" --output "$output" --jobs 1 # systems run side by side
  fi
done
cat "$embeddings"/train*/xvector.scp >"$embeddings/cohort.scp.part"
mv "$embeddings/cohort.scp.part" "$embeddings/cohort.scp"
