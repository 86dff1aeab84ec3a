"""`import reportgen`: wall time over that of a bare Python, and what -X importtime says."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
LIMIT = 0.1


def seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def import_time() -> float:
    """Seconds that -X importtime gives for the package and all it imports (the last line is the outermost import)."""
    command = [sys.executable, "-X", "importtime", "-c", "import reportgen"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    last = [line for line in said.splitlines() if line.startswith("import time:")][-1]
    return int(last.split("|")[1]) / 1e6


def main() -> None:
    bare, ours = [], []
    for _ in range(ROUNDS):  # in turn, so that a busy machine hits both alike
        bare.append(seconds("pass"))
        ours.append(seconds("import reportgen"))
    more = statistics.median(ours) - statistics.median(bare)
    print("| what | ms |")
    print("|---|---|")
    print(f"| bare Python, median of {ROUNDS} | {statistics.median(bare) * 1e3:.1f} |")
    print(f"| with `import reportgen` | {statistics.median(ours) * 1e3:.1f} |")
    print(f"| -X importtime | {import_time() * 1e3:.1f} |")
    print()
    print(f"{more * 1e3:.1f} ms more; limit {LIMIT * 1e3:.0f} ms: {'kept' if more < LIMIT else 'MISSED'}")


if __name__ == "__main__":
    main()
