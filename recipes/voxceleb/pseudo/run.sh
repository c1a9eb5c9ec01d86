#!/usr/bin/env bash
# Pseudo-label iterations on VoxCeleb, label-free all the way: DLG-LC (arXiv 2304.05754) from a self-supervised model or
# from i-vectors (arXiv 2409.10791). For a machine that has the corpora; published with DINO as a start: 1.47 % on O.
#
#   recipes/voxceleb/pseudo/run.sh --train DIR --test DIR --start exp/ssl_model
#
#   --train DIR          Kaldi data directory of training recordings: `speakerssl prepare --corpus voxceleb2 ...`
#   --test DIR           Kaldi data directory with all recordings of the lists, and trials_* in it
#   --start NAME         a model directory (of ../ssl, say), `ivector` or `floor`
#   --conf YAML          of each iteration (default: conf/resnet34.yaml)
#   --clusters K         clusters of each iteration (default: 7500, from --micro 50000 of k-means), or `auto`
#   --micro M            k-means clusters before linkage
#   --iterations N       at most so many (default: 5); fewer where validation stops to improve
#   --set "KEY=VALUE ..." overrides of the configuration
#   --report-labels FILE a true utt2spk of training recordings, only to print NMI and purity
#   --num-validation N   recordings set aside for validation trials (default: 1000)
#   --ivector-options "..." of `speakerssl ivector train` (default: Kaldi's sizes)
#   --stage N, --stop-stage M   1 validation trials, 2 iterations, 3 test lists
#   --work DIR           where data/ and exp/ go (default: the recipe's own folder)
#   --jobs N             processes of extraction
#
# Stopped at any point and started again, it goes on from there. Every command is printed as it can be run by hand.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
recipe=$root/recipes/voxceleb/pseudo

stage=1
stop_stage=3
train=
test=
start=
conf=$recipe/conf/resnet34.yaml
clusters=7500
micro=50000
iterations=5
set=
report_labels=
num_validation=1000
ivector_options=
work=$recipe
jobs=2
. "$root/tools/parse_options.sh"
. "$root/recipes/local/voxceleb.sh"
. "$root/recipes/local/pseudo_iterations.sh"

for folder in "$train" "$test"; do
  if [ -z "$folder" ] || [ ! -f "$folder/wav.scp" ]; then
    echo "$0: '$folder' has no wav.scp; make --train and --test with speakerssl prepare from VoxCeleb, $voxceleb_page" >&2
    exit 2
  fi
done
if [ "$start" != ivector ] && [ "$start" != floor ] && [ ! -f "$start/model.safetensors" ]; then
  echo "$0: --start '$start' is neither a model directory, nor ivector or floor; recipes/voxceleb/ssl trains one" >&2
  exit 2
fi
set_up
valid=$work/data/valid exp=$work/exp/$(basename "$start")
train=("$train")
cluster_options=(--micro "$micro")
read -ra ivector_options <<<"$ivector_options"
settings=(--set data.train="[${train[0]}]" --set validation.data="$valid" --set validation.trials="$valid/trials")
for override in $set; do settings+=(--set "$override"); done

if stage 1 "validation trials from training recordings"; then
  run_past_failures "$valid" \
    speakerssl validation --data "${train[0]}" --output "$valid" --num-recordings "$num_validation" --jobs "$jobs"
fi

if stage 2 "iterations"; then
  iterate
fi

if stage 3 "test lists with the best iteration"; then
  best=$exp/$(cat "$exp/best")
  if [ ! -f "$best/model.safetensors" ]; then
    echo "$0: no iteration is better than the start, by validation: see $exp/iterations.md" >&2
    exit 1
  fi
  run speakerssl extract --engine torch --model "$best" --data "$test" --output "$best/embeddings/test" --jobs "$jobs"
  columns=()
  for trials in "$test"/trials_*; do
    run speakerssl score --embeddings "$best/embeddings/test/xvector.scp" --trials "$trials" \
      --output "$best/scores/$(basename "$trials").txt"
    columns+=("$(basename "$trials")=$trials")
  done
  run speakerssl table --exp "$exp" --systems "$(basename "$best")" --lists "${columns[@]}" --markdown "$exp/table.md"
fi

name_failures "$valid"
