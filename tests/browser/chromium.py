"""A small driver of headless Chromium, by the DevTools protocol over one WebSocket a tab.

    with Browser() as browser, browser.tab(width=390, mobile=True) as tab:
        tab.open(pathlib.Path("report.html").resolve().as_uri())
        tab.evaluate("document.title"), tab.messages, tab.requests, tab.screenshot()

Every host but 127.0.0.1 is unresolvable in it. It runs what `$CHROMIUM` names, else the first Chromium on PATH.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
# What the compositor paints in one picture at most; a taller page is taken in parts.
TALLEST = 16_000


class BrowserError(RuntimeError):
    """Chromium is missing, did not start, did not answer, or refused a command."""


def find_chromium() -> str:
    """The Chromium to run: `$CHROMIUM`, else the first of NAMES on PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise BrowserError(f"CHROMIUM is {named!r}, which is no program; set it to Chromium's path")
        return found
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise BrowserError(f"no Chromium: install one of {', '.join(NAMES)}, or set CHROMIUM=/path/to/it")


class Browser:
    """One running Chromium with a profile of its own; a context manager."""

    def __init__(self, executable: str | None = None, timeout: float = 60.0) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        command = [executable or find_chromium(), *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._log = Path(self._profile.name, "stderr.txt").open("w+b")  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self._log)
        try:
            self.port = self._wait_for_port(timeout)
        except BaseException:
            self.close()
            raise

    def _wait_for_port(self, timeout: float) -> int:
        """The port that Chromium chose, which it writes into its profile once it listens."""
        written, deadline = Path(self._profile.name, "DevToolsActivePort"), time.monotonic() + timeout
        while time.monotonic() < deadline:
            if written.exists() and (lines := written.read_text().split("\n"))[0]:
                return int(lines[0])
            if self._process.poll() is not None:
                self._log.seek(0)
                said = self._log.read().decode(errors="replace")[-800:]
                raise BrowserError(f"Chromium ended with status {self._process.returncode}: {said}")
            time.sleep(0.02)
        raise BrowserError(f"Chromium did not listen within {timeout:g} s")

    def tab(self, width: int = 1280, height: int = 900, *, mobile: bool = False, scheme: str = "light") -> Tab:
        """A new tab of `width` x `height` CSS pixels that prefers `scheme` ("light" or "dark"); a context manager."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("PUT", "/json/new?" + urllib.parse.quote("about:blank"))
        target = json.loads(connection.getresponse().read())
        connection.close()
        tab = Tab(target["webSocketDebuggerUrl"])
        tab.resize(width, height, mobile=mobile)
        tab.prefer(scheme)
        return tab

    def close(self) -> None:
        """End the process and delete its profile."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        self._log.close()
        self._profile.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tab:
    """One tab, and all it said since it last opened something.

    messages: (source, level, text) of the console, the browser's log and uncaught exceptions. requests: URLs asked for,
    data: and blob: ones left out. dialogs: texts of alert, confirm, prompt (each is dismissed at once).
    """

    def __init__(self, address: str, timeout: float = 60.0) -> None:
        self._socket = websocket.create_connection(address, timeout=timeout, suppress_origin=True)
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._scheme, self._media = "light", ""
        self.messages: list[tuple[str, str, str]] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self._loaded = False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command of the protocol and return its result; events that come before it are taken in."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        deadline = time.monotonic() + self._timeout
        while time.monotonic() < deadline:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']}")
                return dict(message["result"])
            self._take(message)
        raise BrowserError(f"{method}: no answer within {self._timeout:g} s")

    def _take(self, message: dict[str, Any]) -> None:
        """Note down one event."""
        given = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Page.javascriptDialogOpening":
                self.dialogs.append(given["message"])
                command = {
                    "id": next(self._numbers),
                    "method": "Page.handleJavaScriptDialog",
                    "params": {"accept": False},
                }
                self._socket.send(json.dumps(command))
            case "Runtime.consoleAPICalled":
                text = " ".join(str(part.get("value", part.get("description", ""))) for part in given["args"])
                self.messages.append(("console", given["type"], text))
            case "Runtime.exceptionThrown":
                details = given["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", "")
                self.messages.append(("exception", "error", f"{details['text']} {thrown}".strip()))
            case "Log.entryAdded":
                entry = given["entry"]
                self.messages.append((entry["source"], entry["level"], entry["text"]))
            case "Network.requestWillBeSent":
                address = given["request"]["url"]
                if not address.startswith(("data:", "blob:")):
                    self.requests.append(address)

    def settle(self, quiet: float = 0.1) -> None:
        """Take in events until none came for `quiet` seconds (20 s at most)."""
        deadline = time.monotonic() + 20
        self._socket.settimeout(quiet)
        try:
            while time.monotonic() < deadline:
                self._take(json.loads(self._socket.recv()))
        except websocket.WebSocketTimeoutException:
            return
        finally:
            self._socket.settimeout(self._timeout)

    def open(self, url: str) -> None:
        """Open `url` and wait until it is loaded and calm; messages, requests and dialogs start anew."""
        self.send("Page.navigate", url="about:blank")
        self.settle(0.03)
        self.messages, self.requests, self.dialogs, self._loaded = [], [], [], False
        self.send("Log.clear")
        answer = self.send("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        deadline = time.monotonic() + self._timeout
        while not self._loaded:
            if time.monotonic() > deadline:
                raise BrowserError(f"{url}: not loaded within {self._timeout:g} s")
            self._take(json.loads(self._socket.recv()))
        # The event may have been that of the empty page before, come late on a busy machine.
        self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'", self._timeout)
        self.settle()

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, also where its policy forbids scripts; plain JSON types."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=False)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait_for(self, expression: str, timeout: float = 5.0) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + timeout
        while not self.evaluate(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                raise BrowserError(f"not true within {timeout:g} s: {expression}")
            self.settle(0.02)

    def resize(self, width: int, height: int = 900, *, mobile: bool = False) -> None:
        """Give the viewport `width` x `height` CSS pixels; `mobile` honours the page's viewport declaration."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def prefer(self, scheme: str) -> None:
        """Prefer the colour scheme "light" or "dark"."""
        self._scheme = scheme
        self._emulate()

    def medium(self, name: str) -> None:
        """Show as on "screen" or in "print"."""
        self._media = name
        self._emulate()

    def _emulate(self) -> None:
        features = [{"name": "prefers-color-scheme", "value": self._scheme}]
        self.send("Emulation.setEmulatedMedia", media=self._media, features=features)

    def size(self) -> tuple[int, int]:
        """Width and height of the whole page in CSS pixels."""
        content = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return round(content["width"]), round(content["height"])

    def screenshot(self, box: tuple[float, float, float, float] | None = None) -> bytes:
        """A PNG of the whole page (its first TALLEST pixels), or of `box` (x, y, width, height in page pixels)."""
        if box is None:
            width, height = self.size()
            box = (0, 0, width, min(height, TALLEST))
        x, y, width, height = box
        clip = {"x": x, "y": y, "width": max(1, width), "height": max(1, height), "scale": 1}
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        """Close the tab."""
        self._quietly(lambda: self.send("Page.close"))
        self._quietly(self._socket.close)

    @staticmethod
    def _quietly(action: Callable[[], object]) -> None:
        """Do what a browser that is already gone may answer with an error, which means the same: closed."""
        try:
            action()
        except (OSError, websocket.WebSocketException, BrowserError):
            return

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
