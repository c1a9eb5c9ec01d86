"""`speakerssl table`."""

import argparse
import json
from dataclasses import asdict

from speakerssl.cli.metric_options import add_p_target_argument, p_targets_of
from speakerssl.errors import InputError

DESCRIPTION = """One table of several systems on several trial lists, mean and spread over seeds.

  speakerssl table --exp exp --systems snt_xent_am untrained floor --lists cross=data/test/trials

Reads EXP/<system>/scores/<list>.txt, or EXP/<system>-s<seed>/scores/<list>.txt for every seed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--exp", required=True, metavar="DIR", help="folder of the systems' folders")
    parser.add_argument("--systems", required=True, nargs="+", metavar="NAME", help="rows of the table, in this order")
    parser.add_argument("--lists", required=True, nargs="+", metavar="NAME=TRIALS", help="columns: trial lists")
    add_p_target_argument(parser)
    parser.add_argument("--markdown", metavar="FILE", help="write the table there too")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")


def run(args: argparse.Namespace) -> int:
    from speakerssl.io import write_text
    from speakerssl.report.results import collect, to_markdown

    lists = {}
    for item in args.lists:
        name, separator, path = item.partition("=")
        if not separator:
            raise InputError(f"--lists {item}: expected NAME=TRIALS")
        lists[name] = path
    results = collect(args.exp, args.systems, lists, p_targets_of(args))
    if args.markdown:
        write_text(args.markdown, f"{to_markdown(results)}\n{results.definition}.\n")
    if args.json:
        print(json.dumps({**asdict(results), "definition": results.definition}))
    else:
        _print(results)
        print(f"table: {args.markdown}" if args.markdown else "", end="\n" if args.markdown else "")
    return 0


def _print(results) -> None:  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.table import Table

    from speakerssl.report.results import format_values

    table = Table(caption=results.definition, caption_justify="left")
    table.add_column("system")
    for name in results.lists:
        targets, nontargets = results.sizes[name]
        table.add_column(f"{name} EER %\n({targets} targets,", justify="right")
        for place, p in enumerate(results.p_targets):
            end = "" if place else f"{nontargets} non-targets)"
            table.add_column(f"{name} minDCF {p:g}\n{end}", justify="right")
    for system, cells in results.cells.items():
        values = []
        for name in results.lists:
            costs = [format_values(cost, 4) for cost in cells[name].min_dcfs]
            values += [format_values(cells[name].eer_percent, 2), *costs]
        table.add_row(system, *values)
    Console(width=max(100, Console().width)).print(table)
