#!/usr/bin/env python3
"""Joins utt2spk files, sets speakers aside and makes their trials: the development set of fusion and calibration.

Where sessions are known, a speaker's recordings are taken from as many of them as there are, and two recordings of one
session are no target trial: they would share the room and the microphone too.
"""

import argparse
import sys
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from speakerssl.data.tables import write_table
from speakerssl.errors import InputError, SpeakerSSLError
from speakerssl.io import write_text
from speakerssl.trials.speakers import read_utt2spk

LEAST = 4  # recordings of a speaker that is set aside


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utt2spk", nargs="+", required=True, help="files of the training corpora")
    parser.add_argument("--utt2session", nargs="*", default=[], help="files of sessions, of any of the corpora")
    parser.add_argument("--dev-speakers", type=int, default=30, help="speakers to set aside (30)")
    parser.add_argument("--each", type=int, default=8, help="recordings of each that trials are made of, at most (8)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (0)")
    parser.add_argument(
        "--output", type=Path, required=True, help="where utt2spk, dev_recordings, dev_utt2spk and dev_trials go"
    )
    return parser


def join(files: list[str]) -> dict[str, str]:
    """{recording: speaker} of all corpora. Raises InputError for a recording of two."""
    joined: dict[str, str] = {}
    for number, path in enumerate(files):
        # A corpus's speaker names are its own: "001" of two corpora are two people.
        found = {key: f"c{number}-{name}" for key, name in read_utt2spk(path).items()}
        if twice := sorted(joined.keys() & found.keys()):
            raise InputError(f"{path}: '{twice[0]}' is in another corpus too; give recordings names of their own")
        joined |= found
    return joined


def choose(
    utt2spk: Mapping[str, str], sessions: Mapping[str, str], count: int, each: int, seed: int
) -> dict[str, list[str]]:
    """{speaker: recordings} of `count` speakers by chance, who have `LEAST` recordings and, of those, two sessions.

    A recording without a session is one of its own. Raises InputError where there are too few such speakers.
    """
    spoken: dict[str, dict[str, list[str]]] = {}
    for key in sorted(utt2spk):
        spoken.setdefault(utt2spk[key], {}).setdefault(sessions.get(key, key), []).append(key)
    able = sorted(name for name, own in spoken.items() if len(own) > 1 and sum(map(len, own.values())) >= LEAST)
    if len(able) <= count:
        raise InputError(f"{len(able)} speakers have {LEAST} recordings or more; too few to set {count} aside")
    chosen = np.random.default_rng(seed).choice(able, count, replace=False)
    return {str(speaker): _in_turn(list(spoken[str(speaker)].values()))[:each] for speaker in sorted(chosen)}


def _in_turn(sessions: list[list[str]]) -> list[str]:
    # The first recording of every session, then the second of each that has one, and so on.
    longest = max(map(len, sessions))
    return [own[place] for place in range(longest) for own in sessions if place < len(own)]


def main() -> int:
    args = build_parser().parse_args()
    try:
        joined = join(args.utt2spk)
        sessions = {key: name for path in args.utt2session for key, name in read_utt2spk(path).items()}
        dev = choose(joined, sessions, args.dev_speakers, args.each, args.seed)
    except SpeakerSSLError as error:
        print(f"held_out_speakers.py: {error}", file=sys.stderr)
        return error.exit_code
    owner = {key: speaker for speaker, keys in dev.items() for key in keys}
    aside = {key for key, speaker in joined.items() if speaker in dev}
    write_table(args.output / "utt2spk", [(k, s) for k, s in joined.items() if k not in aside])
    write_table(args.output / "dev_utt2spk", owner.items())
    write_text(args.output / "dev_recordings", "".join(f"{key}\n" for key in sorted(aside)))
    pairs = [(a, b) for a, b in combinations(sorted(owner), 2) if sessions.get(a, a) != sessions.get(b, b)]
    write_text(args.output / "dev_trials", "".join(f"{int(owner[a] == owner[b])} {a} {b}\n" for a, b in pairs))
    print(f"{args.output}: {len(set(joined.values()))} speakers, {len(dev)} of them set aside")
    return 0


if __name__ == "__main__":
    sys.exit(main())
