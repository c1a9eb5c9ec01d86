"""The BUT 2019 recipes: every stage line of the scaled one and of the full size on made voices, and their labels."""

import re
import sys
from pathlib import Path

import pytest

from speakerssl.config import load_config
from speakerssl.data.store import FeatureStore
from speakerssl.encoders import build_encoder
from speakerssl.features.frontend import FeatureFrontend
from speakerssl.training.build import build_dataset
from speakerssl.trials.speakers import read_utt2spk
from tests.scripts import ROOT, load_script

from .voices import write_voices, write_voxceleb

SCRIPT = ROOT / "recipes" / "local" / "held_out_speakers.py"
NETWORKS = ("resnet_softmax", "resnet_aam", "xvector", "big_dnn")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layout of speechocean762: `train` with labels/utt2spk, `test` with trials_O and trials_H."""
    root = tmp_path_factory.mktemp("corpus") / "speechocean762"
    write_voices(root / "train", range(10), 5)
    write_voices(root / "test", range(20, 24), 3)
    (root / "train" / "labels").mkdir()
    (root / "train" / "utt2spk").rename(root / "train" / "labels" / "utt2spk")
    for name in ("trials_O", "trials_H"):
        (root / "test" / name).write_text((root / "test" / "trials").read_text())
    return root


def test_all_stages(recipe, corpus: Path, tmp_path: Path) -> None:
    quick = "training.batch_size=8 training.amp=none training.tensorboard=false"
    quick += " views.crop_seconds=0.6 encoder.embed_dim=16 augment.reverb.rooms=2"
    words = ["--data-dir", corpus, "--work", tmp_path, "--steps", 3, "--copies", 1, "--jobs", 1, "--set", quick]
    words += ["--num-validation", 10, "--dev-speakers", 3, "--lda", 4, "--top", 4, "--networks"]
    result = recipe("speechocean762/but2019", *words, "resnet_softmax big_dnn", "--results", tmp_path / "RESULTS.md")
    assert result.returncode == 0, result.stderr
    check_what_the_networks_saw(tmp_path / "exp" / "but2019-open")
    text = (tmp_path / "RESULTS.md").read_text()
    for name in ("trials_H", "cross-channel"):
        assert f"## {name}" in text
    for system in ("resnet_softmax cosine", "big_dnn plda-asnorm", "fusion", "calibrated"):
        assert text.count(f"| {system} |") == 2
    assert text.count("- The fusion beats the best single system") == 2


def check_what_the_networks_saw(exp: Path) -> None:
    """Recordings of the development trials, which weigh the fusion, are in no store, back-end or cohort."""
    aside = set_aside(exp / "labels")
    for kind in ("fbank", "plp"):
        stored = set(FeatureStore(exp / f"store_{kind}").ids)
        assert stored
        assert not stored & aside
    check_embeddings(exp, ("resnet_softmax", "big_dnn"), aside)


def set_aside(labels: Path) -> set[str]:
    """The recordings of the speakers that were set aside, of whom alone the development trials are."""
    aside = set((labels / "dev_recordings").read_text().split())
    trials = [line.split()[1:] for line in (labels / "dev_trials").read_text().splitlines()]
    assert trials
    assert {key for pair in trials for key in pair} <= aside
    speakers = (set(read_utt2spk(labels / name).values()) for name in ("utt2spk", "dev_utt2spk"))
    assert set.isdisjoint(*speakers)
    return aside


def check_embeddings(exp: Path, networks: tuple[str, ...], aside: set[str]) -> None:
    """What trains back-ends and is the cohort has nobody who was set aside, and the development trials no other."""
    for network in networks:
        trained, scored = (
            {line.split()[0] for line in (exp / network / "embeddings" / name).read_text().splitlines()}
            for name in ("train.scp", "dev.scp")
        )
        assert trained
        assert not trained & aside
        assert scored
        assert scored <= aside


def test_full_size_takes_no_weight_from_a_test_list(recipe, tmp_path: Path) -> None:
    """Every stage line on a folder with VoxCeleb's layout; with other labels of the test list the weights are equal."""
    write_voxceleb(tmp_path, train=range(7), test=(270, 309), each=4)
    quick = "training.epochs=1 training.batch_size=8 training.amp=none training.tensorboard=false data.num_workers=0 "
    quick += (
        "views.crop_seconds=0.6 encoder.channels=4 encoder.embed_dim=8 augment.reverb.rooms=2 schedule.warmup_steps=0"
    )
    words = ["--voxceleb1", tmp_path / "vox1", "--voxceleb2", tmp_path / "vox2", "--work", tmp_path, "--device", "cpu"]
    networks = ("resnet_softmax", "resnet_aam")
    words += ["--dev-speakers", 3, "--lda", 3, "--top", 4, "--networks", " ".join(networks), "--set", quick]
    for stages in (["--stop-stage", 3], ["--stage", 4]):
        result = recipe("voxceleb/but2019", *words, *stages)
        assert result.returncode == 0, result.stderr
    exp = tmp_path / "exp" / "fixed"
    table = (exp / "table.md").read_text()
    assert all(f"| {system} |" in table for system in ("resnet_softmax-cosine", "resnet_aam-plda", "fusion"))
    aside = set_aside(exp / "labels")
    videos = [line.split() for line in (exp / "labels" / "dev_trials").read_text().splitlines()]
    assert all(Path(a).parent != Path(b).parent for _, a, b in videos)
    for network in networks:
        heard = build_dataset(load_config(exp / network / "config.yaml"), 16000, tmp_path).ids
        assert len(heard) == 4 * 4
        assert not set(heard) & aside
    check_embeddings(exp, networks, aside)
    learned = re.findall(r"^\$ speakerssl fuse .*--trials (\S+) --save", result.stderr, re.MULTILINE)
    assert learned == [str(exp / "labels" / "dev_trials")]
    weights = (exp / "fusion.json").read_bytes()
    trials = tmp_path / "data" / "vox1_all" / "trials_vox1_O"
    turned = [f"{1 - int(line[0])}{line[1:]}\n" for line in trials.read_text().splitlines()]
    trials.write_text("".join(turned))
    result = recipe("voxceleb/but2019", *words, "--stage", 6, "--stop-stage", 6)
    assert result.returncode == 0, result.stderr
    assert (exp / "fusion.json").read_bytes() == weights


def test_speakers_are_set_aside_and_corpora_do_not_share_names(tmp_path: Path, monkeypatch) -> None:
    labels = load_script(SCRIPT)
    for name in ("a", "b"):
        (tmp_path / name).write_text("".join(f"{name}{i} s{i % 5}\n" for i in range(30)))
    words = [
        "--utt2spk",
        tmp_path / "a",
        tmp_path / "b",
        "--dev-speakers",
        4,
        "--each",
        3,
        "--output",
        tmp_path / "out",
    ]
    monkeypatch.setattr(sys, "argv", ["held_out_speakers.py", *map(str, words)])
    assert labels.main() == 0
    train, dev = (read_utt2spk(tmp_path / "out" / name) for name in ("utt2spk", "dev_utt2spk"))
    aside = set((tmp_path / "out" / "dev_recordings").read_text().split())
    assert len(set(train.values())) == 6
    assert len(set(dev.values())) == 4
    assert len(dev) == 12
    assert set(dev) < aside
    assert len(aside) + len(train) == 60
    assert not set(train.values()) & set(dev.values())
    trials = [line.split() for line in (tmp_path / "out" / "dev_trials").read_text().splitlines()]
    assert len(trials) == 66
    assert all((dev[a] == dev[b]) == (label == "1") for label, a, b in trials)
    monkeypatch.setattr(sys, "argv", ["held_out_speakers.py", *map(str, words[:4]), "9", *map(str, words[5:])])
    assert labels.main() == 0
    words[4] = 10
    monkeypatch.setattr(sys, "argv", ["held_out_speakers.py", *map(str, words)])
    assert labels.main() == 2


def test_recordings_of_one_session_are_no_target_trial(tmp_path: Path, monkeypatch) -> None:
    labels = load_script(SCRIPT)
    keys = [f"s{s}-v{v}-{n}" for s in range(5) for v in range(3 if s else 1) for n in range(4)]
    (tmp_path / "utt2spk").write_text("".join(f"{key} {key[:2]}\n" for key in keys))
    (tmp_path / "utt2session").write_text("".join(f"{key} {key[:5]}\n" for key in keys))
    words = ["--utt2spk", tmp_path / "utt2spk", "--utt2session", tmp_path / "utt2session", "--dev-speakers", 3]
    words += ["--each", 4, "--output", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", ["held_out_speakers.py", *map(str, words)])
    assert labels.main() == 0
    dev = read_utt2spk(tmp_path / "out" / "dev_utt2spk")
    assert "c0-s0" not in dev.values(), "a speaker of one session has no target trial"
    assert all(
        sorted(key[3:5] for key in dev if key.startswith(s[3:])) == ["v0", "v0", "v1", "v2"] for s in dev.values()
    )
    trials = [line.split() for line in (tmp_path / "out" / "dev_trials").read_text().splitlines()]
    assert all(a[:5] != b[:5] for _, a, b in trials)
    assert sum(label == "1" for label, _, _ in trials) == 3 * (6 - 1)


def test_a_recording_of_two_corpora_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    labels = load_script(SCRIPT)
    for name in ("a", "b"):
        (tmp_path / name).write_text("".join(f"u{i} s{i % 5}\n" for i in range(30)))
    words = ["--utt2spk", tmp_path / "a", tmp_path / "b", "--output", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", ["held_out_speakers.py", *map(str, words)])
    assert labels.main() == 2
    assert f"{tmp_path}/b: 'u0' is in another corpus too" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["speechocean762/but2019", "voxceleb/but2019"])
def test_the_networks_are_four_and_give_256_numbers(folder: str) -> None:
    found = []
    for name in NETWORKS:
        config = load_config(ROOT / "recipes" / folder / "conf" / f"{name}.yaml")
        dim = FeatureFrontend(config.features).feature_dim
        encoder = build_encoder(**{"feat_dim": dim, **config.encoder})
        assert encoder.embed_dim == 256
        assert config.features["vad"] is True
        found.append((config.features["kind"], dim, config.encoder["name"], config.loss["name"]))
    assert [item[:2] for item in found] == [("fbank", 40)] * 3 + [("plp", 30)]
    assert [item[3] for item in found] == ["softmax", "aam", "softmax", "softmax"]
    assert found[0][2] == found[1][2]


@pytest.mark.parametrize("name", ["voxceleb/but2019", "voxceleb/supervised"])
def test_without_the_corpora_it_says_where_to_get_them(recipe, tmp_path: Path, name: str) -> None:
    result = recipe(name, "--voxceleb1", tmp_path, "--voxceleb2", tmp_path / "none")
    assert result.returncode == 2
    assert "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/" in result.stderr
