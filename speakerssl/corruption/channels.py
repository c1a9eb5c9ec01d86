"""Sets of channels that training never uses: one for the test lists, one for choosing between models.

Training draws image-source rooms of dwelling size, zero-phase equalizers, mu-law, ADPCM and Vorbis, and noise from
its own corpus or of the kinds in `synthetic_noise`. Disjoint from it and from each other are

    test        recorded rooms, simulated booths, corridors and halls; recorded noises (else sirens); steep FIR and
                resonant equalizers; elliptic telephone band with A-law or GSM; Opus at 9 to 16 kbit/s
    validation  decaying-noise rooms; resonant noises; comb and slope; elliptic telephone band with G.723; MP3
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerssl.augment.codec import is_available
from speakerssl.augment.rooms import RoomBank, RoomRanges
from speakerssl.corruption.filters import Effect, codec_effect, comb_and_shelf, peaking, steep_fir, telephone_line
from speakerssl.corruption.noises import (
    decaying_room,
    recorded_noise,
    recorded_room,
    resonances,
    simulated_rooms,
    sirens,
)
from speakerssl.data.folders import list_audio
from speakerssl.errors import InputError, unknown_name

VERSION = 1  # of what a seed gives; raise it with any change that alters the samples
ROOMS = 16  # simulated of each shape
SNR = (5.0, 20.0)
RANGES = {
    "booth": RoomRanges((1.6, 2.3), (1.4, 2.3), (1.9, 2.2), (0.1, 0.4), (0.3, 1.2)),
    "corridor": RoomRanges((11.0, 25.0), (1.4, 2.4), (2.3, 3.2), (0.4, 1.2), (0.5, 4.0)),
    "hall": RoomRanges((11.0, 25.0), (9.0, 16.0), (4.2, 8.0), (0.6, 1.6), (0.5, 4.0)),
}


@dataclass(frozen=True)
class ChannelSpec:
    """Which set of channels, from which seed, with which folder of held-out recordings (`rir/` and noises) or None."""

    name: str
    seed: int
    source: str | None = None

    def rng(self, key: str) -> np.random.Generator:
        """The generator for the recording `key`: its channel depends on nothing else than this and the set."""
        digest = hashlib.sha256(f"{self.name} {self.seed} {key}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "little"))


class RandomChannel:
    """Draws a chain of effects: room, equalizer and noise (in either order), then perhaps a line or a codec.

    Args:
        rooms, noises, equalizers, lines: the alternatives of each place, equally likely.
        probs: chance of each place, in that order.
    """

    def __init__(
        self,
        rooms: list[Effect],
        noises: list[Effect],
        equalizers: list[Effect],
        lines: list[Effect],
        probs: tuple[float, float, float, float] = (0.6, 0.6, 0.5, 0.45),
    ) -> None:
        self.places, self.probs = (rooms, noises, equalizers, lines), probs

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """A corrupted copy of `wave` [S], and what was done in words; at least one effect is applied."""
        hits = rng.random(4) < self.probs
        if not hits.any():
            hits[int(rng.integers(4))] = True
        order = (0, 1, 2, 3) if rng.random() < 0.5 else (0, 2, 1, 3)
        names = []
        for place in order:
            if hits[place]:
                effects = self.places[place]
                wave, name = effects[int(rng.integers(len(effects)))](wave, rng)
                names.append(name)
        return wave, " ".join(names)


@functools.lru_cache(maxsize=4)  # forked workers inherit it
def build_channel(spec: ChannelSpec) -> RandomChannel:
    """Raises InputError: an unknown set of channels, a source folder that is missing, a codec that libsndfile lacks."""
    if spec.name == "validation":
        _require_codecs("mp3", "g723")
        return RandomChannel(
            [decaying_room], [resonances(SNR)], [comb_and_shelf], [telephone_line("g723"), codec_effect("mp3")]
        )
    if spec.name != "test":
        raise unknown_name("set of channels", spec.name, ("test", "validation"))
    _require_codecs("opus", "a_law", "gsm")
    rooms = []
    for number, (name, ranges) in enumerate(RANGES.items()):
        bank = RoomBank.simulate(ROOMS, spec.seed * 8 + number + 0x7E570000, None, ranges)
        rooms.append(simulated_rooms(bank.rirs, name))
    noises = [sirens(SNR)]
    if spec.source is not None:
        root = Path(spec.source)
        responses = root / "rir"
        files = [path for path in list_audio(root) if responses not in path.parents]
        if responses.is_dir():
            rooms += [recorded_room(responses)] * 3  # half of all rooms
        if files:
            noises = [recorded_noise(files, root, SNR)]
    lines = [telephone_line("a_law"), telephone_line("gsm"), codec_effect("opus"), codec_effect("opus")]
    return RandomChannel(rooms, noises, [steep_fir, peaking], lines)


def _require_codecs(*kinds: str) -> None:
    for kind in kinds:
        if not is_available(kind):
            raise InputError(
                f"the installed libsndfile cannot write '{kind}', which the held-out channels need; "
                "install soundfile>=0.12 from a wheel, which carries libsndfile 1.2"
            )
