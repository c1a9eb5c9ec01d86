#!/usr/bin/env bash
# Real speech: encoders trained without labels on speechocean762 (and more), four losses on two kinds of views at one
# budget, three seeds.
#
#   recipes/speechocean762/run.sh                         with the corpora in ../shared/data, where they are there
#   recipes/speechocean762/run.sh --data-dir DIR          speechocean762 elsewhere: DIR/{train,test}/wav.scp
#
#   --stage N, --stop-stage M   first and last stage: 1 data, 2 features, 3 train, 4 extract, 5 score and RESULTS.md
#   --data-dir DIR              speechocean762 as Kaldi data directories, with test/trials_O and test/trials_H
#   --extra-data "DIR DIR"      more unlabeled corpora, each with train/wav.scp (default: librispeech, an4 beside it)
#   --channels DIR              held-out rooms (rir/) and noises for the cross-channel list (default: noise beside it)
#   --num-validation N          recordings set aside for validation trials (default: 400)
#   --work DIR                  where data/ and exp/ go (default: the recipe's own folder)
#   --losses "A B"              rows of conf/rows.yaml (default: its first two groups, the seed paper's losses on
#                               two views a recording, and on local crops and positives from other recordings too)
#   --seeds "0 1 2"             one run each of every row
#   --steps N                   training steps of every run
#   --copies N                  augmented copies of each recording in the feature store
#   --jobs N                    runs at a time, one thread each (default: 2)
#   --results FILE              the table (default: RESULTS.md of the recipe)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
recipe=$root/recipes/speechocean762

stage=1
stop_stage=5
data_dir=$root/../shared/data/speechocean762
extra_data=default
channels=default
work=$recipe
losses=main
seeds="0 1 2"
steps=600
copies=6
num_validation=400
jobs=2
results=$recipe/RESULTS.md
. "$root/tools/parse_options.sh"

if [ ! -f "$data_dir/train/wav.scp" ]; then
  cat >&2 <<EOT
$0: $data_dir/train/wav.scp does not exist; name the corpus with --data-dir. The public gets it from
  speechocean762 https://www.openslr.org/101   LibriSpeech https://www.openslr.org/12   AN4 http://www.speech.cs.cmu.edu/databases/an4
EOT
  exit 2
fi
set_up
[ "$losses" != main ] || losses=$(python "$recipe/local/settings.py" --main)
python "$recipe/local/settings.py" --check $losses
conf=$recipe/conf/base.yaml
data=$work/data exp=$work/exp
corpora=$(dirname "$data_dir")
if [ "$extra_data" = default ]; then
  extra_data=
  for name in librispeech an4; do [ ! -f "$corpora/$name/train/wav.scp" ] || extra_data+=" $corpora/$name"; done
fi
if [ "$channels" = default ]; then
  channels=
  [ ! -d "$corpora/noise" ] || channels=$corpora/noise
fi
read -ra extra <<<"$extra_data"
train=("$data/train")
for corpus in "${extra[@]}"; do train+=("$data/train_$(basename "$corpus")"); done
lists=(trials_O="$data/test/trials_O" trials_H="$data/test/trials_H" cross-channel="$data/test_xc/trials_H")
systems=()
for seed in $seeds; do for loss in $losses untrained; do systems+=("$loss-s$seed"); done; done

if stage 1 "data"; then
  run speakerssl prepare --data "$data_dir/train" --output "$data/train"
  for corpus in "${extra[@]}"; do
    run speakerssl prepare --data "$corpus/train" --output "$data/train_$(basename "$corpus")"
  done
  run speakerssl prepare --data "$data_dir/test" --output "$data/test"
  for list in trials_O trials_H; do run cp "$data_dir/test/$list" "$data/test/$list"; done
  run_past_failures "$data/valid" speakerssl validation --data "${train[@]}" --output "$data/valid" \
    --num-recordings "$num_validation" --jobs "$jobs"
  run speakerssl cross-channel --data "$data/test" --trials "$data/test/trials_H" \
    --output "$data/test_xc" ${channels:+--channels-source "$channels"} --jobs "$jobs"
fi

if stage 2 "features: log-mel of every recording, clean and in augmented copies"; then
  run speakerssl features --config "$conf" --data "${train[@]}" --exclude "$data/valid/recordings" \
    --copies "$copies" --output "$exp/store" --jobs "$jobs"
fi

if stage 3 "train: ${#systems[@]} runs, $jobs at a time"; then
  printf '%s\n' "${systems[@]}" |
    run xargs -P "$jobs" -I{} "$recipe/local/train_one.sh" {} "$exp" "$data/valid" "$recipe/conf/rows.yaml" "$steps"
fi

if stage 4 "extract: the test recordings, and those of training as the cohort"; then
  printf '%s\n' "${systems[@]}" floor |
    run xargs -P "$jobs" -I{} "$recipe/local/extract_one.sh" {} "$exp" \
      "$data/test" "$data/test_xc" "$data/valid" "${train[@]}"
fi

if stage 5 "score and $results"; then
  printf '%s\n' "${systems[@]}" floor |
    run xargs -P "$jobs" -I{} "$recipe/local/score_one.sh" {} "$exp" "$data/valid" "${lists[@]}"
  run python "$recipe/local/write_results.py" --exp "$exp" --systems $losses untrained floor --lists "${lists[@]}" \
    --validation "$data/valid/trials" --steps "$steps" --copies "$copies" --config "$conf" --output "$results"
fi

name_failures "$data/valid"
