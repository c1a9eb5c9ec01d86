"""A real headless browser for the page, and small score files to make pages of."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--no-first-run",
    "--disable-quic",
    "--disable-extensions",
    "--mute-audio",
    "--hide-scrollbars",
]

# First in the page: collects whatever a person would find in the browser's console, and refused requests.
WATCH = """<script>
window.problems = [];
window.addEventListener("error", (e) => problems.push(String(e.message || (e.target && e.target.src) || e.type)), true);
window.addEventListener("unhandledrejection", (e) => problems.push(String(e.reason)));
document.addEventListener("securitypolicyviolation", (e) => problems.push(`policy: ${e.violatedDirective} ${e.blockedURI}`));
for (const kind of ["error", "warn"]) console[kind] = (...words) => problems.push(words.join(" "));
</script>"""

# Last in the page: `act` (the test's steps) fills `result`, which lands in the DOM that the browser prints.
ACT = """<script>
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
window.addEventListener("load", async () => {
  await wait(100);
  const result = {};
  try { await (async () => { %s })(); } catch (e) { problems.push(`test: ${e}`); }
  await wait(100);
  result.problems = problems;
  const out = document.createElement("pre");
  out.id = "test-result";
  out.textContent = JSON.stringify(result);
  document.body.appendChild(out);
});
</script>"""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; skips where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs a browser on PATH (Debian: apt-get install chromium)")
    return found


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """browse(page, steps, width=1280): opens a copy of `page`, runs the JavaScript `steps`, returns its `result`."""

    def run(page: Path, steps: str, width: int = 1280, flags: tuple[str, ...] = ()) -> dict[str, Any]:
        copy = page.with_name(f"{page.stem}_watched.html")
        text = page.read_text(encoding="utf-8")
        assert text.count("<head>") == 1
        assert text.count("</body>") == 1
        copy.write_text(text.replace("<head>", "<head>" + WATCH).replace("</body>", ACT % steps + "</body>"), "utf-8")
        command = [chromium, *FLAGS, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900",
                   "--virtual-time-budget=8000", "--dump-dom", copy.as_uri()]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        match = re.search(r'<pre id="test-result">(.*?)</pre>', done.stdout, re.DOTALL)
        assert match, done.stderr[-2000:]
        return json.loads(html.unescape(match.group(1)))

    return run


def make_list(
    folder: Path, speakers: int = 12, each: int = 6, seed: int = 7, odd: str = ""
) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    """A trial list of all pairs of `speakers * each` recordings and its score file.

    Returns (trials, scores file, scores [T], labels [T]); `odd` is put into every id.
    """
    rng = np.random.default_rng(seed)
    ids = [f"spk{s:02d}{odd}-utt{u}" for s in range(speakers) for u in range(each)]
    first, second = np.triu_indices(len(ids), 1)
    labels = (first // each == second // each).astype(int)
    scores = np.round(rng.normal(labels * 2.2, 1.0), 4)
    pairs = [(ids[a], ids[b]) for a, b in zip(first, second)]
    trials, score_file = folder / "trials", folder / "scores.txt"
    trials.write_text("".join(f"{a} {b} {'target' if t else 'nontarget'}\n" for (a, b), t in zip(pairs, labels)))
    score_file.write_text("".join(f"{a} {b} {s:.4f}\n" for (a, b), s in zip(pairs, scores)))
    (folder / "utt2spk").write_text("".join(f"{name} {name.rsplit('-', 1)[0]}\n" for name in ids))
    return trials, score_file, scores, labels


@pytest.fixture
def small_list(tmp_path: Path) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    """`make_list` with its defaults: 2,556 trials."""
    return make_list(tmp_path)


@pytest.fixture
def new_list() -> Callable[..., tuple[Path, Path, np.ndarray, np.ndarray]]:
    """`make_list` itself."""
    return make_list
