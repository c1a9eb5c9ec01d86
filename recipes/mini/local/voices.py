"""Who speaks in the synthetic corpus, and what they say: all drawn from a seed."""

from dataclasses import dataclass

import numpy as np

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
# Variants that sound like a person; whispers, robots and effects are left out.
_NAMES = """
Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen
Reed adam anika announcer antonio aunty belinda benjamin boris caleb david ed edward edward2 f1 f2 f3 f4 f5
grandma grandpa gustave ian iven iven2 iven3 iven4 john kaukovalta klatt klatt2 klatt3 klatt4 klatt5 linda m1 m2
m3 m4 m5 m6 m7 m8 marcelo max michel miguel mike2 norbert pablo paul pedro quincy rob robert sandro shelby steph
steph2 steph3 travis victor zac
"""
VARIANTS = tuple(_NAMES.split())


@dataclass(frozen=True)
class Speaker:
    """A voice (accent and variant) with its own pitch, pitch range (espeak's 0 to 100) and rate (words a minute)."""

    name: str
    voice: str
    pitch: int
    pitch_range: int
    rate: int


def draw_speakers(count: int, seed: int) -> list[Speaker]:
    """`count` speakers; no two share accent and variant while there are enough of those."""
    rng = np.random.default_rng((seed, 1))
    pairs = [f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS]
    order = rng.permutation(len(pairs))
    return [
        Speaker(
            name=f"spk{number:04d}",
            voice=pairs[order[number % len(pairs)]],
            pitch=int(rng.integers(25, 76)),
            pitch_range=int(rng.integers(25, 76)),
            rate=int(rng.integers(135, 196)),
        )
        for number in range(count)
    ]


_WHO = "my brother|the old teacher|our neighbour|a young doctor|the captain|her cousin|the baker|nobody here|a stranger"
_DOES = "carried|remembered|painted|borrowed|measured|followed|repaired|described|collected|ignored|noticed|finished"
_WHAT = (
    "a wooden bridge|seven letters|the green jacket|his first story|a broken clock|three yellow boats|the village map"
)
_MORE = "a jar of honey|the quiet garden|an empty theatre|forty pages|the heavy suitcase|a silver whistle|fresh coffee"
_WHERE = "near the harbour|behind the station|after the storm|on Thursday morning|without a word|in the northern valley"
_ALSO = "just before sunset|under the chestnut tree|for the third time|with great care|during the winter|over the phone"


def draw_sentence(rng: np.random.Generator) -> str:
    """A sentence of about three seconds, one of more than a million."""
    who, does, what, where = (_pick(words, rng) for words in (_WHO, _DOES, f"{_WHAT}|{_MORE}", f"{_WHERE}|{_ALSO}"))
    if rng.random() < 0.5:
        return f"{where}, {who} {does} {what}."
    return f"{who} {does} {what} and {_pick(_MORE, rng)} {where}."


def _pick(words: str, rng: np.random.Generator) -> str:
    choices = words.split("|")
    return choices[int(rng.integers(len(choices)))]
