"""What all heads share: soft labels, smoothing, and a share of classes and dimensions."""

from typing import Any

import pytest
import torch

from speakerssl.errors import InputError
from speakerssl.losses import CLASSIFIERS, build_head
from speakerssl.losses.head import draw_classes

N, D, C = 6, 8, 20
LABELS = torch.tensor([0, 19, 1, 2, 2, 5])


def made(word: str = "aam", **options: object) -> Any:
    torch.manual_seed(0)
    return build_head({"name": word, **options}, D, C).double()


def embeddings() -> torch.Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_label_smoothing_is_that_of_torch() -> None:
    head = made("normalized_softmax", label_smoothing=0.1)
    expected = torch.nn.functional.cross_entropy(head.logits(embeddings()), LABELS, label_smoothing=0.1)
    assert head(embeddings(), LABELS).loss.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("word", ["softmax", "normalized_softmax", "sphereface2"])
def test_soft_labels_with_all_on_one_class_are_labels_without_a_margin(word: str) -> None:
    head = made(word) if word != "sphereface2" else made(word, margin=0)
    hard = torch.nn.functional.one_hot(LABELS, C).double()
    assert torch.allclose(
        head.classify(embeddings(), LABELS, targets=hard).losses, head.classify(embeddings(), LABELS).losses
    )


def test_soft_labels_are_a_cross_entropy() -> None:
    head, targets = made(), torch.rand(N, C, dtype=torch.float64).softmax(1)
    expected = -(targets * head.logits(embeddings()).log_softmax(1)).sum(1)
    assert torch.allclose(head.classify(embeddings(), LABELS, targets=targets).losses, expected)


def test_drawn_classes_hold_the_batch_and_a_share_of_the_others() -> None:
    torch.manual_seed(0)
    seen = torch.zeros(1000)
    for _ in range(200):
        classes = draw_classes(torch.tensor([7, 3, 7]), 1000, 0.1)
        assert len(classes) == 2 + round(0.1 * 998)
        assert {3, 7} <= set(classes.tolist())
        assert bool((classes[1:] > classes[:-1]).all())
        seen[classes] += 1
    assert float(seen.min()) > 0  # every other class is drawn at some time
    assert len(draw_classes(torch.tensor([0, 0]), 5, 0.0)) >= 2


@pytest.mark.parametrize("word", CLASSIFIERS)
def test_a_share_of_the_classes_is_the_head_of_these_classes_alone(word: str) -> None:
    head = made(word, class_share=0.3, dim_share=0.5).train()
    torch.manual_seed(5)
    output = head.classify(embeddings(), LABELS, step=0)
    torch.manual_seed(5)
    chosen, places = head._choose(LABELS)
    small = build_head({"name": word}, len(chosen.dims), len(chosen.classes)).double().train()
    k = head.weight.shape[0] // C
    small.weight.data = chosen.of(head.weight.view(C, k, D)).flatten(0, 1).detach()
    same = small.classify(embeddings()[:, chosen.dims], places, step=0)
    if word not in ("magface", "adaface"):  # these two see the norm of the whole embedding
        assert torch.allclose(output.losses, same.losses)
    assert output.logits.shape == (N, len(chosen.classes))
    assert torch.allclose(output.logits, same.logits)


def test_the_gradient_reaches_only_the_drawn_classes_and_the_mean_over_draws_that_of_all() -> None:
    head = made("aam", class_share=0.3).train()
    torch.manual_seed(5)
    chosen, _ = head._choose(LABELS)
    torch.manual_seed(5)
    head(embeddings(), LABELS).loss.backward()
    touched = head.weight.grad.abs().sum(1) > 0
    assert touched.nonzero().squeeze(1).tolist() == chosen.classes.tolist()
    head.eval()
    assert head._choose(LABELS)[0].classes is None  # evaluation compares with all


def test_a_million_classes_fit() -> None:
    head = build_head({"name": "aam", "class_share": 0.01}, 16, 1_000_000).train()
    output = head.classify(torch.randn(64, 16), torch.arange(64) * 15_000)
    output.losses.mean().backward()
    assert output.logits.shape == (64, 64 + round(0.01 * (1_000_000 - 64)))


def test_soft_labels_of_another_size_are_an_error() -> None:
    with pytest.raises(InputError, match=r"soft labels must be \[6, 20\], not \[6, 3\]"):
        made().classify(embeddings(), LABELS, targets=torch.ones(N, 3))
