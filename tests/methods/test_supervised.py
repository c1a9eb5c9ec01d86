"""Supervised training: the loss is the head's, labels are read only when asked for, gates and soft labels."""

import numpy as np
import pytest
import torch

from speakerssl.data.labels import Labels
from speakerssl.encoders import Encoder
from speakerssl.errors import InputError
from speakerssl.methods import Batch, Plan, Supervised, build_method
from speakerssl.methods.views import join_views

from .conftest import views_of

CLASSES = 4
HARD = np.arange(16) % CLASSES


def labels_of(numbers: np.ndarray = HARD) -> Labels:
    names = [f"s{i}" for i in range(CLASSES)]
    return Labels(names, numbers[:, None].astype(np.int64), np.ones((len(numbers), 1), np.float32))


def made(encoder: Encoder, labels: Labels | None = None, loss: dict | None = None, **options: object) -> Supervised:
    torch.manual_seed(1)
    method = build_method(encoder, {"name": "supervised", "labels": "utt2spk", **options}, loss or {"name": "aam"})
    assert isinstance(method, Supervised)
    method.use_labels(labels or labels_of())
    method.plan = Plan(steps_per_epoch=2, total_steps=20, log_every=1)
    return method.train()


def batch_of(views: int = 2) -> Batch:
    return Batch(views_of(views), torch.arange(16), None, torch.from_numpy(HARD))


def test_the_loss_is_the_mean_of_the_views_losses(encoder: Encoder) -> None:
    method, batch = made(encoder).eval(), batch_of(3)
    each = [method.head(encoder(view), batch.labels).loss for view in batch.views]
    assert method(batch, 0).loss.item() == pytest.approx(torch.stack(each).mean().item(), abs=1e-6)


def test_one_view_is_enough_and_all_parameters_learn(encoder: Encoder) -> None:
    method = made(encoder)
    output = method(batch_of(1), 0)
    output.loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in method.parameters())
    assert {"accuracy", "margin"} <= set(output.logs)


def test_soft_labels_are_targets(encoder: Encoder) -> None:
    classes = np.stack([HARD, (HARD + 1) % CLASSES], axis=1)
    soft = Labels([f"s{i}" for i in range(CLASSES)], classes, np.tile(np.array([0.75, 0.25], np.float32), (16, 1)))
    method, batch = made(encoder, soft).eval(), batch_of(1)
    logs = method.head.logits(encoder(batch.views[0])).log_softmax(1)
    rows = torch.arange(16)
    expected = -(0.75 * logs[rows, classes[:, 0]] + 0.25 * logs[rows, classes[:, 1]]).mean()
    assert method(batch, 0).loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_correction_of_one_view_is_refused_at_the_first_step(encoder: Encoder) -> None:
    method = made(encoder, gate={"start_epoch": 5}, correct={})
    with pytest.raises(InputError, match=r"supervised with correct needs 2 views, there are 1: raise"):
        method(batch_of(1), 0)


def test_the_gate_leaves_out_what_lies_over_it_and_correction_teaches_it(encoder: Encoder) -> None:
    batch = batch_of()
    fixed = {"kind": "fixed", "threshold": 0.0, "start_epoch": 0}  # nothing is believed
    gated = made(encoder, gate=fixed)(batch, 0)
    assert gated.loss.item() == 0
    assert gated.logs["gate/believed"] == 0
    method = made(encoder, gate=fixed, correct={"confidence": 0.0, "temperature": 1.0})
    output = method.eval()(batch, 0)
    assert output.logs["gate/corrected"] == 1
    logits = torch.stack([method.head.logits(encoder(view)) for view in batch.views]).detach()
    losses = []
    for row in range(16):
        teacher = int(logits[:, row].softmax(1).amax(1).argmax())
        target, student = logits[teacher, row].softmax(0), logits[1 - teacher, row]
        losses.append(-(target * student.log_softmax(0)).sum())
    assert output.loss.item() == pytest.approx(torch.stack(losses).mean().item(), abs=1e-5)


def test_a_rising_margin_lifts_nothing_over_the_gate(encoder: Encoder) -> None:
    """The gate sees the losses without margin; with it those of labels that are fitted would exceed what was fitted
    to the epoch before."""
    batch = batch_of()
    believed = []
    for margin in (0.0, 0.5):
        method = made(encoder, loss={"name": "aam", "margin": margin}, gate={})
        output = method(batch, 0)
        assert method.gate is not None
        believed.append(method.gate.losses[:16].clone())
        logits = [method.head.logits(embeddings) for embeddings in join_views(encoder, batch.views)]
        plain = [torch.nn.functional.cross_entropy(one, batch.labels, reduction="none") for one in logits]
        torch.testing.assert_close(believed[-1], torch.stack(plain).mean(0).detach())
    assert output.loss > believed[1].mean() + 1
    assert torch.equal(*believed)


def test_the_gate_learns_at_the_end_of_an_epoch_and_goes_with_the_checkpoint(encoder: Encoder) -> None:
    method = made(encoder, labels_of(np.arange(40) % CLASSES), gate={})
    assert method.gate is not None
    for start in (0, 16):
        method(Batch(views_of(2), torch.arange(16) + start, None, torch.from_numpy(HARD)), 0)
    method.after_step(0, 20)
    assert method.gate.threshold == torch.inf
    method.after_step(1, 20)
    assert torch.isfinite(method.gate.threshold)
    other = made(encoder, labels_of(np.arange(40) % CLASSES), gate={})
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.gate.losses.nan_to_num(), method.gate.losses.nan_to_num())


@pytest.mark.parametrize(
    ("options", "loss", "message"),
    [
        ({}, {}, "needs `labels`: utt2spk, recordings, or a file"),
        ({"labels": "utt2spk", "label": 1}, {}, "'label'.*labels, speeds"),
        ({"labels": "utt2spk", "correct": {}}, {}, "`correct` needs a `gate`"),
        ({"labels": "utt2spk", "balanced": "yes"}, {}, "balanced is true or false"),
        ({"labels": "utt2spk", "speeds": [1]}, {}, "speeds"),
        ({"labels": "utt2spk", "gate": {"kind": "slow"}}, {}, "'dynamic', or 'fixed'"),
        ({"labels": "utt2spk"}, {"name": "arc"}, "unknown classification loss 'arc'"),
        ({"labels": "utt2spk"}, {"temperature": 0.1}, "'temperature'.*label_smoothing"),
    ],
)
def test_bad_options_are_told_before_data_is_read(encoder: Encoder, options: dict, loss: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_method(encoder, {"name": "supervised", **options}, loss)


def test_no_other_method_takes_labels(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="'labels'"):
        build_method(encoder, {"name": "simclr", "labels": "utt2spk"}, {})
    assert build_method(encoder, {"name": "simclr"}, {}).labels is None
