#!/usr/bin/env bash
# The BUT systems of VoxSRC 2019 in their full size (arXiv 1910.12592): README.md says what is known of them. For a
# machine that has the corpora.
#
#   recipes/voxceleb/but2019/run.sh --voxceleb1 DIR --voxceleb2 DIR --musan DIR --rirs DIR
#
#   --voxceleb1 DIR      the official folders, for the lists; from https://www.robots.ox.ac.uk/~vgg/data/voxceleb/
#   --voxceleb2 DIR      the official folders: dev is the training data of the fixed condition
#   --lists DIR          trial lists, as published (default: the folder of VoxCeleb1)
#   --condition NAME     fixed (default) or open
#   --more "DIR DIR"     open: further Kaldi data directories with utt2spk
#   --musan DIR, --rirs DIR   https://www.openslr.org/17 and 28 (default: synthetic noise, simulated rooms)
#   --networks "A B"     files of conf/
#   --set "KEY=VALUE ..." overrides of the configuration of every network
#   --lda N              numbers that LDA leaves (default: 150)
#   --top N              cohort speakers of the adaptive S-norm (default: 300)
#   --dev-speakers N     speakers of the training data that training leaves out: the fusion learns from their trials
#                        (default: 100)
#   --seed N             of their choice (default: 0)
#   --stage N, --stop-stage M   1 data, 2 labels and development trials, 3 train, 4 extract, 5 score, 6 fuse, 7 table
#   --work DIR           where data/ and exp/ go (default: the recipe's own folder)
#   --processes N        training processes, one a GPU (default: 1)
#   --device NAME        for extraction: auto, cpu, cuda (default: auto)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
recipe=$root/recipes/voxceleb/but2019

stage=1
stop_stage=7
voxceleb1=
voxceleb2=
lists=
condition=fixed
more=
musan=
rirs=
networks="resnet_softmax resnet_aam xvector big_dnn"
set=
lda=150
top=300
dev_speakers=100
seed=0
work=$recipe
processes=1
device=auto
. "$root/tools/parse_options.sh"
. "$root/recipes/local/voxceleb.sh"
. "$root/recipes/local/held_out_speakers.sh"

need_both_corpora
case $condition in fixed | open) ;; *)
  echo "$0: --condition is fixed or open, not '$condition'" >&2
  exit 2
  ;;
esac
set_up
data=$work/data exp=$work/exp/$condition labels=$work/exp/$condition/labels
train=("$data/vox2_dev")
if [ "$condition" = open ]; then
  read -ra extra <<<"$more"
  train+=("${extra[@]}")
fi
settings=(--set data.train="[$(IFS=,; printf '%s' "${train[*]}")]" --set data.exclude="$labels/dev_recordings"
  --set method.labels="$labels/utt2spk")
add_noise_and_rooms
for override in $set; do settings+=(--set "$override"); done

if stage 1 "data: VoxCeleb2 dev for training, all of VoxCeleb1 for the lists"; then
  prepare_dev 2
  prepare_lists
fi

if stage 2 "labels of training, and development trials of speakers that training does not hear"; then
  sessions=()
  for folder in "${train[@]}"; do [ ! -f "$folder/utt2session" ] || sessions+=("$folder/utt2session"); done
  run python "$root/recipes/local/held_out_speakers.py" --utt2spk "${train[@]/%//utt2spk}" \
    --utt2session "${sessions[@]}" --dev-speakers "$dev_speakers" --seed "$seed" --output "$labels"
fi

if stage 3 "train: $networks"; then
  for network in $networks; do
    start=()
    [ "$network" != resnet_aam ] || start=(--set training.init_from="$exp/resnet_softmax")
    run speakerssl train --config "$recipe/conf/$network.yaml" "${settings[@]}" "${start[@]}" \
      --processes "$processes" --output "$exp/$network"
  done
fi

if stage 4 "extract: the lists' recordings, and those of training for LDA, PLDA, cohort and development trials"; then
  for network in $networks; do
    for folder in "${train[@]}" "$data/vox1_all"; do
      run_past_failures "$exp/$network/embeddings/$(basename "$folder")" \
        speakerssl extract --engine torch --model "$exp/$network" --data "$folder" --device "$device" \
        --output "$exp/$network/embeddings/$(basename "$folder")"
    done
    for folder in "${train[@]}"; do cat "$exp/$network/embeddings/$(basename "$folder")/xvector.scp"; done \
      >"$exp/$network/embeddings/all.scp"
    split_embeddings "$exp/$network/embeddings" "$labels"
  done
fi

columns=()
for trials in "$data"/vox1_all/trials_*; do columns+=("$(basename "$trials")=$trials"); done

if stage 5 "score: cosine and LDA + PLDA with adaptive S-norm, speaker means as cohort"; then
  for network in $networks; do
    folder=$exp/$network
    run speakerssl backend train --embeddings "$folder/embeddings/train.scp" --utt2spk "$labels/utt2spk" \
      --chain "mean,lda:$lda,length" --plda --output "$folder/backend.npz"
    for list in dev="$labels/dev_trials" "${columns[@]}"; do
      name=${list%%=*} embeddings=$folder/embeddings/vox1_all/xvector.scp
      [ "$name" != dev ] || embeddings=$folder/embeddings/dev.scp
      normed=(--embeddings "$embeddings" --trials "${list#*=}" --method as --top "$top"
        --cohort "$folder/embeddings/train.scp" --cohort-utt2spk "$labels/utt2spk")
      run speakerssl norm "${normed[@]}" --output "$folder/scores/$name-cosine.txt"
      run speakerssl norm "${normed[@]}" --backend "$folder/backend.npz" --output "$folder/scores/$name-plda.txt"
    done
  done
fi

if stage 6 "fuse: weights from the development trials"; then
  scores_of() { # scores_of LIST: NAME=FILE of every system that is fused
    for network in $networks; do
      for kind in cosine plda; do printf '%s\n' "$network-$kind=$exp/$network/scores/$1-$kind.txt"; done
    done
  }
  mapfile -t scores < <(scores_of dev)
  run speakerssl fuse --scores "${scores[@]}" --trials "$labels/dev_trials" --save "$exp/fusion.json"
  for column in "${columns[@]}"; do
    mapfile -t scores < <(scores_of "${column%%=*}")
    run speakerssl fuse --scores "${scores[@]}" --load "$exp/fusion.json" --output "$exp/fusion/scores/${column%%=*}.txt"
  done
fi

if stage 7 "table"; then
  for network in $networks; do
    for kind in cosine plda; do
      mkdir -p "$exp/$network-$kind/scores"
      for column in "${columns[@]}"; do
        cp "$exp/$network/scores/${column%%=*}-$kind.txt" "$exp/$network-$kind/scores/${column%%=*}.txt"
      done
    done
  done
  systems=()
  for network in $networks; do systems+=("$network-cosine" "$network-plda"); done
  run speakerssl table --exp "$exp" --systems "${systems[@]}" fusion --lists "${columns[@]}" --markdown "$exp/table.md"
fi

name_failures "$data/vox2_dev"
