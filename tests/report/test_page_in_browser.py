"""The page in a real browser: nothing in the console, and the slider gives the numbers that arithmetic gives."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speakerssl.report.build import ReportOptions, write_report

Browse = Callable[..., dict[str, Any]]
Lists = tuple[Path, Path, np.ndarray, np.ndarray]

READ = """
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const set = (id, value, type) => {
  const node = document.getElementById(id);
  node.value = value;
  node.dispatchEvent(new Event(type));
};
const read = () => [...document.querySelectorAll("#live tbody tr")]
  .map((row) => [...row.cells].map((cell) => cell.innerText));
const until = async (holds) => { for (let k = 0; k < 200 && !holds(); k++) await wait(20); };
const mode = (name) => document.querySelector(`input[name="mode"][value="${name}"]`).click();
"""


def rates(scores: np.ndarray, labels: np.ndarray, threshold: float) -> tuple[int, int]:
    """(misses, false alarms) where scores at or above the threshold are accepted."""
    return int(np.sum(scores[labels == 1] < threshold)), int(np.sum(scores[labels == 0] >= threshold))


def check_row(row: list[str], scores: np.ndarray, labels: np.ndarray) -> float:
    """The row's numbers follow from its threshold; returns that threshold."""
    targets, nontargets = int(np.sum(labels == 1)), int(np.sum(labels == 0))
    threshold = float(row[1])
    misses, alarms = rates(scores, labels, threshold)
    p_miss, p_fa = misses / targets, alarms / nontargets
    assert row[2].split("\n") == [f"{100 * p_miss:.3f} %", f"{misses} of {targets}"]
    assert row[3].split("\n") == [f"{100 * p_fa:.3f} %", f"{alarms} of {nontargets}"]
    assert float(row[4]) == pytest.approx(p_miss + 99 * p_fa, abs=1e-4)
    assert float(row[5]) == pytest.approx(p_miss + 19 * p_fa, abs=1e-4)
    return threshold


@pytest.fixture
def two_systems(tmp_path: Path, small_list: Lists) -> tuple[Path, list[np.ndarray], np.ndarray]:
    """A page of a system and of a better one on another scale."""
    trials, score_file, scores, labels = small_list
    other = np.round(10 * scores + 12 * labels, 3)
    lines = [line.rsplit(" ", 1)[0] for line in score_file.read_text().splitlines()]
    second = tmp_path / "other.txt"
    second.write_text("".join(f"{pair} {score}\n" for pair, score in zip(lines, other)))
    page = tmp_path / "page.html"
    options = ReportOptions(utt2spk=tmp_path / "utt2spk", bootstrap=20)
    write_report([score_file, second], page, trials, ["one", "two"], options)
    return page, [scores, other], labels


def test_slider_gives_the_rates_that_arithmetic_gives(browse: Browse, two_systems: Any) -> None:
    page, systems, labels = two_systems
    result = browse(page, READ + """
        result.rows = [];
        const most = Number(document.getElementById("slider").max);
        for (const part of [0, 0.2, 0.5, 0.8, 1]) {
          set("slider", Math.round(part * most), "input");
          result.rows.push(read());
          await wait(30);
        }
        result.spoken = document.getElementById("slider").getAttribute("aria-valuetext");
    """)  # fmt: skip
    assert result["problems"] == []
    thresholds = []
    for rows in result["rows"]:
        assert [row[0] for row in rows] == ["one", "two"]
        assert len({check_row(row, scores, labels) for row, scores in zip(rows, systems)}) == 1
        thresholds.append(float(rows[0][1]))
    assert thresholds == sorted(set(thresholds))
    assert result["rows"][0][0][3].startswith("100.000 %")
    assert result["rows"][-1][0][2].startswith("100.000 %")
    assert float(result["spoken"]) == thresholds[-1]


@pytest.mark.parametrize("mode", ["fa", "miss"])
def test_rate_modes_hold_every_system_at_one_rate(browse: Browse, two_systems: Any, mode: str) -> None:
    page, systems, labels = two_systems
    result = browse(page, READ + f"""
        mode("{mode}");
        result.start = read();
        set("slider", 200, "input");
        result.rows = read();
        result.value = document.getElementById("slider-value").textContent;
        mode("score");
        result.back = read();
    """)  # fmt: skip
    assert result["problems"] == []
    limit = (1 / np.sum(labels == (0 if mode == "fa" else 1))) ** 0.5
    assert result["value"] == f"at most {float(f'{limit:.3g}') * 100:g} %"
    for row, scores in zip(result["rows"], systems):
        threshold = check_row(row, scores, labels)
        chosen = np.sort(scores[labels == (0 if mode == "fa" else 1)])
        exact = np.mean(chosen >= threshold) if mode == "fa" else np.mean(chosen < threshold)
        assert limit - 0.02 < exact <= limit
    assert len({row[1] for row in result["rows"]}) == 2
    assert len({row[1] for row in result["back"]}) == 1


def test_presets_go_to_each_systems_own_points(browse: Browse, two_systems: Any) -> None:
    page, systems, labels = two_systems
    result = browse(page, READ + """
        const buttons = [...document.querySelectorAll("#presets button")];
        result.names = buttons.map((button) => button.textContent);
        result.rows = buttons.map((button) => { button.click(); return read(); });
        set("typed", "1.1", "change");
        result.typed = read();
    """)  # fmt: skip
    assert result["problems"] == []
    assert result["names"] == ["EER of each", "minDCF p=0.01 of each", "minDCF p=0.05 of each"]
    for k, scores in enumerate(systems):
        for row in (rows[k] for rows in result["rows"]):
            check_row(row, scores, labels)
        costs = np.array([np.add(*np.multiply(rates(scores, labels, t), [1 / sum(labels == 1), 19 / sum(labels == 0)]))
                          for t in [*scores, np.inf]])  # fmt: skip
        assert float(result["rows"][2][k][5]) == pytest.approx(costs.min(), abs=1e-4)
        assert abs(check_row(result["typed"][k], scores, labels) - 1.1) < 0.05


def test_curves_hover_and_names_of_the_controls(browse: Browse, two_systems: Any) -> None:
    page, _, _ = two_systems
    result = browse(page, READ + """
        const count = (selector) => document.querySelectorAll(selector).length;
        await until(() => count("#det-chart .curve"));
        result.curves = count("#det-chart .curve");
        result.rings = count("#det-chart .inner .ring");
        result.plots = count("#score-charts svg[role=img][aria-label]");
        document.querySelector("#legend input").click();
        await until(() => count("#det-chart .curve") === 1);
        result.hidden = count("#det-chart .curve");
        const svg = document.querySelector("#det-chart svg"), box = svg.getBoundingClientRect();
        const dot = document.querySelector("#det-chart .dot").getBoundingClientRect();
        svg.dispatchEvent(new PointerEvent("pointermove", { clientX: dot.x + 4, clientY: dot.y + 4 }));
        result.tip = document.querySelector("#det-chart .tip").textContent;
        result.unnamed = [...document.querySelectorAll("input")].filter((n) => !n.labels.length).map((n) => n.id);
        result.empty = [...document.querySelectorAll("button,summary,nav a")].filter((n) => !n.innerText).length;
    """)  # fmt: skip
    assert result["problems"] == []
    assert (result["curves"], result["hidden"], result["rings"], result["plots"]) == (2, 1, 2, 4)
    assert "miss" in result["tip"]
    assert "false alarm" in result["tip"]
    assert result["unnamed"] == []
    assert result["empty"] == 0


def test_phone_width_scrolls_tables_and_not_the_page(browse: Browse, two_systems: Any) -> None:
    page, _, _ = two_systems
    result = browse(page, READ + """
        await until(() => document.querySelector("#det-chart svg"));
        result.client = document.documentElement.clientWidth;
        result.scroll = document.documentElement.scrollWidth;
        result.chart = document.querySelector("#det-chart svg").getBoundingClientRect().width;
        result.table = document.querySelector("#slices table, #metrics table").scrollWidth;
    """, width=390)  # fmt: skip
    assert result["problems"] == []
    assert result["scroll"] == result["client"] == 390
    assert 250 < result["chart"] <= 390


def test_follows_the_colours_of_the_system(browse: Browse, two_systems: Any) -> None:
    page, _, _ = two_systems
    steps = """
        const ground = () => getComputedStyle(document.body).backgroundColor;
        result.grounds = [ground()];
        result.label = document.getElementById("theme").ariaLabel;
        document.getElementById("theme").click();
        result.grounds.push(ground());
    """
    light, dark = (browse(page, steps, dark=dark) for dark in (False, True))
    assert light["grounds"] == dark["grounds"][::-1]
    assert light["grounds"][0] != light["grounds"][1]
    assert (light["label"], dark["label"]) == ("Use dark colours", "Use light colours")


def test_hostile_ids_and_names_stay_text(browse: Browse, tmp_path: Path, new_list: Any) -> None:
    trials, score_file, _, _ = new_list(tmp_path, odd="</script><script>boom()</script>&\"'<b>")
    page = tmp_path / "page.html"
    name = "</script><img src=x onerror=boom()>&\"'$title"
    write_report([score_file], page, trials, [name], ReportOptions(title="<i>T</i> ${css}", bootstrap=0))
    result = browse(page, READ + """
        result.name = read()[0][0];
        result.title = document.title;
        result.heading = document.querySelector("h1").textContent;
        result.id = document.querySelector("td.id").innerText;
        result.strange = document.querySelectorAll("img, main b, main i, main script").length;
    """)  # fmt: skip
    assert result["problems"] == []
    assert result["name"] == name
    assert result["title"] == result["heading"] == "<i>T</i> ${css}"
    assert "</script><script>boom()</script>&\"'<b>-utt" in result["id"]
    assert result["strange"] == 0


def test_recordings_play_from_inside_the_page(browse: Browse, tmp_path: Path, small_list: Lists) -> None:
    import soundfile

    trials, score_file, _, _ = small_list
    ids = [line.split()[0] for line in (tmp_path / "utt2spk").read_text().splitlines()]
    tone = 0.1 * np.sin(np.arange(8000) * 0.2)
    soundfile.write(tmp_path / "tone.wav", tone, 16000)
    (tmp_path / "wav.scp").write_text("".join(f"{name} {tmp_path}/tone.wav\n" for name in ids))
    page = tmp_path / "page.html"
    done = write_report([score_file], page, trials, None, ReportOptions(audio=tmp_path / "wav.scp", hardest=3))
    (tmp_path / "tone.wav").unlink()
    result = browse(page, READ + """
        const players = [...document.querySelectorAll("audio")];
        result.players = players.length;
        players[0].preload = "auto";
        await until(() => players[0].readyState >= 1);
        result.seconds = players[0].duration;
        result.label = players[0].getAttribute("aria-label");
    """)  # fmt: skip
    assert done["audio_embedded"] > 0
    assert result["players"] == 12
    assert result["label"].startswith("Enrolment spk")
    assert result["problems"] == []
    assert result["seconds"] == pytest.approx(0.5, abs=0.15)


def test_separated_classes_and_a_single_score_make_a_page(browse: Browse, tmp_path: Path) -> None:
    for name, scores in (("separated", [0.9, 0.8, 0.1, 0.2]), ("constant", [0.5] * 4)):
        file = tmp_path / f"{name}.txt"
        file.write_text("".join(f"{s} {t}\n" for s, t in zip(scores, [1, 1, 0, 0])))
        page = tmp_path / f"{name}.html"
        write_report([file], page)
        result = browse(page, READ + "result.rows = read();")
        assert result["problems"] == []
        check_row(result["rows"][0], np.array(scores), np.array([1, 1, 0, 0]))


def test_published_scores(browse: Browse, tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "published_scores"
    page = tmp_path / "page.html"
    trials = folder / "voxsrc2021_val_trials.txt.gz"
    done = write_report(
        [folder / "voxsrc2021_val_scores.txt.gz"], page, trials, ["published"], ReportOptions(bootstrap=5)
    )
    assert f"{100 * done['systems'][0]['eer']:.3f}" == "5.177"
    assert done["bytes"] == page.stat().st_size < 200_000
    text = page.read_text()
    assert "5.177 %" in text
    assert "0.2928" in text
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert len(data["grid"]) <= 2000
    assert browse(page, READ + "result.rows = read();")["problems"] == []


def test_keyboard_reaches_the_slider_and_moves_it(browser: Any, browse: Browse, two_systems: Any) -> None:
    page, systems, labels = two_systems

    def press(session: str, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", session, type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def ask(session: str, expression: str) -> Any:
        return browser.call("Runtime.evaluate", session, expression=expression)["result"]["value"]

    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.call("Page.enable", session)
    browser.events.clear()
    browser.call("Page.navigate", session, url=page.as_uri())
    browser.wait_for("Page.loadEventFired")
    reached = []
    for _ in range(40):
        press(session, "Tab", 9)
        reached.append(ask(session, "document.activeElement.id || document.activeElement.className"))
        if reached[-1] == "slider":
            break
    assert reached[0] == "skip"
    assert {"theme", "scroll", "slider"} <= set(reached)
    assert ask(session, "getComputedStyle(document.activeElement).outlineStyle") == "solid"
    row = "[...document.querySelector('#live tbody tr').cells].map((cell) => cell.innerText).join('|')"
    press(session, "Home", 36)
    lowest = ask(session, row).split("|")
    press(session, "ArrowRight", 39)
    next_one = ask(session, row).split("|")
    browser.call("Target.closeTarget", targetId=target)
    assert check_row(lowest, systems[0], labels) < check_row(next_one, systems[0], labels)


def test_the_watch_sees_errors_and_requests(browse: Browse, tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text(
        "<!doctype html><link rel=stylesheet href=other.css><body><script>console.error('said'); missing();</script>"
    )
    found = browse(page, "")["problems"]
    assert "said" in found
    assert any("missing is not defined" in problem for problem in found)
    assert any(problem.startswith("request: file:") and problem.endswith("other.css") for problem in found)
