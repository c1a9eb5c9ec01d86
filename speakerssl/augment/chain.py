"""The chain that training applies to every crop, built from a configuration mapping.

    reverb: {prob: 0.7, rooms: 500}
    noise: {prob: 0.8, folder: /corpora/musan, snr: {noise: [0, 15], music: [5, 15]}}
    babble: {prob: 0.3}
    equalizer: {prob: 0.6}

Sections are applied in the order of a recording's way from mouth to file (`SECTIONS`), whatever their order in the
configuration. `preset: strong` starts from a preset, whose sections the others override key by key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speakerssl.augment.augment_config import PRESETS, SECTIONS, Augmentation, Context
from speakerssl.augment.noise import NoiseSource
from speakerssl.errors import InputError, unknown_name
from speakerssl.options import read_options


@dataclass(frozen=True)
class Stage:
    """One augmentation and the chance that a crop gets it."""

    name: str
    prob: float
    augmentation: Augmentation


class Augmenter:
    """Applies its stages in order, each with its own chance: `augmenter(wave [S], rng) -> [S]`, float32.

    The draws come from `rng` alone, so a crop is augmented alike wherever and whenever it is made.
    """

    def __init__(self, stages: list[Stage]) -> None:
        self.stages = stages

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for stage in self.stages:
            if rng.random() < stage.prob:
                wave = stage.augmentation(wave, rng)
        return np.asarray(wave, dtype=np.float32)

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
    context = Context(
        babble=_as_source(babble_source), cache_dir=None if cache_dir is None else Path(cache_dir), seed=seed
    )
    stages = []
    for name, (kind, build) in SECTIONS.items():
        if name not in sections:
            continue
        options = read_options(kind, sections[name], f"augment.{name}")
        if options.prob == 0.0 or (name == "babble" and context.babble is None and name not in given):
            continue
        stages.append(Stage(name, options.prob, build(options, context)))
    return Augmenter(stages)


def _merge(config: Mapping[str, Any] | str | None) -> tuple[dict[str, Mapping[str, Any]], set[str]]:
    """Section to options after the preset is filled in, and the sections that the configuration itself names."""
    given: dict[str, Any] = {"preset": config} if isinstance(config, str) else dict(config or {})
    preset = given.pop("preset", "none")
    if preset not in PRESETS:
        raise unknown_name("augmentation preset", str(preset), PRESETS)
    merged: dict[str, Mapping[str, Any]] = {name: dict(options) for name, options in PRESETS[preset].items()}
    for name, options in given.items():
        if name not in SECTIONS:
            raise unknown_name("augmentation", name, ["preset", *SECTIONS])
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
