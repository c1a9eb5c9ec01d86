# Sourced by recipes after they set their options' defaults: `--kebab-case VALUE` sets $kebab_case, if it exists.
# `--help` prints the comment at the top of the recipe. Unknown options end with status 2.
#
# Also gives `set_up`, which makes the environment where it is missing and puts it first on the path; `stage N TITLE`,
# true when stage N is asked for; and `run COMMAND...`, which prints the command in a form that can be copied into a
# shell and runs it. `run_past_failures FOLDER COMMAND...` goes on where single recordings failed, which the command
# lists in FOLDER/failed.txt; `name_failures FOLDER...` at the end of a recipe names those lists and ends with status 1
# where there are any.

while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h)
      sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p;}' "$0"
      exit 0
      ;;
    --*=*)
      set -- "${1%%=*}" "${1#*=}" "${@:2}"
      continue
      ;;
    --*)
      _name=$(printf '%s' "${1#--}" | tr - _)
      if ! [[ "$_name" =~ ^[a-z][a-z0-9_]*$ ]] || [ -z "${!_name+set}" ]; then
        echo "$0: unknown option $1; see $0 --help" >&2
        exit 2
      fi
      if [ $# -lt 2 ]; then
        echo "$0: option $1 needs a value; see $0 --help" >&2
        exit 2
      fi
      printf -v "$_name" '%s' "$2"
      shift 2
      ;;
    *)
      echo "$0: unexpected argument '$1'; options are --name value, see $0 --help" >&2
      exit 2
      ;;
  esac
done

for _name in stage stop_stage iterations; do
  if [ -n "${!_name+set}" ] && ! [[ "${!_name}" =~ ^[0-9]+$ ]]; then
    echo "$0: --$(printf '%s' "$_name" | tr _ -) wants a whole number, not '${!_name}'; see $0 --help" >&2
    exit 2
  fi
done

set_up() {
  "$root/tools/setup.sh"
  export PATH=$root/.venv/bin:$PATH OMP_NUM_THREADS=1
}

stage() {
  _stage_title="stage $1: $2"
  [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ] || return 1
  printf '\n== %s\n' "$_stage_title"
}

run() {
  _run "$@"
  _stop_unless_done "$_status"
}

run_past_failures() {
  local list=$1/failed.txt
  shift
  _run "$@"
  if [ "$_status" -eq 1 ] && [ -s "$list" ]; then
    echo "$0: $_stage_title goes on without the recordings in $list" >&2
    return
  fi
  _stop_unless_done "$_status"
}

name_failures() {
  local folder failed=0
  for folder in "$@"; do
    if [ -s "$folder/failed.txt" ]; then
      echo "$0: done without $(wc -l < "$folder/failed.txt") recordings, see $folder/failed.txt" >&2
      failed=1
    fi
  done
  [ "$failed" -eq 0 ] || exit 1
}

_run() {
  printf '%s' '$' >&2
  printf ' %q' "$@" >&2
  printf '\n' >&2
  _status=0
  "$@" || _status=$?
}

_stop_unless_done() {
  local status=$1
  if [ "$status" -ne 0 ]; then
    echo "$0: $_stage_title failed (status $status); mend what the line above names and run again to go on from here" >&2
    exit "$status"
  fi
}
