# Sourced by the pseudo-label recipes: `iterate` clusters what an encoder says, trains on the clusters as if they were
# speakers, and repeats while label-free validation gets better (arXiv 2304.05754). What it reads:
#   exp         folder of the iterations: iteration-0 is the start, `best` names the one to keep
#   start       iteration 0: a model directory, or `ivector` or `floor`, which need no training on a GPU
#   train       array of Kaldi data directories; valid: what `speakerssl validation` made of them
#   conf, settings   configuration of each training, and an array of further options of `speakerssl train`
#   first_labels   whose embeddings give iteration 1 its clusters: `start` (or unset), `floor` or `ivector`
#   across      a second list of validation trials, of training recordings against halves (or unset): both must get better
#   clusters    how many, or `auto`; cluster_options: an array of further options of `speakerssl cluster`
#   iterations  at most so many; 0: the start alone is embedded and scored
#   jobs, ivector_options (array), report_labels (a true utt2spk, only to report NMI and purity, or empty)
# Stopped at any point and started again, it goes on from there.

helpers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

check_first_labels() { # ends the recipe where --first-labels is no word for whose embeddings come first
  [[ "$first_labels" =~ ^(start|floor|ivector)$ ]] && return
  echo "$0: --first-labels is start, floor or ivector, not '$first_labels'; see $0 --help" >&2
  exit 2
}

embed_set() { # embed_set FOLDER MODEL DATA_DIR: its embeddings, into FOLDER/embeddings
  local output=$1/embeddings/$(basename "$3")
  case $2 in
    floor)
      [ -f "$output/xvector.scp" ] ||
        run_past_failures "$output" speakerssl floor --data "$3" --output "$output"
      ;;
    ivector)
      [ -f "$output/xvector.scp" ] ||
        run speakerssl ivector extract --model "$1/ivector" --data "$3" --output "$output"
      ;;
    *)
      run_past_failures "$output" \
        speakerssl extract --engine torch --model "$2" --data "$3" --output "$output" --jobs "$jobs"
      ;;
  esac
}

embed() { # embed FOLDER MODEL: embeddings of the training recordings and of the validation halves
  local set
  if [ "$2" = ivector ]; then
    run speakerssl ivector train --data "${train[@]}" --exclude "$valid/recordings" --output "$1/ivector" \
      "${ivector_options[@]}"
  fi
  for set in "${train[@]}" "$valid"; do embed_set "$1" "$2" "$set"; done
  # Recordings that validation was cut from take no part in the clusters either.
  for set in "${train[@]}"; do cat "$1/embeddings/$(basename "$set")/xvector.scp"; done |
    awk -v list="$valid/recordings" 'BEGIN { while ((getline id < list) > 0) skip[id] } !($1 in skip)' >"$1/train.scp.part"
  mv "$1/train.scp.part" "$1/train.scp"
  run speakerssl score --embeddings "$1/embeddings/$(basename "$valid")/xvector.scp" --trials "$valid/trials" \
    --output "$1/scores/valid.txt"
  [ -n "${across:-}" ] || return 0
  cat "$1"/embeddings/*/xvector.scp >"$1/all.scp.part"
  mv "$1/all.scp.part" "$1/all.scp"
  run speakerssl score --embeddings "$1/all.scp" --trials "$across" --output "$1/scores/across.txt"
}

cluster_again() { # cluster_again FOLDER NEXT: the pseudo-labels of iteration NEXT from the embeddings in FOLDER
  [ ! -f "$2/utt2cluster" ] || return 0
  mkdir -p "$2"
  local options=(--embeddings "$1/train.scp" --output "$2/utt2cluster" "${cluster_options[@]}" --json)
  [ "$clusters" = auto ] || options+=(--clusters "$clusters")
  [ -z "$report_labels" ] || options+=(--report-labels "$report_labels")
  run speakerssl cluster "${options[@]}" >"$2/clusters.json.part"
  mv "$2/clusters.json.part" "$2/clusters.json"
}

report_iterations() { # the table, the plot and `best`; status 3 when validation no longer improves
  python "$helpers/pseudo_progress.py" --exp "$exp" --trials "$valid/trials" ${across:+--across "$across"}
}

iterate() {
  local number folder next model=$start source=$exp/iteration-0
  embed "$exp/iteration-0" "$start"
  if [ "$iterations" -eq 0 ]; then # the start alone, with scores for a calibration
    report_iterations || [ $? -eq 3 ]
    return
  fi
  if [ "${first_labels:-start}" != start ]; then
    source=$exp/first-labels
    embed "$source" "$first_labels"
  fi
  for ((number = 1; number <= iterations; number++)); do
    folder=$exp/iteration-$((number - 1)) next=$exp/iteration-$number
    cluster_again "$source" "$next"
    local begin=()
    [ "$model" = ivector ] || [ "$model" = floor ] ||
      begin=(--set training.init_from="$model" --set method.centres="$folder/train.scp")
    run speakerssl train --config "$conf" "${settings[@]}" "${begin[@]}" --set method.labels="$next/utt2cluster" \
      --set data.exclude="$valid/recordings" --output "$next"
    model=$next source=$next
    embed "$next" "$next"
    local status=0
    report_iterations || status=$?
    [ "$status" -ne 3 ] || break
    [ "$status" -eq 0 ] || exit "$status"
  done
}
