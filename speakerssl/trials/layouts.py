"""Which column of a table is what: enrolment and test id, score, label, side of a two-channel recording.

A header says it. Without one, the first of the known layouts that fits the first lines is taken; a reader says which,
where it is not the plain one of speakerssl.
"""

from dataclasses import dataclass

import numpy as np

from speakerssl.errors import InputError
from speakerssl.io import remark
from speakerssl.trials.headers import ENROL, LABEL, LABELS, OTHER, SCORE, SIDE, TEST, header_roles
from speakerssl.trials.text_table import TextTable

Roles = tuple[str, ...]

TRIAL_LAYOUTS: tuple[Roles, ...] = (
    (ENROL, TEST),
    (LABEL, ENROL, TEST),
    (ENROL, TEST, LABEL),
    (ENROL, TEST, SIDE),
    (ENROL, TEST, SIDE, LABEL),
)
SCORE_LAYOUTS: tuple[Roles, ...] = (
    (SCORE, LABEL),
    (LABEL, SCORE),
    (ENROL, TEST, SCORE),
    (SCORE, ENROL, TEST),
    (ENROL, TEST, SCORE, LABEL),
    (LABEL, ENROL, TEST, SCORE),
    (ENROL, TEST, LABEL, SCORE),
    (ENROL, TEST, SIDE, SCORE),
    (ENROL, TEST, SIDE, SCORE, LABEL),
    (ENROL, TEST, SIDE, LABEL, SCORE),
)
WHOSE = {
    (ENROL, TEST, LABEL, SCORE): "SpeechBrain",
    (SCORE, ENROL, TEST): "VoxSRC",
    (ENROL, TEST, SIDE): "NIST",
    (ENROL, TEST, SIDE, LABEL): "NIST",
    (ENROL, TEST, SIDE, SCORE): "NIST",
}
PLAIN = {
    (ENROL, TEST), (LABEL, ENROL, TEST), (ENROL, TEST, LABEL), (ENROL, TEST, SCORE), (ENROL, TEST, SCORE, LABEL),
}  # fmt: skip
SIDES = dict.fromkeys("ab", 0)


@dataclass(frozen=True)
class Layout:
    """The column of each role; None where the table has none."""

    enrol: int | None
    test: int | None
    score: int | None
    label: int | None
    side: int | None

    @classmethod
    def of(cls, roles: tuple[str, ...]) -> "Layout":
        """From the role of each column."""
        return cls(*(roles.index(role) if role in roles else None for role in (ENROL, TEST, SCORE, LABEL, SIDE)))


def trial_layout(table: TextTable) -> Layout:
    """The layout of a trial list; a score column of a header is passed over. Raises InputError for an unknown one."""
    if table.header is not None:
        roles = _from_header(table)
        if ENROL not in roles or TEST not in roles:
            raise InputError(f"{table.path}:{table.line(0) - 1}: the header names no pair of ids")
        return _said(table, roles)
    fitting = [roles for roles in TRIAL_LAYOUTS if len(roles) == table.columns and _fits(table, roles)]
    if table.token(0, 0).lower() in LABELS:  # rather a list with one odd label than NIST's sides
        fitting = [roles for roles in fitting if roles != (ENROL, TEST, SIDE)]
    if (LABEL, ENROL, TEST) in fitting and (ENROL, TEST, LABEL) in fitting:
        # Ids may be numbers too; a word such as `target` is a label.
        wordy = not table.token(0, 2).isdigit()
        fitting.remove((LABEL, ENROL, TEST) if wordy else (ENROL, TEST, LABEL))
    if not fitting:
        _name_odd_label(table)
        raise InputError(
            f"{table.path}:{table.line(0)}: {table.columns} columns; a trial is '1 enrol test', "
            "'enrol test target|nontarget', 'enrol test 0|1' or 'enrol test'"
        )
    return _said(table, fitting[0])


def score_layout(table: TextTable) -> Layout:
    """The layout of a score file. Raises InputError for an unknown one, naming the line that does not fit."""
    if table.header is not None:
        roles = _from_header(table)
        if SCORE not in roles or ((ENROL in roles) != (TEST in roles)) or not _fits(table, roles):
            names = " ".join(table.header)
            raise InputError(f"{table.path}:{_odd_line(table)}: not a score under the header '{names}'")
        return _said(table, roles)
    if table.columns > 4:  # wespeaker's eight columns: the statistics of the cohort follow the label
        wide = tuple(OTHER for _ in range(table.columns - 4))
        layouts = [*(roles for roles in SCORE_LAYOUTS if len(roles) == table.columns)]
        layouts.append((ENROL, TEST, SCORE, LABEL, *wide))
    else:
        layouts = [roles for roles in SCORE_LAYOUTS if len(roles) == table.columns]
    fitting = [roles for roles in layouts if _fits(table, roles)]
    if fitting[:2] == [(ENROL, TEST, SCORE), (SCORE, ENROL, TEST)]:
        # Ids may be numbers too; only a score has a decimal point.
        first_is_score = "." in table.token(0, 0) and "." not in table.token(0, 2)
        fitting = fitting[1:] if first_is_score else fitting
    if not fitting:
        cure = ", and numbers with a point" if table.has_commas or table.separator == ord(",") else ""
        raise InputError(
            f"{table.path}:{_odd_line(table)}: not a score; expected 'enrol test score [label]', "
            f"'score enrol test' or 'score label' on every line{cure}"
        )
    _refuse_split_decimals(table, fitting[0])
    return _said(table, fitting[0])


def _refuse_split_decimals(table: TextTable, roles: Roles) -> None:
    """Raises InputError where a score may have fallen apart at its decimal comma (`a,b,0,53`)."""
    score = roles.index(SCORE)
    if table.separator != ord(",") or not table.looks_like_digits(score):
        return
    if any(
        table.looks_like_digits(column, signed=True) for column in (score - 1, score + 1) if 0 <= column < table.columns
    ):
        raise InputError(
            f"{table.path}:{table.line(0)}: commas separate columns here, and perhaps decimals as well; write numbers "
            "with a point, separate columns by semicolons, or name them in a header"
        )


def _from_header(table: TextTable) -> tuple[str, ...]:
    return tuple(header_roles(table.header or []) or ())


def _fits(table: TextTable, roles: tuple[str, ...]) -> bool:
    checks = {
        SCORE: table.looks_like_numbers,
        LABEL: lambda column: table.looks_like_words(column, LABELS),
        SIDE: lambda column: table.looks_like_words(column, SIDES),
    }
    return all(checks[role](column) for column, role in enumerate(roles) if role in checks)


def _said(table: TextTable, roles: tuple[str, ...]) -> Layout:
    """The layout, with a remark where it is not plain."""
    if table.form or roles not in PLAIN:
        words = " ".join("-" if role == OTHER else role for role in roles)
        form = f"{table.form}, " if table.form else ""
        whose = f" ({WHOSE[roles]})" if roles in WHOSE else ""
        remark(f"{table.path}: {form}read as `{words}`{whose}")
    return Layout.of(roles)


def _odd_line(table: TextTable) -> int:
    """The first line whose score is no number where the first line has one; else the first line."""
    for column in range(table.columns - 1, -1, -1):
        token = table.token(0, column)
        if not token.isdigit() and table.first_odd_row(column) > 0:
            return table.line(table.first_odd_row(column))
    return table.line(0)


def _name_odd_label(table: TextTable) -> None:
    """Raises InputError for the first line without a label, where the first line shows in which column they stand."""
    last = table.columns - 1
    for column in (0, last) if table.columns == 3 else (last,):
        if table.columns >= 3 and table.token(0, column).lower() in LABELS:
            row = table.first_odd_row(column, LABELS)
            if row < 0:
                continue
            raise InputError(
                f"{table.path}:{table.line(row)}: '{table.token(row, column)}' is no label (1, 0, target or nontarget)"
            )


def joined_sides(
    ids: tuple[list[str], np.ndarray], sides: tuple[list[str], np.ndarray]
) -> tuple[list[str], np.ndarray]:
    """Test ids with their side, `segment_a`, as NIST's lists mean two channels; the ids alone where all sides agree."""
    names, index = ids
    if len(sides[0]) < 2:
        return ids
    code = index.astype(np.int64) * len(sides[0]) + sides[1]
    kept, first, numbers = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    width = len(sides[0])
    joined = [f"{names[c // width]}_{sides[0][c % width]}" for c in kept[order].tolist()]
    return joined, place[numbers]
