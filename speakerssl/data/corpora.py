"""Corpora in their official layouts: which files belong to a subset, who speaks, and the trial lists.

VoxCeleb (https://www.robots.ox.ac.uk/~vgg/data/voxceleb/): `wav/id10001/VIDEO/00001.wav`, `aac/` with m4a in
VoxCeleb2. Ids are those of the official lists (`id10001/VIDEO/00001.wav`), which are used as they are.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from speakerssl.data.folders import find_audio, utterance_id
from speakerssl.data.kaldi import DataDir, Utterance
from speakerssl.errors import InputError, unknown_name

SUBSETS = ("dev", "test", "all")
# The official file of a list: the name that it gets in the data directory, and the subset that has its recordings.
VOXCELEB1_TRIALS = {
    "veri_test.txt": ("trials_vox1_O", "test"),
    "veri_test2.txt": ("trials_vox1_O_cleaned", "test"),
    "list_test_all.txt": ("trials_vox1_E", "all"),
    "list_test_all2.txt": ("trials_vox1_E_cleaned", "all"),
    "list_test_hard.txt": ("trials_vox1_H", "all"),
    "list_test_hard2.txt": ("trials_vox1_H_cleaned", "all"),
}
_VOXCELEB_HOME = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/"
_SPEAKER = re.compile(r"id\d{5}")
_VOXCELEB1_TEST = range(10270, 10310)  # the 40 speakers whose names begin with E (Nagrani et al., 2017)


def read_corpus(name: str, root: str | Path, subset: str = "dev") -> DataDir:
    """The recordings of a corpus's subset, with speakers and sessions.

    Raises InputError for an unknown corpus or subset and for a folder without the corpus.
    """
    if name not in CORPORA:
        raise unknown_name("corpus", name, CORPORA)
    if subset not in SUBSETS:
        raise unknown_name("subset", subset, SUBSETS)
    return CORPORA[name](Path(root), subset)


def find_trials(root: str | Path, subset: str) -> dict[str, Path]:
    """{name: file} of the VoxCeleb1 lists in `root` or its `meta` folder whose recordings are in `subset`."""
    folders = (Path(root) / "meta", Path(root))
    return {
        name: folder / file
        for file, (name, part) in VOXCELEB1_TRIALS.items()
        for folder in folders
        if subset in (part, "all") and (folder / file).is_file()
    }


def _voxceleb1(root: Path, subset: str) -> DataDir:
    # Both archives unpack into `wav/`, and people keep them apart or not: the speaker decides.
    def wanted(speaker: str) -> bool:
        return subset == "all" or (int(speaker[2:]) in _VOXCELEB1_TEST) == (subset == "test")

    places = ("wav", "dev/wav", "test/wav", "dev", "test", "")
    return _voxceleb(root, [root / place for place in places], wanted, f"VoxCeleb1 {subset}")


def _voxceleb2(root: Path, subset: str) -> DataDir:
    parts = ("dev", "test") if subset == "all" else (subset,)
    places = [root / part / kind for part in parts for kind in ("aac", "m4a", "wav", "")]
    if subset != "test":
        places += [root / kind for kind in ("aac", "m4a", "wav", "")]
    return _voxceleb(root, places, lambda speaker: True, f"VoxCeleb2 {subset}")


def _voxceleb(root: Path, places: list[Path], wanted: Callable[[str], bool], title: str) -> DataDir:
    recordings: dict[str, Utterance] = {}
    speakers: dict[str, str] = {}
    sessions: dict[str, str] = {}
    for speaker_folder in _speaker_folders(places):
        if not wanted(speaker_folder.name):
            continue
        for relative in find_audio(speaker_folder):
            key = utterance_id(Path(speaker_folder.name) / relative, keep_suffix=True)
            recordings[key] = Utterance(key, str(speaker_folder / relative), recording=key)
            speakers[key] = speaker_folder.name
            sessions[key] = f"{speaker_folder.name}/{relative.parts[0]}"
    if not recordings:
        raise InputError(
            f"{root}: no {title} recordings (expected wav/id10001/VIDEO/00001.wav or the like); "
            f"the corpus is described at {_VOXCELEB_HOME}"
        )
    return DataDir(recordings, root, speakers, utt2session=sessions)


def _speaker_folders(places: list[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from sorted(path for path in place.iterdir() if _SPEAKER.fullmatch(path.name))


CORPORA: dict[str, Callable[[Path, str], DataDir]] = {"voxceleb1": _voxceleb1, "voxceleb2": _voxceleb2}
