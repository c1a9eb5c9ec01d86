#!/usr/bin/env bash
# The self-supervised family on real speech: one table, every row at one budget, three seeds.
#
#   recipes/speechocean762/ssl_study/run.sh                      all rows of ../conf/rows.yaml: about 7 hours on 2 cores
#   recipes/speechocean762/ssl_study/run.sh --rows "ssps dino"   these and the seed paper's four losses
#   recipes/speechocean762/ssl_study/run.sh --rows "ssps dino" --paper false
#                                                                these alone, beside the rows that were run before
#
#   --stage N, --stop-stage M   first and last stage: 1 data and features, 2 train, 3 extract, 4 score, 5 RESULTS.md
#   --data-dir DIR              speechocean762 as Kaldi data directories (default: as the main recipe)
#   --work DIR                  where data/ and exp/ go (default: the main recipe's, whose finished runs are used)
#   --rows "A B"                rows of ../conf/rows.yaml (default: all)
#   --paper true|false          with --rows: also the seed paper's losses, the untrained encoder and the floor, with
#                               which rows are compared (default: true); false where --runs has them
#   --runs FILE                 the rows run before, which the table shows too; this run's are added (default: runs.npz
#                               of the study; those of other trials or steps are left out)
#   --seeds "0 1 2"             one run each of every row
#   --steps N                   training steps of every run
#   --jobs N                    runs at a time, one thread each (default: 2)
#   --results FILE              the table (default: RESULTS.md of the study)
#
# Stopped at any point and started again, it goes on from there. A run that collapses stops with a message; its row
# can be left out with --rows.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
recipe=$root/recipes/speechocean762
study=$recipe/ssl_study

stage=1
stop_stage=5
data_dir=$root/../shared/data/speechocean762
work=$recipe
rows=all
paper=true
runs=$study/runs.npz
seeds="0 1 2"
steps=600
jobs=2
results=$study/RESULTS.md
. "$root/tools/parse_options.sh"

if [[ ! "$paper" =~ ^(true|false)$ ]]; then
  echo "$0: --paper wants true or false, not '$paper'; see $0 --help" >&2
  exit 2
fi
set_up
conf=$recipe/conf/base.yaml
data=$work/data exp=$work/exp
baselines=(untrained floor)
if [ "$rows" = all ]; then
  rows=$(python "$recipe/local/settings.py")
elif [ "$paper" = true ]; then
  rows=$(printf '%s\n' $(python "$recipe/local/settings.py" --paper) $rows | awk '!seen[$0]++')
else
  baselines=()
fi
python "$recipe/local/settings.py" --check $rows
list_training() { # what the main recipe's first stage has made
  train=()
  for set in "$data"/train "$data"/train_*; do [ ! -f "$set/wav.scp" ] || train+=("$set"); done
}
list_training
trained=() # "untrained" is a run too: its encoder's random start depends on the seed
for seed in $seeds; do
  for row in $rows ${baselines[0]:-}; do trained+=("$row-s$seed"); done
done
systems=("${trained[@]}")
[ "${#baselines[@]}" = 0 ] || systems+=(floor)

if stage 1 "data and features"; then
  run "$recipe/run.sh" --stop-stage 2 --data-dir "$data_dir" --work "$work" --jobs "$jobs"
  list_training
  run speakerssl features --config "$conf" --data "${train[@]}" --exclude "$data/valid/recordings" \
    --copies 0 --output "$exp/store_clean" --jobs "$jobs"
fi

if stage 2 "train: ${#trained[@]} runs, $jobs at a time"; then
  printf '%s\n' "${trained[@]}" |
    run xargs -P "$jobs" -I{} "$recipe/local/train_one.sh" {} "$exp" "$data/valid" "$recipe/conf/rows.yaml" "$steps"
fi

if stage 3 "extract: the cross-channel recordings, and those of training as the cohort"; then
  printf '%s\n' "${systems[@]}" |
    run xargs -P "$jobs" -I{} "$recipe/local/extract_one.sh" {} "$exp" "$data/test_xc" "$data/valid" "${train[@]}"
fi

if stage 4 "score"; then
  printf '%s\n' "${systems[@]}" |
    run xargs -P "$jobs" -I{} "$recipe/local/score_one.sh" {} "$exp" "$data/valid" \
      cross-channel="$data/test_xc/trials_H"
fi

if stage 5 "$results"; then
  run python "$recipe/local/write_study.py" --exp "$exp" --systems $rows "${baselines[@]}" \
    --trials "$data/test_xc/trials_H" --utt2spk "$data/test_xc/utt2spk" --steps "$steps" --runs "$runs" \
    --notes "$study/notes.md" --output "$results"
fi
