# Sourced by the recipes of VoxCeleb after tools/parse_options.sh: what they check and make alike.

voxceleb_page=https://www.robots.ox.ac.uk/~vgg/data/voxceleb/

need_both_corpora() { # ends with status 2 where --voxceleb1 or --voxceleb2 is no folder
  local folder
  for folder in "$voxceleb1" "$voxceleb2"; do
    if [ -z "$folder" ] || [ ! -d "$folder" ]; then
      echo "$0: '$folder' is not a folder; give --voxceleb1 and --voxceleb2, from $voxceleb_page" >&2
      exit 2
    fi
  done
}

add_noise_and_rooms() { # --musan and --rirs, where they are given, to the configuration's `settings`
  [ -z "$musan" ] || settings+=(--set augment.noise.folder="$musan")
  [ -z "$rirs" ] || settings+=(--set augment.reverb.folder="$rirs")
}

prepare_dev() { # prepare_dev 2: VoxCeleb2's dev part as $data/vox2_dev
  local folder=voxceleb$1
  run_past_failures "$data/vox$1_dev" \
    speakerssl prepare --corpus "$folder" --subset dev --audio-dir "${!folder}" --output "$data/vox$1_dev"
}

prepare_lists() { # all of VoxCeleb1, with its trial lists, as $data/vox1_all
  run speakerssl prepare --corpus voxceleb1 --subset all --audio-dir "$voxceleb1" \
    ${lists:+--trials-dir "$lists"} --output "$data/vox1_all"
}
