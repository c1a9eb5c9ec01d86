"""The chain that training applies to every crop, built from a configuration mapping.

    reverb: {prob: 0.7, rooms: 500}
    noise: {prob: 0.8, folder: /corpora/musan, snr: {noise: [0, 15], music: [5, 15]}}
    babble: {prob: 0.3}
    equalizer: {prob: 0.6}

Sections are applied in the order of a recording's way from mouth to file (`SECTIONS`), whatever their order in the
configuration, unless `order: [noise, reverb]` names those that come first. Each is applied by its own chance (`prob`),
or a set of them is drawn: `choose: {none: 1, noise: 3, reverb+noise: 2}` applies both to two crops of six.
`preset: strong` starts from a preset, whose sections the others override key by key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.augment.augment_config import PRESETS, SECTIONS, Augmentation, Context
from speakerssl.augment.convolution import Steps, run_together
from speakerssl.augment.noise import NoiseSource
from speakerssl.errors import InputError, unknown_name
from speakerssl.option_types import convert
from speakerssl.options import check_range, read_options


@dataclass(frozen=True)
class Stage:
    """One augmentation and the chance that a crop gets it."""

    name: str
    prob: float
    augmentation: Augmentation


class Augmenter:
    """Applies its stages in order, each with its own chance: `augmenter(wave [S], rng) -> [S]`, float32.

    The draws come from `rng` alone, so a crop is augmented alike wherever and whenever it is made.

    Args:
        choose: sets of stages to the weight of each; one set is drawn and applied in place of the chances.
    """

    def __init__(self, stages: list[Stage], choose: Mapping[frozenset[str], float] | None = None) -> None:
        self.stages = stages
        self.sets = list(choose or {})
        self.shares = np.cumsum(list((choose or {}).values()))

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return run_together([self.steps(wave, rng)])[0]

    def steps(self, wave: np.ndarray, rng: np.random.Generator) -> Steps[np.ndarray]:
        """The same as a generator, whose convolutions are done for it: those of many crops at once cost less."""
        chosen = None
        if self.sets:
            chosen = self.sets[int(np.searchsorted(self.shares, rng.random() * self.shares[-1], side="right"))]
        for stage in self.stages:
            if stage.name in chosen if chosen is not None else rng.random() < stage.prob:
                request = getattr(stage.augmentation, "request", None)
                wave = stage.augmentation(wave, rng) if request is None else (yield request(wave, rng))
        return np.asarray(wave, dtype=np.float32)

    run_together = staticmethod(run_together)  # for callers below this room: many `steps` at once

    def for_recording(self, rng: np.random.Generator) -> "Augmenter":
        """The chain for the views of one recording: what is drawn once a recording is drawn here (the speed)."""
        drawn = []
        for stage in self.stages:
            whole = getattr(stage.augmentation, "for_recording", None)
            if whole is None or (fixed := whole(rng)) is stage.augmentation:
                drawn.append(stage)
            elif self.sets or rng.random() < stage.prob:
                drawn.append(Stage(stage.name, 1.0, fixed))
        copy = Augmenter(drawn)
        copy.sets, copy.shares = self.sets, self.shares
        return copy

    def __repr__(self) -> str:
        return f"Augmenter({', '.join(f'{stage.name}: {stage.prob:g}' for stage in self.stages)})"


def build_augmenter(
    config: Mapping[str, Any] | str | None,
    babble_source: NoiseSource | Callable[[np.random.Generator, int], np.ndarray] | None = None,
    cache_dir: str | Path | None = None,
    seed: int = 0,
) -> Augmenter:
    """The chain of a configuration, of a preset's name, or nothing at all for None.

    Args:
        config: section to options, see above; `preset` names one of `PRESETS`.
        babble_source: draws one voice, `source(rng, samples)` or `source.draw(rng, samples)`; usually an
            `AudioPool` of the training recordings. Sections that need it are an error without it, unless they came
            from the preset: those are left out.
        cache_dir: where the bank of simulated rooms is kept (as `rooms-*.npz`); None: made anew.
        seed: of the simulated rooms.

    Raises:
        InputError: an unknown section, option or preset (the message lists the known ones), a value out of range,
            a folder that is missing or holds no audio.
    """
    sections, given = _merge(config)
    order, choose = sections.pop("order", ()), sections.pop("choose", None)
    context = Context(
        babble=_as_source(babble_source), cache_dir=None if cache_dir is None else Path(cache_dir), seed=seed
    )
    stages = []
    for name in _ordered(order, sections):
        kind, build = SECTIONS[name]
        options = read_options(kind, sections[name], f"augment.{name}")
        if options.prob == 0.0 or (name == "babble" and context.babble is None and name not in given):
            continue
        stages.append(Stage(name, options.prob, build(options, context)))
    return Augmenter(stages, _sets(choose, [stage.name for stage in stages]))


def _ordered(order: Any, sections: Mapping[str, Any]) -> list[str]:
    """The sections that are there: first those of `order`, then the others in the order of SECTIONS."""
    first = convert(tuple[str, ...], order, "augment.order")
    for name in first:
        if name not in sections:
            raise unknown_name("section in augment.order", name, sections)
    return [*first, *(name for name in SECTIONS if name in sections and name not in first)]


def _sets(choose: Any, names: list[str]) -> dict[frozenset[str], float] | None:
    """`{none: 1, noise: 3, reverb+noise: 2}` as sets of sections to weights; None where nothing is to be chosen."""
    if choose is None:
        return None
    weights = convert(Mapping[str, float], choose, "augment.choose")
    sets: dict[frozenset[str], float] = {}
    for key, weight in weights.items():
        members = [] if key == "none" else key.split("+")
        for name in members:
            if name not in names:
                raise unknown_name("section in augment.choose", name, ["none", *names])
        sets[frozenset(members)] = check_range(f"augment.choose.{key}", weight, 0.0)
    if not sum(sets.values()):
        raise InputError("augment.choose: no set has a weight above 0")
    return sets


def _merge(config: Mapping[str, Any] | str | None) -> tuple[dict[str, Any], set[str]]:
    """Section to options after the preset is filled in, and the sections that the configuration itself names.

    `order` and `choose` are among them where they are given.
    """
    given: dict[str, Any] = {"preset": config} if isinstance(config, str) else dict(config or {})
    preset = given.pop("preset", "none")
    if preset not in PRESETS:
        raise unknown_name("augmentation preset", str(preset), PRESETS)
    merged: dict[str, Any] = dict(PRESETS[preset])
    for name, options in given.items():
        if name in ("order", "choose"):
            merged[name] = options
            continue
        if name not in SECTIONS:
            raise unknown_name("augmentation", name, ["preset", "order", "choose", *SECTIONS])
        if options is None:
            merged.pop(name, None)
        elif isinstance(options, Mapping):
            merged[name] = {**merged.get(name, {}), **options}
        else:
            raise InputError(f"augment.{name}: expected options such as {{prob: 0.5}}, found {options!r}")
    return merged, set(given)


class _Called:
    """A function `(rng, samples) -> wave` as a noise source."""

    def __init__(self, function: Callable[[np.random.Generator, int], np.ndarray]) -> None:
        self.function = function

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        return self.function(rng, samples)


def _as_source(source: Any) -> NoiseSource | None:
    if source is None or hasattr(source, "draw"):
        return source
    return _Called(source)
