"""What a column is called in the headers of other tools, and the words that stand for target and non-target."""

import re

from speakerssl.trials.tokens import is_number

ENROL, TEST, SCORE, LABEL, SIDE, OTHER = "enrol", "test", "score", "label", "side", "other"

NAMES = {
    ENROL: "enrol enroll enrolment enrollment enrolid enrollid enrolmentid enrollmentid model modelid modelname utt1 "
    "utterance1 id1 file1 wav1 path1 audio1 speech1 segment1 segid1 recording1 left reference ref speaker spk spkid",
    TEST: "test testid testutt testsegment segment segmentid segid seg utt utt2 utterance utterance2 id2 file2 wav2 "
    "path2 audio2 speech2 segment2 segid2 recording2 right probe query trial",
    SCORE: "score scores llr loglikelihoodratio similarity cosine cos cosinescore systemscore normscore "
    "normedscore sim",
    LABEL: "label labels target targettype trialtype istarget key same issame truth groundtruth class y gt",
    SIDE: "side channel chn",
}
ROLES = {name: role for role, names in NAMES.items() for name in names.split()}


class LabelWords(dict[str, int]):
    """Words in lower case and what they mean; so does any number that equals 1, 0 or -1 (`1.000000e+00`)."""

    def __contains__(self, word: object) -> bool:
        return self.get(str(word)) is not None

    def get(self, word: str, default: int | None = None) -> int | None:  # type: ignore[override]
        """What `word` means, `default` where it is no label."""
        found = super().get(word)
        if found is None and not word.startswith("-0") and is_number(word):
            found = {1.0: 1, 0.0: 0, -1.0: 0}.get(float(word))
        return default if found is None else found


# In lower case; files may write them in any.
_TARGET = "target tgt tar true same genuine yes positive match mated client"
_NONTARGET = "nontarget non-target nontgt non imp impostor imposter false different diff no negative nonmatch mismatch"
_NONTARGET += " non-match nonmated non-mated non-tgt"
LABELS = LabelWords({**dict.fromkeys(_TARGET.split(), 1), **dict.fromkeys(_NONTARGET.split(), 0)})


def header_roles(names: list[str]) -> list[str] | None:
    """The role of each column of a header; None where the names are no header.

    A header names a pair of ids, or a score and a label. Words it does not know are `OTHER`, and a second column of
    the same role too.
    """
    if any(is_number(name) for name in names):
        return None
    known = [ROLES.get(re.sub(r"[^a-z0-9]", "", name.lower()), OTHER) for name in names]
    roles = [role if role == OTHER or known.index(role) == place else OTHER for place, role in enumerate(known)]
    pair = ENROL in roles and TEST in roles
    if pair or (SCORE in roles and LABEL in roles):
        return roles
    return None
