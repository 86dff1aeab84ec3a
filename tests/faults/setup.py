"""What a set-up is: a small training script, and what reportgen has to say of it.

The script is one function that trains as any script would, with the `Report` it is given and a seed. What is expected
of it is said beside it, and never to reportgen.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from reportgen import Report

Train = Callable[[Report, int], float | None]


@dataclass(frozen=True, slots=True)
class Setup:
    """One set-up.

    expected: ids of findings of which each names the cause rightly; () of a healthy one. where: names of modules,
    parameters, tags or splits of which one has to be in the place that the finding gives; () when the place is the
    whole run. also: ids of findings that are right as well, as what the fault leads to. least: of a healthy one, what
    the score that `train` returns (higher is better: accuracy, R2, or minus an error) has to reach.
    """

    name: str
    train: Train
    expected: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    least: float | None = None
    part: str = "known"

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.expected


PARTS = ("known", "blind", "second")

_FOUND: dict[str, Setup] = {}


def faulty(*expected: str, where: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> Callable[[Train], Train]:
    """Register a script in which something is wrong: any of `expected` names it."""

    def register(train: Train) -> Train:
        _add(train, expected=expected, where=where, also=also)
        return train

    return register


def healthy(least: float, also: tuple[str, ...] = ()) -> Callable[[Train], Train]:
    """Register a script in which nothing is wrong, which shows by its score of at least `least`."""

    def register(train: Train) -> Train:
        _add(train, least=least, also=also)
        return train

    return register


def _add(
    train: Train,
    expected: tuple[str, ...] = (),
    where: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    least: float | None = None,
) -> None:
    part = train.__module__.split(".")[-2]
    name = train.__name__ if part == "known" else f"{part}/{train.__name__}"
    if name in _FOUND:
        raise ValueError(f"two set-ups are called {name}")
    _FOUND[name] = Setup(name, train, expected, where, also, least, part)


def setups(*parts: str) -> dict[str, Setup]:
    """The set-ups of `parts` ("known", "blind", "second"; default the known ones) by name, in the order of files.

    Rules are made with the known ones only: the others are for scoring.
    """
    wanted = parts or ("known",)
    for part in wanted:
        _import_all(importlib.import_module(f"tests.faults.{part}"))
    return {name: setup for name, setup in _FOUND.items() if setup.part in wanted}


def _import_all(package: ModuleType) -> None:
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        importlib.import_module(f"{package.__name__}.{module.name}")
