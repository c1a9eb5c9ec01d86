#!/usr/bin/env bash
# One encoder from all unlabeled speech at hand: self-supervised, then pseudo-label iterations, then a model folder with
# a calibration, a card and numbers on speakers that it never met. No label is read in training.
#
#   recipes/open_speech/run.sh
#
#   --stage N, --stop-stage M   1 data, 2 features, 3 self-supervised training, 4 pseudo-label iterations, 5 calibration
#                               and the model folder, 6 test lists, RESULTS.md and the report
#   --data-dir DIR              folder of corpora, each NAME/train/wav.scp; where there are speechocean762/test and
#                               librispeech/test, the encoder is scored on their trial lists
#   --channels DIR              held-out rooms (rir/) and noises of the cross-channel list (default: noise in DIR)
#   --work DIR                  where data/ and exp/ go (default: the recipe's own folder)
#   --steps N                   training steps of the self-supervised start
#   --init-from MODEL           weights that it begins with, of an earlier round or a model folder (default: random)
#   --pseudo-steps N            of each iteration
#   --iterations N              at most so many (0: none); it stops by itself when one of the two validations (halves of
#                               one recording, and different recordings) no longer improves
#   --first-labels WHAT         whose embeddings give the first iteration its clusters: start, floor or ivector
#   --clusters K                clusters of each iteration (`auto` finds the corpora, see EXPERIMENTS.md)
#   --num-validation N          recordings set aside for validation trials and calibration
#   --copies N                  augmented copies of each recording
#   --seed N
#   --set "KEY=VALUE ..."       overrides of both configurations
#   --jobs N                    processes
#   --name NAME                 of the model folder, exp/NAME
#   --results FILE              the table (default: RESULTS.md of the recipe)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
recipe=$root/recipes/open_speech

stage=1
stop_stage=6
data_dir=$root/../shared/data
channels=default
work=$recipe
steps=1600
init_from=
pseudo_steps=400
iterations=3
first_labels=start
clusters=1500
num_validation=600
copies=6
seed=0
set=
jobs=2
name=open-speech
results=$recipe/RESULTS.md
. "$root/tools/parse_options.sh"
. "$root/recipes/local/pseudo_iterations.sh"
check_first_labels

corpora=()
for list in "$data_dir"/*/train/wav.scp; do
  [ ! -f "$list" ] || corpora+=("$(basename "$(dirname "$(dirname "$list")")")")
done
if [ ${#corpora[@]} -eq 0 ]; then
  cat >&2 <<EOT
$0: $data_dir/*/train/wav.scp: there is none; name a folder of corpora with --data-dir. The public gets some from
  speechocean762 https://www.openslr.org/101   LibriSpeech https://www.openslr.org/12   AN4 http://www.speech.cs.cmu.edu/databases/an4
  Speech Commands http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
EOT
  exit 2
fi
set_up
if [ "$channels" = default ]; then
  channels=
  [ ! -d "$data_dir/noise" ] || channels=$data_dir/noise
fi
data=$work/data exp=$work/exp valid=$work/data/valid
pseudo=$exp/pseudo
[ "$first_labels" = start ] || pseudo=$exp/pseudo-by-$first_labels
overrides=()
for override in $set; do overrides+=(--set "$override"); done
train=()
for corpus in "${corpora[@]}"; do train+=("$data/train_$corpus"); done
lists=()
[ ! -f "$data_dir/speechocean762/test/wav.scp" ] || lists+=(trials_O="$data/test_speechocean762/trials_O"
  trials_H="$data/test_speechocean762/trials_H" cross-channel="$data/test_xc/trials_H")
[ ! -f "$data_dir/librispeech/test/wav.scp" ] || lists+=(librispeech="$data/test_librispeech/trials")

if stage 1 "data"; then
  for corpus in "${corpora[@]}"; do
    run_past_failures "$data/train_$corpus" \
      speakerssl prepare --data "$data_dir/$corpus/train" --output "$data/train_$corpus"
  done
  for corpus in "${corpora[@]}"; do
    awk -v corpus="$corpus" '{ print $1, corpus }' "$data/train_$corpus/wav.scp"
  done >"$data/utt2corpus.part"
  mv "$data/utt2corpus.part" "$data/utt2corpus"
  run_past_failures "$valid" speakerssl validation --data "${train[@]}" --output "$valid" \
    --num-recordings "$num_validation" --seed "$seed" --jobs "$jobs"
  for corpus in speechocean762 librispeech; do
    [ -f "$data_dir/$corpus/test/wav.scp" ] || continue
    run speakerssl prepare --data "$data_dir/$corpus/test" --output "$data/test_$corpus"
    for list in "$data_dir/$corpus/test"/trials*; do run cp "$list" "$data/test_$corpus/"; done
  done
  [ ! -f "$data/test_speechocean762/trials_H" ] ||
    run speakerssl cross-channel --data "$data/test_speechocean762" --trials "$data/test_speechocean762/trials_H" \
      --output "$data/test_xc" ${channels:+--channels-source "$channels"} --jobs "$jobs"
fi

if stage 2 "features: log-mel of every recording, clean and in augmented copies"; then
  run_past_failures "$exp/store" speakerssl features --config "$recipe/conf/ssl.yaml" --data "${train[@]}" \
    --exclude "$valid/recordings" --copies "$copies" --output "$exp/store" --jobs "$jobs"
fi

settings=(--set data.store="[$exp/store]" --set data.exclude="$valid/recordings" --set training.seed="$seed"
  --set validation.data="$valid" --set validation.trials="$valid/trials" "${overrides[@]}")

if stage 3 "self-supervised training"; then
  run speakerssl train --config "$recipe/conf/ssl.yaml" "${settings[@]}" --set training.steps="$steps" \
    --set data.groups="$data/utt2corpus" \
    ${init_from:+--set training.init_from="$init_from"} --output "$exp/ssl"
  run speakerssl train --config "$recipe/conf/ssl.yaml" "${settings[@]}" --init-only --output "$exp/untrained"
fi

if stage 4 "pseudo-label iterations"; then
  # Halves of one recording flatter what is trained on them: a second list, of different recordings, must agree.
  across=$valid/trials_across
  run python "$recipe/local/across_trials.py" --store "$exp/store" --valid "$valid" \
    --groups "$data/utt2corpus" --config "$recipe/conf/ssl.yaml" --output "$across"
  if ! grep -q '^1 ' "$across" || ! grep -q '^0 ' "$across"; then
    echo "$0: too few recordings sound alike, or unlike, for trials across recordings: halves of one decide alone" >&2
    across=
  fi
  systems_folder=$exp start=$exp/ssl exp=$pseudo conf=$recipe/conf/pseudo.yaml report_labels=
  cluster_options=(--seed "$seed") ivector_options=(--seed "$seed")
  settings+=(--set training.steps="$pseudo_steps")
  iterate
  exp=$systems_folder
fi

if stage 5 "calibration and the model folder"; then
  best=$(cat "$pseudo/best") model=$exp/ssl
  [ "$best" = iteration-0 ] || model=$pseudo/$best
  run python "$recipe/local/make_model.py" --model "$model" --output "$exp/$name" --data "$data" \
    --corpora "${corpora[@]}"
  run speakerssl calibrate-model --model "$exp/$name" --scores "$pseudo/$best/scores/valid.txt" \
    --trials "$valid/trials" --trained-on \
    "halves of $num_validation recordings without labels, one half through rooms, noises and codecs that training never used"
  # The same weights for those who have no torch, and for a quick start.
  run speakerssl export --model "$exp/$name" --output "$exp/$name/model.onnx"
fi

if stage 6 "test lists, $results and the report"; then
  # A supervised yardstick, where its package is installed: Resemblyzer's weights.
  weights=$(python -c 'import importlib.util as u; s = u.find_spec("resemblyzer"); print(s.submodule_search_locations[0] if s else "")')
  [ -z "$weights" ] || [ -d "$exp/resemblyzer" ] ||
    run speakerssl import --weights "$weights/pretrained.pt" --output "$exp/resemblyzer"
  systems=(ssl untrained "$name" floor)
  [ ! -f "$exp/resemblyzer/model.safetensors" ] || systems+=(resemblyzer)
  for system in "${systems[@]}"; do
    for folder in "$data"/test_*; do
      output=$exp/$system/embeddings/$(basename "$folder")
      if [ "$system" = floor ]; then
        [ -f "$output/xvector.scp" ] || run speakerssl floor --data "$folder" --output "$output"
      else
        run speakerssl extract --engine torch --model "$exp/$system" --data "$folder" --output "$output" --jobs "$jobs"
      fi
    done
    for list in "${lists[@]}"; do
      scored=(--embeddings "$exp/$system/embeddings/$(basename "$(dirname "${list#*=}")")/xvector.scp" --trials "${list#*=}")
      run speakerssl score "${scored[@]}" --output "$exp/$system/scores/${list%%=*}.txt"
      run speakerssl score "${scored[@]}" --center auto --output "$exp/$system/scores/${list%%=*}-centred.txt"
    done
  done
  for list in "${lists[@]}"; do
    run speakerssl card --model "$exp/$name" --metric "${list%%=*}=$exp/$name/scores/${list%%=*}.txt=${list#*=}" \
      --utt2spk "$(dirname "${list#*=}")/utt2spk"
  done
  run python "$recipe/local/write_results.py" --exp "$exp" --systems "${systems[@]}" --model "$name" \
    --lists "${lists[@]}" --output "$results"
fi

name_failures "${train[@]}" "$valid" "$exp/store"
