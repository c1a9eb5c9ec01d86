#!/usr/bin/env bash
# Published self-supervised set-ups without labels, and their evaluation on VoxCeleb1's O, E and H lists; by default
# the seed paper (arXiv 2306.03664) on VoxCeleb1 dev. For a machine that has the corpora. docs/published_setups.md
# compares each configuration with its reference, ../RESULTS.md has the published figures.
#
#   recipes/voxceleb/ssl/run.sh --voxceleb1 DIR --musan DIR --rirs DIR
#
#   --voxceleb1 DIR      the official folders: wav/id10001/... (dev and test together or in dev/wav, test/wav);
#                        from https://www.robots.ox.ac.uk/~vgg/data/voxceleb/
#   --voxceleb2 DIR      VoxCeleb2's folders (aac/id00012/...), to train on its dev part instead of VoxCeleb1's
#   --lists DIR          veri_test.txt, veri_test2.txt, list_test_all2.txt, list_test_hard2.txt, as published
#                        (default: the corpus's folder)
#   --musan DIR          MUSAN, https://www.openslr.org/17 (default: synthetic noise)
#   --rirs DIR           RIRS_NOISES, https://www.openslr.org/28 (default: simulated rooms)
#   --conf YAML          a file of conf/ (default: conf/sslsv_is2023.yaml)
#   --row NAME           the row of it (default: small; none for a file without rows)
#   --set "KEY=VALUE ..." overrides of the configuration, e.g. "loss.margin.value=0.3 training.epochs=200"
#   --stage N, --stop-stage M   1 data, 2 validation trials, 3 train, 4 extract, 5 score
#   --work DIR           where data/ and exp/ go (default: the recipe's own folder)
#   --processes N        training processes, one a GPU (default: 1)
#   --num-validation N   recordings set aside for validation trials (default: 1000)
#   --device NAME        for extraction: auto, cpu, cuda (default: auto)
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
recipe=$root/recipes/voxceleb/ssl

stage=1
stop_stage=5
voxceleb1=
voxceleb2=
lists=
musan=
rirs=
conf=$recipe/conf/sslsv_is2023.yaml
row=small
set=
work=$recipe
processes=1
num_validation=1000
device=auto
. "$root/tools/parse_options.sh"
. "$root/recipes/local/voxceleb.sh"

if [ -z "$voxceleb1" ] || [ ! -d "$voxceleb1" ]; then
  echo "$0: --voxceleb1 '$voxceleb1' is not a folder; get VoxCeleb1 from $voxceleb_page" >&2
  exit 2
fi
set_up
data=$work/data exp=$work/exp
[ "$row" != none ] || row=
corpus=vox1_dev
[ -z "$voxceleb2" ] || corpus=vox2_dev
model=$exp/$(basename "$conf" .yaml)${row:+_$row}
settings=(--set data.train="[$data/$corpus]" --set data.exclude="$data/valid/recordings"
  --set validation.data="$data/valid" --set validation.trials="$data/valid/trials")
add_noise_and_rooms
for override in $set; do settings+=(--set "$override"); done

if stage 1 "data: dev for training (its labels are never read), all of VoxCeleb1 for the lists"; then
  if [ -n "$voxceleb2" ]; then
    prepare_dev 2
  else
    prepare_dev 1
  fi
  prepare_lists
fi

if stage 2 "validation trials from training recordings"; then
  run_past_failures "$data/valid" \
    speakerssl validation --data "$data/$corpus" --output "$data/valid" --num-recordings "$num_validation"
fi

if stage 3 "train"; then
  run speakerssl train --config "$conf" ${row:+--row "$row"} "${settings[@]}" --processes "$processes" --output "$model"
fi

if stage 4 "extract"; then
  run speakerssl extract --engine torch --model "$model" --data "$data/vox1_all" --output "$model/embeddings" \
    --device "$device"
  run speakerssl floor --data "$data/vox1_all" --output "$exp/floor/embeddings"
fi

if stage 5 "score"; then
  columns=()
  for trials in "$data"/vox1_all/trials_*; do
    for system in "$model" "$exp/floor"; do
      run speakerssl score --embeddings "$system/embeddings/xvector.scp" --trials "$trials" \
        --output "$system/scores/$(basename "$trials").txt"
    done
    columns+=("$(basename "$trials")=$trials")
  done
  run speakerssl table --exp "$exp" --systems "$(basename "$model")" floor --lists "${columns[@]}" \
    --markdown "$exp/table.md"
fi

name_failures "$data/$corpus" "$data/valid"
