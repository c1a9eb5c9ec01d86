"""The errors that a person sees: one line that names the file, the line and the cure.

Anything else that escapes is a defect of ours and keeps its traceback.
"""


class SpeakerSSLError(Exception):
    """Base of all expected errors; the command line prints the message alone and exits with `exit_code`."""

    exit_code = 1


class InputError(SpeakerSSLError):
    """What the person gave is wrong: a file, a line, an option, a configuration key."""

    exit_code = 2


class JobError(SpeakerSSLError):
    """The input was accepted but (part of) the job could not be done."""

    exit_code = 1


def unknown_name(kind: str, name: str, known: object) -> InputError:
    """The error of every registry: it lists the names that exist."""
    names = ", ".join(sorted(str(key) for key in known))  # type: ignore[attr-defined]
    return InputError(f"unknown {kind} '{name}'; the known ones are: {names}")
