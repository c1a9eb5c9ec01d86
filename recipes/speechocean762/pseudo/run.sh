#!/usr/bin/env bash
# Pseudo-label iterations on real speech: cluster what a label-free start says, train on the clusters as if they were
# speakers, repeat while label-free validation gets better. No label is read, but for a report that is asked for.
#
#   recipes/speechocean762/pseudo/run.sh                       starts from the main recipe's best self-supervised row
#   recipes/speechocean762/pseudo/run.sh --start ivector       from i-vectors
#   recipes/speechocean762/pseudo/run.sh --start snt_xent --first-labels floor --clusters 400 --iterations 1
#                                                              what RESULTS.md has
#
#   --stage N, --stop-stage M   1 data and features (the main recipe's), 2 start, 3 iterations, 4 test lists, 5 RESULTS.md
#   --data-dir DIR              speechocean762, see ../run.sh
#   --work DIR                  where data/ and exp/ go (default: the main recipe's folder, whose data is used again)
#   --start NAME                a row of ../conf/rows.yaml to train, a model directory, `ivector` or `floor`
#   --start-steps N             training steps of a row
#   --iterations N              at most so many
#   --first-labels NAME         whose embeddings give the first iteration its clusters: `start`, `ivector` or `floor`,
#                               the feature statistics, which find recordings of one session (default: start)
#   --clusters K                clusters of each iteration, or `auto` (the silhouette decides)
#   --steps N                   training steps of an iteration
#   --seeds "0 1 2"             of the start and the iterations, one run each
#   --report-labels FILE        a true utt2spk of training recordings, only to print NMI and purity
#   --set "KEY=VALUE ..."       overrides of conf/pseudo.yaml
#   --num-validation N          recordings that ../run.sh sets aside (400)
#   --jobs N                    processes of extraction
#   --results FILE              the table over all seeds (default: RESULTS.md of this folder)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
main=$root/recipes/speechocean762
recipe=$main/pseudo

stage=1
stop_stage=5
data_dir=$root/../shared/data/speechocean762
work=$main
start=multiview_ssps_snt_xent
start_steps=600
iterations=4
first_labels=start
clusters=auto
steps=300
seeds="0 1 2"
report_labels=
set=
num_validation=400
jobs=2
results=$recipe/RESULTS.md
. "$root/tools/parse_options.sh"
. "$root/recipes/local/pseudo_iterations.sh"

check_first_labels

set_up
data=$work/data valid=$work/data/valid conf=$recipe/conf/pseudo.yaml
lists=(trials_O="$data/test/trials_O" trials_H="$data/test/trials_H" cross-channel="$data/test_xc/trials_H")
origin=$start
is_row=false
[ "$origin" = ivector ] || [ "$origin" = floor ] || [ -d "$origin" ] || is_row=true

take_seed() { # take_seed N: what `iterate` reads, of this seed
  exp=$work/exp/pseudo-$(basename "$origin")-by-$first_labels-s$1
  start=$origin
  [ "$is_row" = false ] || start=$work/exp/$origin-s$1
  cluster_options=(--seed "$1")
  ivector_options=(--gaussians 256 --dim 200 --seed "$1")
  settings=(--set data.store="[$work/exp/store]" --set training.steps="$steps" --set training.seed="$1"
    --set validation.data="$valid" --set validation.trials="$valid/trials")
  for override in $set; do settings+=(--set "$override"); done
}

if stage 1 "data and features"; then
  run_past_failures "$data/valid" "$main/run.sh" --stop-stage 2 --data-dir "$data_dir" --work "$work" --jobs "$jobs" \
    --num-validation "$num_validation"
fi
train=()
for folder in "$data"/train "$data"/train_*; do [ ! -f "$folder/wav.scp" ] || train+=("$folder"); done

if [ "$is_row" = true ] && stage 2 "start: row $origin"; then
  for seed in $seeds; do
    run "$main/local/train_one.sh" "$origin-s$seed" "$work/exp" "$valid" "$main/conf/rows.yaml" "$start_steps"
  done
fi

if stage 3 "iterations"; then
  for seed in $seeds; do
    take_seed "$seed"
    iterate
  done
fi

score_lists() { # score_lists FOLDER MODEL: the test lists, and of the floor the validation trials too
  local list set_dir sets=("$data/test" "$data/test_xc") scored=("${lists[@]}")
  [ "$2" != floor ] || sets+=("$valid") scored+=(valid="$valid/trials")
  for set_dir in "${sets[@]}"; do embed_set "$1" "$2" "$set_dir"; done
  for list in "${scored[@]}"; do
    run speakerssl score --embeddings "$1/embeddings/$(basename "$(dirname "${list#*=}")")/xvector.scp" \
      --trials "${list#*=}" --output "$1/scores/${list%%=*}.txt"
  done
}

if stage 4 "test lists: start, iterations and the floor"; then
  for seed in $seeds; do
    take_seed "$seed"
    for folder in "$exp"/iteration-*; do
      model=$folder
      [ "$(basename "$folder")" != iteration-0 ] || model=$start
      score_lists "$folder" "$model"
    done
  done
  score_lists "$work/exp/floor" floor
fi

if stage 5 "$results"; then
  runs=()
  for seed in $seeds; do
    take_seed "$seed"
    runs+=("$exp")
  done
  run python "$main/local/write_pseudo.py" --runs "${runs[@]}" --start "$(basename "$origin")" \
    --first-labels "$first_labels" --floor "$work/exp/floor" --valid "$valid/trials" \
    --lists "${lists[@]}" --steps "$steps" --output "$results"
fi

name_failures "$valid"
