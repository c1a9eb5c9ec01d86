"""Classes shared out over processes against one that has them all: losses, logs, gradients, weights, draws."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from speakerssl.errors import InputError
from speakerssl.losses import Classified, build_head
from tests.groups import results_of

N, D, C, STEPS = 12, 6, 17, 3
LABELS = torch.tensor([0, 16, 1, 2, 2, 5, 8, 9, 10, 16, 3, 8])
CONFIGS: list[dict[str, Any]] = [
    {"name": "softmax"},
    {"name": "softmax", "label_smoothing": 0.2, "class_share": 0.3},
    {"name": "normalized_softmax", "dim_share": 0.5},
    {"name": "am"},
    {"name": "aam", "class_share": 0.3, "dim_share": 0.5},
    {"name": "aam", "margin": {"name": "learnable"}},
    {"name": "subcentre_aam", "class_share": 0.3},
    {"name": "adaface"},
    {"name": "magface"},
    {"name": "curricularface"},
    {"name": "aam", "margin": {"name": "simo"}},
    {"name": "sphereface2", "label_smoothing": 0.1, "class_share": 0.5},
    {"name": "aam", "class_share": 0.0, "labels": [0, 1, 1, 0, 2, 1, 0, 1, 2, 2, 0, 1]},  # no class in the others
]


class Model(nn.Module):
    _ddp_params_and_buffers_to_ignore: Any

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.encoder = nn.Linear(5, D)
        self.head = build_head({**options, "shard_classes": True}, D, C)

    def forward(self, inputs: Tensor, labels: Tensor, step: int) -> Classified:
        return self.head.classify(self.encoder(inputs), labels, step)


def train(rank: int, world: int) -> list[dict[str, Any]]:
    """What three SGD steps of each configuration give in this process."""
    share = slice(rank * N // world, (rank + 1) * N // world)
    found = []
    for config in CONFIGS:
        options = dict(config)
        labels = torch.tensor(options.pop("labels", LABELS.tolist()))
        torch.manual_seed(0)
        model = Model(options).double().train()
        apart = [f"head.{name}" for name in model.head.by_class]
        model._ddp_params_and_buffers_to_ignore = apart if world > 1 else []
        wrapped: nn.Module = nn.parallel.DistributedDataParallel(model) if world > 1 else model
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        kept: dict[str, Any] = {"losses": [], "gradients": {}, "logs": [], "leads": []}
        for step in range(STEPS):
            torch.manual_seed(100 + step + 1000 * rank)  # a process's draws are its own
            inputs = torch.randn(N, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(step))
            output = wrapped(inputs[share], labels[share], step)
            optimizer.zero_grad()
            output.losses.mean().backward()
            kept["losses"].append(output.losses.detach())
            kept["logs"].append({name: float(value) for name, value in output.logs.items()})
            kept["leads"].append(model.head.lead(output))
            if not step:
                kept["gradients"] = {name: value.grad.clone() for name, value in model.named_parameters()}
            optimizer.step()
        kept["weights"] = {name: value.detach().clone() for name, value in model.named_parameters()}
        kept["apart"] = apart
        found.append(kept)
    return found


def joined(parts: list[dict[str, Tensor]], apart: list[str]) -> dict[str, Tensor]:
    """What processes share out in one piece; of the rest, which is the same in all, that of the first."""
    for name in parts[0]:
        if name not in apart:
            torch.testing.assert_close(parts[-1][name], parts[0][name], rtol=0, atol=0)
    return {name: torch.cat([p[name] for p in parts]) if name in apart else value for name, value in parts[0].items()}


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_are_one(world: int) -> None:
    several = results_of(train, world, world)
    alone = train(0, 1)
    for number, (config, one) in enumerate(zip(CONFIGS, alone, strict=True)):
        parts = [found[number] for found in several]
        assert len(parts[0]["weights"]["head.weight"]) < len(one["weights"]["head.weight"])
        for step in range(STEPS):
            for kind in ("losses", "leads"):
                together = torch.cat([part[kind][step] for part in parts])
                torch.testing.assert_close(together, one[kind][step], rtol=0, atol=1e-9, msg=f"{config} {kind}")
            assert parts[-1]["logs"][step] == pytest.approx(one["logs"][step], abs=1e-9), config
        for kind in ("gradients", "weights"):
            whole = joined([part[kind] for part in parts], one["apart"])
            for name, value in one[kind].items():
                torch.testing.assert_close(whole[name], value, rtol=0, atol=1e-9, msg=f"{config} {kind} {name}")


def test_one_process_has_all_classes() -> None:
    assert not build_head({"name": "aam", "shard_classes": True}, D, C).classes.shared


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "inter_topk"}, "inter_topk compares all classes in one process: leave out shard_classes"),
        ({"name": "aam", "shard_classes": "yes"}, "shard_classes is true or false, not 'yes'"),
    ],
)
def test_what_cannot_be_is_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_head({"shard_classes": True, **options}, D, C)
