"""The errors that a person sees: one line that names the file, the line and the cure.

Anything else that escapes is a defect of ours and keeps its traceback.
"""

# What the base installation leaves out: package: the extra that brings it.
EXTRAS = dict.fromkeys(("torch", "torchaudio", "speechbrain", "safetensors", "pyroomacoustics", "tensorboard"), "train")
MESSAGE_LIMIT = 300  # characters; a longer message loses its middle, since file and cure stand at its ends


class SpeakerSSLError(Exception):
    """Base of all expected errors; the command line prints the message alone and exits with `exit_code`.

    A message is one line of printable text of at most `MESSAGE_LIMIT` characters, whatever it was built from.
    """

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message))


class InputError(SpeakerSSLError):
    """What the person gave is wrong: a file, a line, an option, a configuration key."""

    exit_code = 2


class JobError(SpeakerSSLError):
    """The input was accepted but (part of) the job could not be done."""

    exit_code = 1


class OutputError(JobError):
    """The result cannot be written: no space, no permission, or something else is in its place."""


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """`text` without line breaks and control characters (shown as escapes), at most `limit` characters long."""
    text = str(text)
    if len(text) > 4 * limit:  # megabytes need not be looked through
        text = text[: 2 * limit] + text[-2 * limit :]
    text = "".join(char if char.isprintable() else _escaped(char) for char in " ".join(text.splitlines()).strip())
    if len(text) <= limit:
        return text
    tail = limit // 2
    return f"{text[: limit - tail - 5]} ... {text[-tail:]}"


def missing_package(error: ModuleNotFoundError, where: str = "") -> Exception:
    """The error that names the extra to install, its message beginning with `where`; `error` where it is no extra's."""
    package = (error.name or "").split(".")[0]
    if package not in EXTRAS:
        return error
    return JobError(f"{where}needs {package}, which is not installed: pip install 'speakerssl[{EXTRAS[package]}]'")


def unknown_name(kind: str, name: str, known: object) -> InputError:
    """The error of every registry: it lists the names that exist."""
    names = ", ".join(sorted(str(key) for key in known))  # type: ignore[attr-defined]
    return InputError(f"unknown {kind} '{name}'; the known ones are: {names}")


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
