"""What every recipe does with its options."""

import numpy as np
import pytest
import soundfile


@pytest.mark.parametrize(
    "name",
    [
        "mini",
        "speechocean762",
        "speechocean762/ssl_study",
        "speechocean762/pseudo",
        "speechocean762/but2019",
        "voxceleb/ssl",
        "voxceleb/supervised",
        "voxceleb/pseudo",
        "voxceleb/but2019",
    ],
)
def test_help_names_the_stages(recipe, name: str) -> None:
    result = recipe(name, "--help")
    assert result.returncode == 0
    assert "--stage N, --stop-stage M" in result.stdout
    assert "#" not in result.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stagee", "2"], "unknown option --stagee"),
        (["--stage"], "option --stage needs a value"),
        (["--stop-stage", "2x"], "--stop-stage wants a whole number, not '2x'"),
        (["data"], "unexpected argument 'data'"),
    ],
)
def test_wrong_options_end_with_status_2(recipe, options: list[str], message: str) -> None:
    result = recipe("mini", *options)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["open_speech", "speechocean762/pseudo", "voxceleb/pseudo"])
def test_iterations_are_counted(recipe, name: str) -> None:
    result = recipe(name, "--iterations", "many")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert "--iterations wants a whole number, not 'many'" in result.stderr


def test_a_failed_stage_stops_the_recipe_and_names_the_file(recipe, tmp_path) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "broken.wav").write_bytes(b"RIFF, but no more")
    result = recipe("mini", "--audio-dir", tmp_path / "audio", "--work", tmp_path / "work")
    assert result.returncode != 0
    assert "broken.wav" in result.stderr
    assert "stage 1: data failed" in result.stderr
    assert "== stage 2" not in result.stdout


def test_damaged_recordings_are_passed_and_named_at_the_end(recipe, tmp_path) -> None:
    """Damage is no reason to stop: what is left makes the data, and the last line names the list."""
    audio = tmp_path / "audio"
    audio.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        samples = rng.integers(-3000, 3000, 4 * 16000).astype(np.int16)
        soundfile.write(audio / f"{number}.wav", samples, 16000)
    (audio / "broken.wav").write_bytes((audio / "0.wav").read_bytes()[:9000])
    options = ("--audio-dir", audio, "--work", tmp_path / "my work", "--num-validation", 2, "--stop-stage", 1)
    result = recipe("mini", *options)
    assert result.returncode == 1, result.stderr
    failed = tmp_path / "my work" / "data" / "train" / "failed.txt"
    assert "broken.wav: is truncated" in failed.read_text()
    assert (tmp_path / "my work" / "data" / "valid" / "trials").exists(), "validation came after prepare"
    assert result.stderr.splitlines()[-1].endswith(f"done without 1 recordings, see {failed}")
    (audio / "broken.wav").unlink()
    assert recipe("mini", *options).returncode == 0


def test_speechocean762_says_where_the_corpora_are(recipe, tmp_path) -> None:
    result = recipe("speechocean762", "--data-dir", tmp_path)
    assert result.returncode == 2
    assert "https://www.openslr.org/101" in result.stderr
