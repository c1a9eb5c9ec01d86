#!/usr/bin/env bash
# Scores of one network: score_one.sh FOLDER UTT2SPK LDA TOP LIST=EMBEDDINGS=TRIALS... FOLDER has embeddings/train.scp of the
# training recordings, whose speakers train LDA and PLDA and, as means, are the cohort:
#   LIST-cosine.txt, LIST-plda.txt                 cosine, LDA + PLDA
#   LIST-cosine-asnorm.txt, LIST-plda-asnorm.txt   adaptive S-norm of both
set -euo pipefail
folder=$1 utt2spk=$2 lda=$3 top=$4
shift 4
scores=$folder/scores train=$folder/embeddings/train.scp
speakerssl backend train --embeddings "$train" --utt2spk "$utt2spk" --chain "mean,lda:$lda,length" --plda \
  --output "$folder/backend.npz"
for list in "$@"; do
  IFS== read -r name embeddings trials <<<"$list"
  scored=(--embeddings "$embeddings" --trials "$trials")
  normed=("${scored[@]}" --cohort "$train" --cohort-utt2spk "$utt2spk" --method as --top "$top")
  speakerssl score "${scored[@]}" --output "$scores/$name-cosine.txt"
  speakerssl score --backend "$folder/backend.npz" "${scored[@]}" --output "$scores/$name-plda.txt"
  speakerssl norm "${normed[@]}" --output "$scores/$name-cosine-asnorm.txt"
  speakerssl norm "${normed[@]}" --backend "$folder/backend.npz" --output "$scores/$name-plda-asnorm.txt"
done
