# Sourced by the recipes that fuse: what belongs to speakers that training does not hear.

split_embeddings() { # split_embeddings FOLDER LABELS: FOLDER/all.scp to train.scp and dev.scp, by held_out_speakers.py's
  local part           # tables in LABELS
  for part in utt2spk dev_utt2spk; do
    awk -v list="$2/$part" 'BEGIN { while ((getline line < list) > 0) { split(line, word, " "); keep[word[1]] } }
      $1 in keep' "$1/all.scp" >"$1/$part.scp"
  done
  mv "$1/utt2spk.scp" "$1/train.scp"
  mv "$1/dev_utt2spk.scp" "$1/dev.scp"
}
