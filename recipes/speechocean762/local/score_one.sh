#!/usr/bin/env bash
# Scores of one system in four ways: score_one.sh SYSTEM EXP VALID LIST=TRIALS... The embeddings are those of the data
# directory that the trial list lies in; the training recordings are the cohort, and no label is used:
#   LIST.txt          cosine
#   LIST-asnorm.txt   adaptive S-norm of it
#   LIST-plda.txt     PLDA between clusters of the cohort, and adaptive S-norm
#   LIST-fused.txt    the last two, fused with weights from the validation trials of VALID, which need no labels
set -euo pipefail
system=$1 exp=$2 valid=$3
shift 3
embeddings=$exp/$system/embeddings scores=$exp/$system/scores
speakerssl backend train --embeddings "$embeddings/cohort.scp" --clusters 400 --chain mean,length --plda \
  --output "$exp/$system/backend.npz"
for list in valid="$valid/trials" "$@"; do
  name=${list%%=*} trials=${list#*=}
  scored=(--embeddings "$embeddings/$(basename "$(dirname "$trials")")/xvector.scp" --trials "$trials")
  normed=("${scored[@]}" --cohort "$embeddings/cohort.scp" --method as --top 200)
  speakerssl score "${scored[@]}" --output "$scores/$name.txt"
  speakerssl norm "${normed[@]}" --output "$scores/$name-asnorm.txt"
  speakerssl norm "${normed[@]}" --backend "$exp/$system/backend.npz" --output "$scores/$name-plda.txt"
done
fuse() { # fuse LIST OPTION...
  speakerssl fuse --scores asnorm="$scores/$1-asnorm.txt" plda="$scores/$1-plda.txt" "${@:2}"
}
fuse valid --trials "$valid/trials" --save "$exp/$system/fusion.json"
for list in "$@"; do
  fuse "${list%%=*}" --load "$exp/$system/fusion.json" --output "$scores/${list%%=*}-fused.txt"
done
