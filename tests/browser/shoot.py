"""Pictures of a report, for people to look at.

    python -m tests.browser.shoot report.html out_dir                 (from the checkout's top folder)
    python -m tests.browser.shoot report.html out_dir --only 1280-light,390-dark --part 1800 --open

Writes 1280-light, 1280-dark, 390-light, 390-dark, print, no-script and jenkins PNGs; a page taller than `--part` pixels
becomes several (…-1.png, …-2.png). `--open` opens every <details> first; `--select CSS` takes only the first element
that matches. Prints each picture's path, and what the browser said (messages, requests, horizontal overflow).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.browser.chromium import Browser, Tab
from tests.browser.serving import JENKINS, NO_SCRIPT, Serving

KINDS = ("1280-light", "1280-dark", "390-light", "390-dark", "print", "no-script", "jenkins")


def shoot(tab: Tab, out: Path, name: str, part: int, select: str = "") -> list[Path]:
    """Take the whole page (or the element) in pictures of at most `part` pixels' height."""
    left, top, (width, height) = 0, 0, tab.size()
    if select:
        box = tab.evaluate(
            f"(() => {{ const r = document.querySelector({select!r}).getBoundingClientRect();"
            "return [r.x + scrollX, r.y + scrollY, r.width, r.height] })()"
        )
        left, top, width, height = (round(number) for number in box)
    starts = range(top, top + height, part)
    paths = []
    for number, start in enumerate(starts, 1):
        path = out / (f"{name}-{number}.png" if len(starts) > 1 else f"{name}.png")
        path.write_bytes(tab.screenshot((left, start, width, min(part, top + height - start))))
        paths.append(path)
    return paths


def main(arguments: list[str] | None = None) -> None:
    """Take the pictures the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(KINDS), help="some of " + ", ".join(KINDS))
    parser.add_argument("--part", type=int, default=2400)
    parser.add_argument("--select", default="")
    parser.add_argument("--open", action="store_true")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    report = given.report.resolve()
    with Browser() as browser:
        for kind in given.only.split(","):
            policy = {"jenkins": JENKINS, "no-script": NO_SCRIPT}.get(kind, "")
            narrow, scheme = kind.startswith("390"), "dark" if kind.endswith("dark") else "light"
            with (
                Serving(report.parent, policy) as serving,
                browser.tab(390 if narrow else 1280, 844 if narrow else 900, mobile=narrow, scheme=scheme) as tab,
            ):
                tab.medium("print" if kind == "print" else "screen")
                tab.open(f"{serving.url}/{report.name}" if policy else report.as_uri())
                if given.open:
                    tab.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true })")
                paths = shoot(tab, given.out, kind, given.part, given.select)
                over = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                print(*paths, sep="\n")
                print(f"  {kind}: {len(tab.requests)} requests, {over} px too wide, {len(tab.messages)} messages")
                for source, level, text in tab.messages[:10]:
                    print(f"  {source} {level}: {text[:300]}")


if __name__ == "__main__":
    main()
