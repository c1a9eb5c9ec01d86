#!/usr/bin/env bash
# Pseudo-label iterations on real speech: cluster what a label-free start says, train on the clusters as if they were
# speakers, repeat while label-free validation gets better. No label is read, but for a report that is asked for.
#
#   recipes/speechocean762/pseudo/run.sh                       starts from the main recipe's best self-supervised row
#   recipes/speechocean762/pseudo/run.sh --start ivector       from i-vectors
#
#   --stage N, --stop-stage M   1 data and features (the main recipe's), 2 start, 3 iterations, 4 test lists
#   --data-dir DIR              speechocean762, see ../run.sh
#   --work DIR                  where data/ and exp/ go (default: the main recipe's folder, whose data is used again)
#   --start NAME                a row of ../conf/rows.yaml to train, a model directory, `ivector` or `floor`
#   --start-steps N             training steps of a row
#   --iterations N              at most so many
#   --clusters K                clusters of each iteration, or `auto` (the silhouette decides)
#   --steps N                   training steps of an iteration
#   --seed N                    of the start and the iterations
#   --report-labels FILE        a true utt2spk of training recordings, only to print NMI and purity
#   --set "KEY=VALUE ..."       overrides of conf/pseudo.yaml
#   --num-validation N          recordings that ../run.sh sets aside (400)
#   --jobs N                    processes of extraction
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
main=$root/recipes/speechocean762
recipe=$main/pseudo

stage=1
stop_stage=4
data_dir=$root/../shared/data/speechocean762
work=$main
start=multiview_ssps_snt_xent
start_steps=600
iterations=4
clusters=auto
steps=300
seed=0
report_labels=
set=
num_validation=400
jobs=2
. "$root/tools/parse_options.sh"
. "$root/recipes/local/pseudo_iterations.sh"

set_up
data=$work/data valid=$work/data/valid conf=$recipe/conf/pseudo.yaml
exp=$work/exp/pseudo-$(basename "$start")-s$seed
cluster_options=(--seed "$seed")
ivector_options=(--gaussians 256 --dim 200 --seed "$seed")
settings=(--set data.store="[$work/exp/store]" --set training.steps="$steps" --set training.seed="$seed"
  --set validation.data="$valid" --set validation.trials="$valid/trials")
for override in $set; do settings+=(--set "$override"); done

if stage 1 "data and features"; then
  run_past_failures "$data/valid" "$main/run.sh" --stop-stage 2 --data-dir "$data_dir" --work "$work" --jobs "$jobs" \
    --num-validation "$num_validation"
fi
train=()
for folder in "$data"/train "$data"/train_*; do [ ! -f "$folder/wav.scp" ] || train+=("$folder"); done

if [ "$start" != ivector ] && [ "$start" != floor ] && [ ! -d "$start" ]; then
  if stage 2 "start: row $start"; then
    run "$main/local/train_one.sh" "$start-s$seed" "$work/exp" "$valid" "$main/conf/rows.yaml" "$start_steps"
  fi
  start=$work/exp/$start-s$seed
fi

if stage 3 "iterations"; then
  iterate
fi

if stage 4 "test lists, start and iterations"; then
  systems=()
  for folder in "$exp"/iteration-*; do
    system=$(basename "$folder") model=$folder
    [ "$system" != iteration-0 ] || model=$start
    [ -f "$model/model.safetensors" ] || continue # i-vectors and the floor have no encoder to extract with
    systems+=("$system")
    for set_name in test test_xc; do
      run speakerssl extract --engine torch --model "$model" --data "$data/$set_name" \
        --output "$folder/embeddings/$set_name" --jobs "$jobs"
    done
    for list in trials_O=test/trials_O trials_H=test/trials_H cross-channel=test_xc/trials_H; do
      run speakerssl score --embeddings "$folder/embeddings/$(dirname "${list#*=}")/xvector.scp" \
        --trials "$data/${list#*=}" --output "$folder/scores/${list%%=*}.txt"
    done
  done
  run speakerssl table --exp "$exp" --systems "${systems[@]}" --lists trials_O="$data/test/trials_O" \
    trials_H="$data/test/trials_H" cross-channel="$data/test_xc/trials_H" --markdown "$exp/table.md"
  first=${systems[0]} last=$(cat "$exp/best")
  if [ "$first" != "$last" ]; then
    run speakerssl compare --trials "$data/test_xc/trials_H" --utt2spk "$data/test_xc/utt2spk" \
      --scores "$exp/$first/scores/cross-channel.txt" "$exp/$last/scores/cross-channel.txt"
  fi
fi

name_failures "$valid"
