"""A page a verb, from its own argument parser: what `speakerssl VERB --help` says, with the options as a table."""

import argparse
from collections.abc import Iterator

from speakerssl.cli.main import VERBS, build_parser


def verb_pages() -> dict[str, str]:
    """Markdown by verb, in the order of `speakerssl --help`."""
    return {verb: verb_page(verb) for verb in VERBS}


def verb_page(verb: str) -> str:
    parser = subparsers(build_parser(verb))[verb]
    parts = [f"# `speakerssl {verb}`", sentence(VERBS[verb][1]), *body(parser)]
    for name, child in subparsers(parser).items():
        parts += [f"## `speakerssl {verb} {name}`", *body(child)]
    return "\n\n".join(parts) + "\n"


def body(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The description with its examples as code, then positional arguments and options."""
    yield from description(parser.description or "")
    rows = [row(action) for action in parser._actions if not skipped(action)]
    if rows:
        yield "\n".join(["| option | default | what it does |", "|---|---|---|", *rows])


def description(text: str) -> Iterator[str]:
    """Prose as paragraphs, indented lines (examples, lists of names) as code blocks."""
    block: list[str] = []
    indented = False
    for line in [*text.strip("\n").splitlines(), ""]:
        kind = line.startswith("  ") if line.strip() else indented
        if (not line.strip() or kind != indented) and block:
            yield code(block) if indented else "\n".join(block)
            block = []
        indented = kind
        if line.strip():
            block.append(line)


def code(lines: list[str]) -> str:
    is_command = lines[0].strip().startswith(("speakerssl", "torchrun", "recipes/"))
    return "\n".join([f"```{'sh' if is_command else 'text'}", *(line[2:] for line in lines), "```"])


def row(action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    value = action.metavar if isinstance(action.metavar, str) else "|".join(map(str, action.choices or ()))
    if action.nargs == 0:
        value = ""
    elif not value:
        value = action.dest.upper()
    shown = " ".join(filter(None, (names, f"`{value}`" if value else "")))
    return f"| {escaped(shown)} | {escaped(default(action))} | {escaped(help_text(action))} |"


def default(action: argparse.Action) -> str:
    if action.required:
        return "required"
    if action.default in (None, False, argparse.SUPPRESS) or action.default == []:
        return ""
    value = action.default
    return f"`{' '.join(map(str, value)) if isinstance(value, (list, tuple)) else value}`"


def help_text(action: argparse.Action) -> str:
    text = (action.help or "") % {**vars(action), "prog": "speakerssl"}
    choices = action.choices if action.option_strings and isinstance(action.metavar, str) else None
    return f"{text} (one of: {', '.join(map(str, choices))})" if choices else text


def skipped(action: argparse.Action) -> bool:
    hidden = (argparse._HelpAction, argparse._SubParsersAction)
    return isinstance(action, hidden) or action.help == argparse.SUPPRESS


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def escaped(text: str) -> str:
    """Fit for one cell of a table."""
    return " ".join(text.replace("|", "\\|").split())


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
