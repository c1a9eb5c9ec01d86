#!/usr/bin/env bash
# Supervised training on VoxCeleb2 dev, in two stages: all speeds with a growing margin, then large-margin fine-tuning.
# The yardstick for label-free training. For a machine that has the corpora.
#
#   recipes/voxceleb/supervised/run.sh --voxceleb1 DIR --voxceleb2 DIR --musan DIR --rirs DIR
#
#   --voxceleb1 DIR      the official folders, for the lists; from https://www.robots.ox.ac.uk/~vgg/data/voxceleb/
#   --voxceleb2 DIR      the official folders: dev is the training data
#   --lists DIR          trial lists, as published (default: the folder of VoxCeleb1)
#   --musan DIR, --rirs DIR   https://www.openslr.org/17 and 28 (default: synthetic noise, simulated rooms)
#   --encoder NAME       resnet34 (default) or ecapa: the files of conf/
#   --set "KEY=VALUE ..." overrides of the first stage's configuration, --set-large-margin of the second's
#   --stage N, --stop-stage M   1 data, 2 train, 3 large-margin fine-tuning, 4 extract, 5 score
#   --top N              cohort speakers of the adaptive S-norm (default: 300)
#   --work DIR           where data/ and exp/ go (default: the recipe's own folder)
#   --processes N        training processes, one a GPU (default: 1)
#   --device NAME        for extraction: auto, cpu, cuda (default: auto)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
recipe=$root/recipes/voxceleb/supervised

stage=1
stop_stage=5
voxceleb1=
voxceleb2=
lists=
musan=
rirs=
encoder=resnet34
set=
set_large_margin=
top=300
work=$recipe
processes=1
device=auto
. "$root/tools/parse_options.sh"
. "$root/recipes/local/voxceleb.sh"

need_both_corpora
if [ ! -f "$recipe/conf/$encoder.yaml" ]; then
  echo "$0: --encoder is resnet34 or ecapa, not '$encoder'" >&2
  exit 2
fi
set_up
data=$work/data exp=$work/exp
settings=(--set data.train="[$data/vox2_dev]")
add_noise_and_rooms
first=() second=()
for override in $set; do first+=(--set "$override"); done
for override in $set_large_margin; do second+=(--set "$override"); done

if stage 1 "data: VoxCeleb2 dev for training, all of VoxCeleb1 for the lists"; then
  prepare_dev 2
  prepare_lists
fi

if stage 2 "train $encoder"; then
  run speakerssl train --config "$recipe/conf/$encoder.yaml" "${settings[@]}" "${first[@]}" \
    --processes "$processes" --output "$exp/$encoder"
fi

if stage 3 "large-margin fine-tuning"; then
  run speakerssl train --config "$recipe/conf/${encoder}_large_margin.yaml" "${settings[@]}" \
    --set training.init_from="$exp/$encoder" "${second[@]}" \
    --processes "$processes" --output "$exp/${encoder}_large_margin"
fi

systems=("$encoder" "${encoder}_large_margin")
if stage 4 "extract"; then
  for system in "${systems[@]}"; do
    for folder in vox2_dev vox1_all; do
      run_past_failures "$exp/$system/embeddings/$folder" \
        speakerssl extract --engine torch --model "$exp/$system" --data "$data/$folder" --device "$device" \
        --output "$exp/$system/embeddings/$folder"
    done
  done
fi

if stage 5 "score: cosine, and adaptive S-norm with speaker means as cohort"; then
  columns=() rows=()
  for trials in "$data"/vox1_all/trials_*; do
    name=$(basename "$trials")
    columns+=("$name=$trials")
    for system in "${systems[@]}"; do
      scored=(--embeddings "$exp/$system/embeddings/vox1_all/xvector.scp" --trials "$trials")
      run speakerssl score "${scored[@]}" --output "$exp/$system/scores/$name.txt"
      run speakerssl norm "${scored[@]}" --cohort "$exp/$system/embeddings/vox2_dev/xvector.scp" \
        --cohort-utt2spk "$data/vox2_dev/utt2spk" --method as --top "$top" --output "$exp/$system-asnorm/scores/$name.txt"
    done
  done
  for system in "${systems[@]}"; do rows+=("$system" "$system-asnorm"); done
  run speakerssl table --exp "$exp" --systems "${rows[@]}" --lists "${columns[@]}" --markdown "$exp/table.md"
fi

name_failures "$data/vox2_dev"
