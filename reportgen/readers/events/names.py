"""Names of event files and of torch's default folders without the name of the host, which both contain."""

from __future__ import annotations

import re
from pathlib import Path

# events.out.tfevents.<seconds>.<host>[.<process>.<count>][suffix]
FILE = re.compile(r"(?P<head>.*tfevents\.\d+)\.(?P<host>.+?)(?P<tail>(\.\d+\.\d+.*)?)")
# <month and day>_<hours>-<minutes>-<seconds>_<host><comment>
FOLDER = re.compile(r"(?P<date>[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d)_(?P<rest>.*)", re.DOTALL)


def shown_file(name: str) -> str:
    """The name of an event file as a page may show it."""
    match = FILE.fullmatch(name)
    return f"{match['head']}.…{match['tail']}" if match else name


def host_in(name: str) -> str:
    """The host that the name of an event file tells, "" without one."""
    match = FILE.fullmatch(name)
    return match["host"] if match else ""


def shown_folder(folder: Path, root: Path, hosts: frozenset[str]) -> str:
    """The path of a run from the folder that was given, as its title: that folder's own name for itself.

    hosts: names of hosts, longest first taken out of the folders that torch's writer named.
    """
    parts = folder.relative_to(root).parts if folder != root else (root.absolute().name or "run",)
    return "/".join(_without_host(part, hosts) for part in parts)


def _without_host(part: str, hosts: frozenset[str]) -> str:
    match = FOLDER.fullmatch(part)
    if not match:
        return part
    host = max((host for host in hosts if host and match["rest"].startswith(host)), key=len, default="")
    rest = match["rest"][len(host) :]
    return f"{match['date']}_{rest}" if rest else match["date"]
