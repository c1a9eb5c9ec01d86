#!/usr/bin/env python3
"""Whether channels-last memory pays in training: a step of 16 x 2 crops of 2 s, forward and backward, by encoder.

    tools/benchmarks/layout.py --encoder fast_resnet34 rvector_resnet34 --write

Processor seconds of one thread, the least of rounds that alternate. Encoders are built as the registry builds them,
then put into either layout.
"""

import argparse
import sys
import time

import torch
from table import machine, markdown_table, replace_section

from speakerssl.encoders import build_encoder


def step_seconds(encoder: torch.nn.Module, feats: torch.Tensor) -> float:
    """Processor seconds of one training step but for the optimizer's."""
    start = time.process_time()
    encoder(feats).square().mean().backward()
    return time.process_time() - start


def main() -> int:
    """One row an encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", nargs="+", default=["fast_resnet34"], help="encoders of the registry")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each layout (4)")
    parser.add_argument("--write", action="store_true", help="write the section into RESULTS.md")
    args = parser.parse_args()
    torch.set_num_threads(1)
    before, rows = machine(("torch",)), []
    feats = torch.randn(32, 200, 40)
    for name in args.encoder:
        layouts = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
        encoders = {layout: build_encoder(name, feat_dim=40).to(memory_format=kept) for layout, kept in layouts.items()}
        spent = dict.fromkeys(layouts, float("inf"))
        for _ in range(args.rounds):
            for layout, encoder in encoders.items():
                spent[layout] = min(spent[layout], step_seconds(encoder, feats))
        one, other = spent.values()
        rows.append([name, f"{one:.3f}", f"{other:.3f}", f"{one / other:.2f}"])
        print(*rows[-1], flush=True)
    table = markdown_table(["encoder", "contiguous, s", "channels-last, s", "times as fast"], rows)
    text = f"## Memory layout in training\n\n{before}. 16 x 2 crops of 200 frames, 40 bins, float32.\n\n{table}"
    print(text)
    if args.write:
        replace_section("layout", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
