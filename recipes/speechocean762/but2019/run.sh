#!/usr/bin/env bash
# The BUT systems of VoxSRC 2019 (arXiv 1910.12592), scaled to real speech that is at hand: four networks on FBank and
# PLP features of speech frames, cosine and LDA + PLDA, adaptive S-norm with speaker means, logistic fusion.
#
#   recipes/speechocean762/but2019/run.sh
#
#   --stage N, --stop-stage M   1 data, 2 labels and development trials, 3 features, 4 train, 5 extract, 6 score,
#                               7 calibrate and fuse, 8 RESULTS.md
#   --data-dir DIR              speechocean762, see ../run.sh
#   --work DIR                  where data/ and exp/ go (default: the main recipe's folder, whose data is used again)
#   --condition NAME            fixed: speechocean762 alone; open (default): all corpora with labels beside it
#   --networks "A B"            files of conf/
#   --steps N                   training steps of a network (fine-tuning: a third)
#   --seed N
#   --set "KEY=VALUE ..."       overrides of the configuration of every network
#   --dev-speakers N            speakers that are set aside for fusion and calibration
#   --lda N, --top N            numbers that LDA leaves (100), cohort speakers of the adaptive S-norm (100)
#   --num-validation N          recordings that ../run.sh sets aside (400)
#   --copies N                  augmented copies of each recording
#   --jobs N                    processes
#   --results FILE              the table (default: RESULTS.md of the recipe)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
main=$root/recipes/speechocean762
recipe=$main/but2019

stage=1
stop_stage=8
data_dir=$root/../shared/data/speechocean762
work=$main
condition=open
networks="resnet_softmax resnet_aam xvector big_dnn"
steps=600
seed=0
set=
dev_speakers=30
copies=4
lda=100
top=100
num_validation=400
jobs=2
results=$recipe/RESULTS.md
. "$root/tools/parse_options.sh"
. "$root/recipes/local/held_out_speakers.sh"

case $condition in fixed | open) ;; *)
  echo "$0: --condition is fixed or open, not '$condition'" >&2
  exit 2
  ;;
esac
set_up
conf=$recipe/conf
data=$work/data exp=$work/exp/but2019-$condition labels=$work/exp/but2019-$condition/labels
overrides=()
for override in $set; do overrides+=(--set "$override"); done

if stage 1 "data"; then
  run_past_failures "$data/valid" "$main/run.sh" --stop-stage 1 --data-dir "$data_dir" --work "$work" --jobs "$jobs" \
    --num-validation "$num_validation"
fi
train=() utt2spk=()
for folder in "$data"/train "$data"/train_*; do
  corpus=$(basename "$folder") corpus=${corpus#train}
  [ "$condition" = open ] || [ -z "$corpus" ] || continue
  source=$data_dir
  [ -z "$corpus" ] || source=$(dirname "$data_dir")/${corpus#_}
  file=$source/train/labels/utt2spk
  [ -f "$folder/wav.scp" ] && [ -f "$file" ] || continue
  train+=("$folder") utt2spk+=("$file")
done

if stage 2 "labels of training, and development trials of speakers that training does not see"; then
  run python "$root/recipes/local/held_out_speakers.py" --utt2spk "${utt2spk[@]}" --dev-speakers "$dev_speakers" \
    --seed "$seed" --output "$labels"
fi

kind_of() { case $1 in big_dnn) echo plp ;; *) echo fbank ;; esac; }

if stage 3 "features: FBank and PLP of speech frames"; then
  for kind in fbank plp; do
    file=$conf/base.yaml
    [ "$kind" = fbank ] || file=$conf/big_dnn.yaml
    [[ " $networks " != *" big_dnn "* ]] && [ "$kind" = plp ] ||
      run speakerssl features --config "$file" --data "${train[@]}" --exclude "$labels/dev_recordings" \
        --copies "$copies" "${overrides[@]}" --output "$exp/store_$kind" --jobs "$jobs"
  done
fi

if stage 4 "train: $networks"; then
  for network in $networks; do
    options=(--set data.store="[$exp/store_$(kind_of "$network")]" --set training.seed="$seed"
      --set method.labels="$labels/utt2spk" --set training.steps="$steps" "${overrides[@]}")
    [ "$network" != resnet_aam ] ||
      options+=(--set training.init_from="$exp/resnet_softmax" --set training.steps=$(((steps + 2) / 3)))
    run speakerssl train --config "$conf/$network.yaml" "${options[@]}" --output "$exp/$network"
  done
fi

if stage 5 "extract"; then
  for network in $networks; do
    for folder in "${train[@]}" "$data/test" "$data/test_xc"; do
      run speakerssl extract --engine torch --model "$exp/$network" --data "$folder" \
        --output "$exp/$network/embeddings/$(basename "$folder")" --jobs "$jobs"
    done
    for folder in "${train[@]}"; do cat "$exp/$network/embeddings/$(basename "$folder")/xvector.scp"; done \
      >"$exp/$network/embeddings/all.scp"
    split_embeddings "$exp/$network/embeddings" "$labels"
  done
fi

lists=(trials_H="$data/test/trials_H" cross-channel="$data/test_xc/trials_H")

if stage 6 "score: cosine and LDA + PLDA, each also with adaptive S-norm"; then
  for network in $networks; do
    embeddings=$exp/$network/embeddings
    run "$recipe/local/score_one.sh" "$exp/$network" "$labels/utt2spk" "$lda" "$top" \
      dev="$embeddings/dev.scp=$labels/dev_trials" \
      trials_H="$embeddings/test/xvector.scp=$data/test/trials_H" \
      cross-channel="$embeddings/test_xc/xvector.scp=$data/test_xc/trials_H"
  done
fi

if stage 7 "calibrate the first network, fuse all; both learn from the development trials"; then
  first=${networks%% *} fusion=$exp/fusion
  mkdir -p "$fusion"
  scores_of() { # scores_of LIST: NAME=FILE of every system that is fused
    for network in $networks; do
      for kind in cosine-asnorm plda-asnorm; do
        printf '%s\n' "$network-$kind=$exp/$network/scores/$1-$kind.txt"
      done
    done
  }
  mapfile -t scores < <(scores_of dev)
  run speakerssl fuse --scores "${scores[@]}" --trials "$labels/dev_trials" --save "$fusion/fusion.json"
  run speakerssl calibrate --scores "$exp/$first/scores/dev-cosine-asnorm.txt" --trials "$labels/dev_trials" \
    --save "$fusion/calibration.json"
  for list in "${lists[@]}"; do
    name=${list%%=*}
    mapfile -t scores < <(scores_of "$name")
    run speakerssl fuse --scores "${scores[@]}" --load "$fusion/fusion.json" --output "$fusion/$name-fusion.txt"
    run speakerssl calibrate --scores "$exp/$first/scores/$name-cosine-asnorm.txt" --load "$fusion/calibration.json" \
      --output "$fusion/$name-calibrated.txt"
  done
fi

if stage 8 "$results"; then
  run python "$recipe/local/write_results.py" --exp "$exp" --networks $networks --lists "${lists[@]}" \
    --utt2spk "$data/test/utt2spk" "$data/test_xc/utt2spk" --steps "$steps" --seed "$seed" --output "$results"
fi

name_failures "$data/valid"
