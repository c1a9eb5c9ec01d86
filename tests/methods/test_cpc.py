"""CPC against a loop over recordings and frames, and as a model that is saved and embeds."""

import math

import numpy as np
import pytest
import torch

from speakerssl.encoders import build_encoder
from speakerssl.errors import InputError
from speakerssl.methods import Batch, Plan, build_method

OPTIONS = {"channels": 4, "frame_dim": 6, "embed_dim": 5}


def make(steps: int = 2):
    torch.manual_seed(0)
    method = build_method(build_encoder("fast_resnet34_gru", 16, **OPTIONS), {"name": "cpc", "steps": steps}, {})
    method.plan = Plan(steps_per_epoch=4, total_steps=20, log_every=1)
    return method.double().eval()


def test_loss_against_a_loop() -> None:
    method, steps = make(), 2
    views = [torch.randn(3, 40, 16, dtype=torch.float64) for _ in range(2)]
    frames = [method.encoder.frame_embeddings(view).detach() for view in views]
    assert frames[0].shape == (3, 10, 6)
    state = torch.zeros(1, 3, 5, dtype=torch.float64)
    for t in range(10 - steps):
        _, state = method.encoder.gru(frames[0][:, t : t + 1], state)
    terms = []
    for t in range(steps):
        predicted = method.predictors[t](state[0]).detach().numpy()
        future = frames[1][:, 10 - steps + t].numpy()
        for i in range(3):
            cosines = [float(future[i] @ p / np.linalg.norm(future[i]) / np.linalg.norm(p)) for p in predicted]
            terms.append(-math.log(math.exp(cosines[i]) / sum(math.exp(c) for c in cosines)))
    assert method(Batch(views, torch.arange(3)), 0).loss.item() == pytest.approx(np.mean(terms), rel=1e-9)


def test_the_embedding_is_the_last_state_whatever_the_padding() -> None:
    encoder = make().encoder.float()
    long, short = torch.randn(1, 40, 16), torch.randn(1, 24, 16)
    padded = torch.cat([long, torch.nn.functional.pad(short, (0, 0, 0, 16))])
    both = encoder(padded, torch.tensor([40, 24]))
    assert both.shape == (2, 5)
    torch.testing.assert_close(both[1:], encoder(short), atol=1e-5, rtol=1e-4)
    states, _ = encoder.gru(encoder.frame_embeddings(long))
    torch.testing.assert_close(both[:1], states[:, -1], atol=1e-5, rtol=1e-4)


def test_every_part_learns() -> None:
    method = make().train()
    method(Batch([torch.randn(4, 40, 16, dtype=torch.float64) for _ in range(2)], torch.arange(4)), 0).loss.backward()
    silent = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    # A bias before instance normalization has no say; units of squeeze-and-excitation may be silent.
    assert [name for name in silent if not name.endswith("bias") and ".se." not in name] == []


def test_what_it_cannot_do_is_named(encoder) -> None:
    with pytest.raises(InputError, match="needs an encoder that aggregates frames"):
        build_method(encoder, {"name": "cpc"}, {})
    with pytest.raises(InputError, match="2 frames hold no past before 4"):
        make(4)(Batch([torch.randn(2, 8, 16, dtype=torch.float64) for _ in range(2)], torch.arange(2)), 0)
