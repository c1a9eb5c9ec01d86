"""From a configuration to training: what a method is told about its recordings."""

from pathlib import Path

from speakerssl.config import Config, DataConfig, TrainingConfig
from speakerssl.training.build import describe_recordings
from speakerssl.training.distributed import World
from tests.methods.tiny_trainer import trainer_of


def test_sessions_come_from_the_data_directory_and_speakers_only_where_they_are_asked_for(tmp_path: Path) -> None:
    tables = {
        "wav.scp": "a a.wav\nb b.wav\nc c.wav\n",
        "utt2session": "a s1\nb s1\n",
        "utt2spk": "a x\nb y\nc x\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    data = DataConfig(train=(str(tmp_path),))
    method = trainer_of("simclr", tmp_path / "exp", World()).method
    describe_recordings(method, Config(features={}, encoder={}, loss={}, data=data), ["c", "b", "a"])
    assert method.sessions == [None, "s1", "s1"]
    assert method.speakers is None
    reported = Config(features={}, encoder={}, loss={}, data=data, training=TrainingConfig(report_labels=True))
    describe_recordings(method, reported, ["c", "b", "a"])
    assert method.speakers is not None
    assert method.speakers.tolist() == [0, 1, 0]
    (tmp_path / "utt2session").unlink()
    (tmp_path / "utt2spk").unlink()
    method = trainer_of("simclr", tmp_path / "exp", World()).method
    describe_recordings(method, reported, ["c", "b", "a"])
    assert method.sessions is None
    assert method.speakers is None
