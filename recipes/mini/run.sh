#!/usr/bin/env bash
# The main job in minutes on two cores: from recordings to an encoder without a label, and an EER.
#
#   recipes/mini/run.sh                      on synthetic voices that it makes itself
#   recipes/mini/run.sh --audio-dir DIR      on your own recordings (wav, flac, ogg, mp3, m4a), no labels needed
#
#   --stage N, --stop-stage M   first and last stage to run: 1 data, 2 features, 3 train, 4 extract, 5 score
#   --audio-dir DIR             folder of recordings; without it the corpus is synthesized
#   --work DIR                  where data/ and exp/ go (default: the recipe's own folder)
#   --steps N                   training steps (default: 1500)
#   --copies N                  augmented copies of each recording in the feature store (default: 6)
#   --num-validation N          recordings set aside for validation trials (default: 120)
#   --processes N               training processes, one a core (default: 2)
#   --seed N                    of everything (default: 0)
#
# Recordings that cannot be read are left out and listed in WORK/data/train/failed.txt; the exit status is then 1.
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
recipe=$root/recipes/mini

stage=1
stop_stage=5
audio_dir=
work=$recipe
steps=1500
copies=6
num_validation=120
processes=2
seed=0
. "$root/tools/parse_options.sh"

set_up
conf=$recipe/conf/train.yaml
data=$work/data exp=$work/exp
model=$exp/snt_xent_am untrained=$exp/untrained floor=$exp/floor

if [ -n "$audio_dir" ]; then
  # Nobody has labelled these recordings: the table is about validation trials made from recordings set aside.
  train=$data/train test=$data/valid trials=$data/valid/trials list=validation
else
  train=$data/corpus/train test=$data/corpus/test trials=$data/corpus/test/trials list=cross-session
fi
settings=(--set training.seed="$seed" --set training.steps="$steps" --set data.store="[$exp/store]"
  --set validation.data="$data/valid" --set validation.trials="$data/valid/trials"
  --set data.exclude="$data/valid/recordings")

if stage 1 "data"; then
  if [ -n "$audio_dir" ]; then
    rm -f "$train/failed.txt"
    run_past_failures "$train" speakerssl prepare --audio-dir "$audio_dir" --output "$train"
  else
    run python "$recipe/local/make_corpus.py" --output "$data/corpus" --seed "$seed"
  fi
  run_past_failures "$data/valid" speakerssl validation --data "$train" --output "$data/valid" \
    --num-recordings "$num_validation" --min-half 1.0 --seed "$seed"
fi

if stage 2 "features: log-mel of every recording, clean and in augmented copies"; then
  run_past_failures "$exp/store" speakerssl features --config "$conf" --data "$train" --exclude "$data/valid/recordings" \
    --copies "$copies" --seed "$seed" --output "$exp/store"
fi

if stage 3 "train"; then
  run speakerssl train --config "$conf" "${settings[@]}" --processes "$processes" --output "$model"
  run speakerssl train --config "$conf" "${settings[@]}" --init-only --output "$untrained"
fi

if stage 4 "extract"; then
  for system in "$model" "$untrained"; do
    run_past_failures "$system/embeddings" \
      speakerssl extract --engine torch --model "$system" --data "$test" --output "$system/embeddings"
  done
  run_past_failures "$floor/embeddings" speakerssl floor --data "$test" --output "$floor/embeddings"
fi

if stage 5 "score"; then
  for system in "$model" "$untrained" "$floor"; do
    run speakerssl score --embeddings "$system/embeddings/xvector.scp" --trials "$trials" \
      --output "$system/scores/$list.txt"
  done
  run speakerssl table --exp "$exp" --systems snt_xent_am untrained floor --lists "$list=$trials" \
    --markdown "$exp/table.md"
  printf '\nfloor is the feature-statistics floor: mean and standard deviation of 30 MFCCs, z-normalized over the test set.\n'
  [ -n "$audio_dir" ] || echo "These numbers are about synthetic voices: they show that the pipeline learns, no more."
  printf '\nEvery file that was made:\n'
  find "$data" "$exp" -maxdepth 3 -type f ! -path '*/audio/*' ! -path '*/tensorboard/*' | LC_ALL=C sort
  echo "(and the recordings under $data, checkpoints and TensorBoard logs under $model)"
fi

name_failures "$train" "$data/valid" "$exp/store" "$model/embeddings" "$untrained/embeddings" "$floor/embeddings"
