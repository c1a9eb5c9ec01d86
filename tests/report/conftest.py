"""A real headless browser for the page, and small score files to make pages of."""

import json
import os
import select
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-sync "
    "--disable-component-update --no-first-run --disable-quic --disable-extensions --mute-audio --hide-scrollbars "
    "--remote-debugging-pipe"
)


class Browser:
    """Speaks the DevTools protocol over a pair of pipes: messages are JSON, each ended by a NUL byte."""

    def __init__(self, path: str, profile: Path) -> None:
        read_commands, self.commands = os.pipe()
        self.replies, write_replies = os.pipe()
        # The browser reads file descriptor 3 and writes 4; the shell puts our pipes there.
        line = f"exec {shlex.quote(path)} {FLAGS} --user-data-dir={shlex.quote(str(profile))}"
        self.process = subprocess.Popen(
            ["bash", "-c", f"{line} 3<&{read_commands} 4>&{write_replies}"],
            pass_fds=(read_commands, write_replies),
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_replies)
        self.buffer, self.events, self.last = b"", list[dict[str, Any]](), 0

    def call(self, method: str, session: str | None = None, timeout: float = 60.0, **params: Any) -> dict[str, Any]:
        """The result of one command; what else the browser says meanwhile joins `events`."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + timeout
        while (reply := self._next(until)).get("id") != self.last:
            self.events.append(reply)
        assert "error" not in reply, f"{method}: {reply['error']}"
        return reply["result"]

    def wait_for(self, method: str, timeout: float = 60.0) -> None:
        """Returns once the browser has said `method`."""
        until = time.monotonic() + timeout
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next(until))

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            assert select.select([self.replies], [], [], max(0.0, until - time.monotonic()))[0], "the browser is silent"
            self.buffer += os.read(self.replies, 1 << 20)
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        self.call("Browser.close")
        self.process.wait(30)
        os.close(self.commands)
        os.close(self.replies)


def problems(events: list[dict[str, Any]]) -> list[str]:
    """What a person would find in the console, and every request for anything but the page and its own data."""
    out = []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            out.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            out.append(" ".join(str(word.get("value", word.get("description"))) for word in params["args"]))
        elif method == "Log.entryAdded":
            out.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("data:", "blob:")):
            out.append(f"request: {params['request']['url']}")
    return out


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests; skips where there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs a browser on PATH (Debian: apt-get install chromium)")
    running = Browser(found, tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture
def browse(browser: Browser) -> Callable[..., dict[str, Any]]:
    """browse(page, steps, width=1280, dark=False): opens `page` and runs the JavaScript `steps`.

    Returns what the steps put into `result`, and `problems`: see there.
    """

    def run(page: Path, steps: str, width: int = 1280, dark: bool = False) -> dict[str, Any]:
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.call(f"{domain}.enable", session)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.call("Emulation.setDeviceMetricsOverride", session, **size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.call("Emulation.setEmulatedMedia", session, features=scheme)
        browser.events.clear()
        browser.call("Page.navigate", session, url=page.as_uri())
        browser.wait_for("Page.loadEventFired")
        done = browser.call(
            "Runtime.evaluate",
            session,
            expression="(async () => { const result = {};" + steps + "; return JSON.stringify(result); })()",
            awaitPromise=True,
        )
        browser.call("Target.closeTarget", targetId=target)
        assert "exceptionDetails" not in done, done["exceptionDetails"]["exception"]["description"]
        own = f"request: {page.as_uri()}"
        found = [problem for problem in problems(browser.events) if problem != own]
        return {**json.loads(done["result"]["value"]), "problems": found}

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
