#!/usr/bin/env bash
# Embeddings of one system: extract_one.sh SYSTEM EXP DATA, for the clean and the cross-channel test recordings.
set -euo pipefail
system=$1 exp=$2 data=$3
for set in test test_xc; do
  speakerssl extract --model "$exp/$system" --data "$data/$set" --output "$exp/$system/embeddings/$set"
done
