"""Run every benchmark in a process of its own and keep what it prints in results/.

    python tests/benchmarks/run.py [log build import ...]

A benchmark is a file `bench_<name>.py` beside this one that prints lines, or rows of a Markdown table, when run. One
that ends with status 77 cannot run here (it asks for a device that is not there): its results are kept.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SKIPPED = 77


def heading(path: Path) -> str:
    """The first line of the benchmark's docstring, and on what it ran: no name of a machine, a person or a place."""
    says = path.read_text(encoding="utf-8").split('"""')[1].strip().splitlines()[0]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "matplotlib", "numpy"))
    return (
        f"# {path.stem}\n\n{says}\n\n"
        f"{os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}, {versions}\n\n"
    )


def as_markdown(line: str) -> str:
    return line if line.startswith("|") or not line.strip() else f"- {line}"


def main(names: list[str]) -> int:
    benchmarks = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    unknown = [name for name in names if name not in benchmarks]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(benchmarks)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    failed = 0
    for name in names or benchmarks:
        path = benchmarks[name]
        print(f"== {path.stem}", flush=True)
        lines = []
        with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(as_markdown(line.rstrip("\n")))
        if process.returncode == SKIPPED:
            print(f"{path.stem} is skipped; its results are kept as they were", flush=True)
            continue
        if process.returncode:
            print(f"{path.stem} ended with status {process.returncode}; its results are kept as they were", flush=True)
            failed += 1
            continue
        (RESULTS / f"{path.stem}.md").write_text(heading(path) + "\n".join(lines) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
