"""The section of the hardest trials: two tables a system, with a player or a link for each recording."""

from speakerssl.report.audio import AudioShelf
from speakerssl.report.hardest import HardTrial, hardest_trials
from speakerssl.report.markup import swatch, table, text
from speakerssl.report.systems import Systems


def hardest_section(systems: Systems, count: int, shelf: AudioShelf | None) -> str:
    """HTML of the `count` hardest target and non-target trials of each system."""
    parts = [
        '<p class="muted">The target trials with the lowest scores and the non-target trials with the highest. '
        "“Beyond” is the share of the other class that is on the far side: non-targets that score at least as high "
        "as this target, or targets that score at most as high as this non-target. A hard trial is often a wrong label "
        "or a damaged recording: listen first.</p>"
    ]
    if shelf is None:
        parts.append('<p class="muted">With --audio wav.scp the recordings can be played here.</p>')
    for index, system in enumerate(systems.systems):
        targets, nontargets = hardest_trials(system.scores, systems.labels, count)
        body = "".join(
            f"<h3>{title}</h3>" + _trial_table(f"{title}: {system.name}", systems, trials, shelf)
            for title, trials in (("Hardest targets", targets), ("Hardest non-targets", nontargets))
        )
        opened = " open" if index == 0 else ""
        parts.append(f"<details{opened}><summary>{swatch(index)}{text(system.name)}</summary>{body}</details>")
    return "\n".join(parts)


def _trial_table(label: str, systems: Systems, trials: list[HardTrial], shelf: AudioShelf | None) -> str:
    rows = []
    for place, trial in enumerate(trials, 1):
        if systems.has_ids:
            enrol, test = systems.trials.pair(trial.index)
            sides = [_recording(enrol, "Enrolment", shelf), _recording(test, "Test", shelf)]
        else:
            sides = [f"<td>line {trial.index + 1}</td>", "<td></td>"]
        score = f'<td data-name="score">{trial.score:.6g}</td>'
        beyond = f'<td data-name="beyond">{100 * trial.beyond:.3g} %</td>'
        rows.append([str(place), score, beyond, *sides])
    head = [
        "#",
        "Score",
        "Beyond",
        '<th scope="col" class="left">Enrolment</th>',
        '<th scope="col" class="left">Test</th>',
    ]
    return table(label, head, rows, row_head=False, kind="trials")


def _recording(name: str, side: str, shelf: AudioShelf | None) -> str:
    shown = text(name)
    if shelf is None:
        return f'<td class="id" data-name="{side}">{shown}</td>'
    clip = shelf.clip(name)
    player = ""
    if clip.index is not None:
        player = (f'<audio controls preload="none" data-recording="{clip.index}" '
                  f'aria-label="{side} {shown}"></audio>')  # fmt: skip
    elif clip.link:
        player = f'<small><a href="{text(clip.link)}">open the file</a></small>'
    note = f"<small>{text(clip.note)}</small>" if clip.note else ""
    return f'<td class="id" data-name="{side}">{shown}{player}{note}</td>'
