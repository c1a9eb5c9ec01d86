"""Every method and every choice in the loss has a page with formula, figure, working configuration and paper."""

from typing import Any

import catalogue
import figures
import mathematics
import numpy as np
import pytest

from speakerssl.encoders import build_encoder
from speakerssl.losses import build_head, build_loss
from speakerssl.methods import METHODS, build_method

FORMULAS = catalogue.read_formulas()
CHOICES = [(kind, name) for kind, registry in catalogue.CHOICES.items() for name in registry]


def test_formulas_and_registries_name_the_same() -> None:
    listed = {kind: set(entries) for kind, entries in FORMULAS.items()}
    known = {kind: set(registry) for kind, registry in catalogue.CHOICES.items()}
    assert listed == {**known, "methods": set(METHODS)}


@pytest.mark.parametrize(("kind", "name"), [*CHOICES, *(("methods", name) for name in METHODS)])
def test_a_formula_is_mathml(kind: str, name: str) -> None:
    page = mathematics.with_mathml(f"$$\n{FORMULAS[kind][name]['formula']}\n$$")
    assert page.count("<math") == page.count("</math>") == 1
    assert "\\" not in page, "a command that the converter does not know"


@pytest.mark.parametrize(("kind", "name"), CHOICES)
def test_the_configuration_of_a_loss_page_builds(kind: str, name: str) -> None:
    config = catalogue.loss_config(kind, name, catalogue.CHOICES[kind][name])
    assert name in str(config)
    if kind == "classifiers":
        build_head(config, embed_dim=8, num_classes=10)
    else:
        build_loss(config)


@pytest.mark.parametrize("name", METHODS)
def test_the_configuration_of_a_method_page_builds(name: str) -> None:
    config = FORMULAS["methods"][name]["config"]
    assert config["method"]["name"] == name
    encoder = build_encoder(**{"name": "small_tdnn", **config.get("encoder", {})}, feat_dim=20)
    build_method(encoder, config["method"], config["loss"])


@pytest.mark.parametrize(("kind", "name"), [*CHOICES, *(("methods", name) for name in METHODS)])
def test_a_page_names_its_paper(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(kind, name, monkeypatch)
    derived = FORMULAS[kind][name].get("paper") == []
    assert ("https://arxiv.org/abs/" in page) != derived
    for part in ("$$", ".svg)", "```yaml", "## Configuration"):
        assert part in page


def page_of(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page, without the time that its figure takes."""
    monkeypatch.setattr(figures, "loss_figure", lambda *_: b"")
    monkeypatch.setattr(figures, "method_figure", lambda *_: b"")
    pages = catalogue.catalogue_pages()
    page: Any = pages[f"methods/{name}.md" if kind == "methods" else f"losses/{kind}/{name}.md"]
    return str(page)


def test_figures_are_drawn_from_the_losses_themselves() -> None:
    assert b"<svg" in figures.loss_figure("margins", "additive", catalogue.CHOICES["margins"]["additive"], {})
    plain, margined = figures.losses({}), figures.losses({"margin": 0.2})
    assert np.all(np.diff(plain) < 0)
    assert np.all(np.array(margined) > plain)


def test_mathematics_leaves_code_alone() -> None:
    text = "`$$x$$` and \\(m^2\\)\n```sh\necho $$ $$\n```\n"
    page = mathematics.with_mathml(text)
    assert "`$$x$$`" in page
    assert "echo $$ $$" in page
    assert page.count("<math") == 1
