"""Why two lists share no id: the one difference that would mend it, and the endings that can be stripped."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from speakerssl.trials.trial_list import Trials

# Endings of recordings and features that toolkits leave on ids, or do not.
SUFFIXES = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".sph", ".aac", ".aiff", ".npy", ".pt", ".ark", ".h5")
SAMPLE = 20_000


def strip_suffix(name: str, suffixes: Sequence[str]) -> str:
    """`name` without the first of `suffixes` that it ends with, in any case; never an empty name."""
    for suffix in suffixes:
        if name.lower().endswith(suffix.lower()) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def strip_suffixes(trials: Trials, suffixes: Sequence[str]) -> Trials:
    """The trials with `suffixes` dropped from their ids."""
    return trials.renamed(lambda name: strip_suffix(name, suffixes)) if suffixes else trials


def explain_mismatch(asked: Iterable[str], there: Iterable[str]) -> str:
    """One id of each side, and what would make ids meet: a part of an error message, under 200 characters."""
    ours, theirs = list(asked)[:SAMPLE], list(there)
    found = _difference(ours, theirs)
    if found is not None:
        one, other, cure = found
        return f"it asks for '{_short(one)}', there is '{_short(other)}'; {cure}"
    example = f"it asks for '{_short(ours[0])}'" if ours else "it asks for nothing"
    return f"{example}, there is '{_short(theirs[0])}'" if theirs else f"{example}, there is nothing"


def _difference(ours: list[str], theirs: list[str]) -> tuple[str, str, str] | None:
    """An id of each side that one change makes equal, and the words for it."""
    for change, words in _changes():
        index = {change(name): name for name in theirs}
        for name in ours:
            other = index.get(change(name))
            if other is not None:
                return name, other, words(name, other)
    return None


Change = tuple[Callable[[str], str], Callable[[str, str], str]]


def _changes() -> list[Change]:
    def without_suffix(name: str) -> str:
        return strip_suffix(name, SUFFIXES)

    def suffix_of(one: str, other: str) -> str:
        endings = {name[len(without_suffix(name)) :] for name in (one, other)} - {""}
        return " ".join(sorted(endings))

    def base(name: str) -> str:
        return PurePosixPath(name.replace("\\", "/")).name

    return [
        (lambda name: name, lambda one, other: "the ids are the same, but in other pairs"),
        (without_suffix, lambda one, other: f"--strip-suffix {suffix_of(one, other)} makes them meet"),
        (_visible, lambda one, other: "they differ in characters that cannot be seen, or in their Unicode form"),
        (str.lower, lambda one, other: "they differ in upper and lower case"),
        (lambda name: re.sub(r"[/\\_-]", "-", without_suffix(name)), _separators),
        (base, lambda one, other: f"they differ in the folder '{_short(_folder(one, other))}'"),
        (lambda name: without_suffix(base(name)), lambda one, other: "they differ in the folder and in the ending"),
    ]


def _visible(name: str) -> str:
    kept = (c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) not in ("Cf", "Cc", "Zs"))
    return "".join(kept)


def _separators(one: str, other: str) -> str:
    return "they differ in what separates their parts ('/', '-', '_')" + (
        "" if strip_suffix(one, SUFFIXES) == one and strip_suffix(other, SUFFIXES) == other else " and in the ending"
    )


def _folder(one: str, other: str) -> str:
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return longer[: len(longer) - len(shorter)] if longer.endswith(shorter) else str(PurePosixPath(longer).parent)


def _short(name: str) -> str:
    """At most 60 characters, without control characters that would move a terminal's cursor."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return safe if len(safe) <= 60 else f"{safe[:28]}...{safe[-28:]}"
