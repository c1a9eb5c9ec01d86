"""Numbers on the command line that make no sense are refused in one line."""

from speakerssl.errors import InputError


def at_least(option: str, value: int, low: int) -> int:
    """`value`; raises InputError where it is below `low`."""
    if value < low:
        raise InputError(f"{option} is {value}; it must be {low} or more")
    return value
