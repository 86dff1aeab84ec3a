"""A web server on 127.0.0.1 that serves one folder with the headers a host would send."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path

# Scripts off, as a careful host does it.
NO_SCRIPT = "script-src 'none'"
# What Jenkins sends with archived pages unless its administrator changed it.
JENKINS = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';"


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files quietly, with a policy."""

    def __init__(self, *arguments, policy: str, **named) -> None:
        self.policy = policy
        super().__init__(*arguments, **named)

    def end_headers(self) -> None:
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class named it
        """Say nothing: the tests look at the browser's side."""


class Serving:
    """A folder served at `url` with a Content-Security-Policy header (none when empty); a context manager."""

    def __init__(self, folder: Path, policy: str = "") -> None:
        handler = functools.partial(_Handler, directory=str(folder), policy=policy)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
