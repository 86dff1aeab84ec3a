"""What runs were given: which settings differ between them, and which all share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.wording import cut
from reportgen.run.logged import Plain
from reportgen.run.records import Run
from reportgen.sections.curves import natural

# Whole floats up to here are written as integers.
WHOLE = 1e15


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. values: of each run, in their order; given: whether each run has it at all."""

    name: str
    values: tuple[Plain, ...]
    given: tuple[bool, ...]

    @property
    def differs(self) -> bool:
        """Whether two runs differ in it, or only some have it."""
        return not all(self.given) or len({_same(value) for value in self.values}) > 1

    @property
    def numeric(self) -> bool:
        """Whether all its values are numbers, finite and no booleans."""
        known = [value for value, given in zip(self.values, self.given, strict=True) if given]
        return bool(known) and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in known
        )

    def text(self, number: int) -> str:
        """The value of a run in words, "" where it has none."""
        return written(self.values[number]) if self.given[number] else ""


def _same(value: Plain) -> tuple[str, Plain]:
    """Equal for values that are the same: 1 and 1.0 are, 1 and True are not, NaN is itself."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value).__name__, value
    return "number", value if value == value else "nan"


def written(value: Plain) -> str:
    """A setting's value as text."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))  # event files hold every number as a float
    return cut(value, 200) if isinstance(value, str) else repr(value)


def settings_of(run: Run) -> dict[str, Plain]:
    """Configuration and hyperparameters of a run; then its commit, its seeds and torch's version.

    A hyperparameter that the configuration has with another value stands under its name with "hparams/" before it.
    """
    found: dict[str, Plain] = dict(run.meta.config)
    own = [record for record in run.hparams if not record.name] or list(run.hparams)
    if len({record.name for record in own}) == 1:  # of several sessions none is the run's
        for record in own:
            for key, value in record.params.items():
                known = key not in found or _same(found[key]) == _same(value)
                found[key if known else f"hparams/{key}"] = value
    environment = run.meta.environment
    told: dict[str, Plain] = {
        "torch": environment.packages.get("torch"),
        "commit": environment.git.commit[:7] if environment.git else None,
        "accelerator": ", ".join(environment.accelerators) or None,
        **{f"seed of {name}": seed for name, seed in environment.seeds.items()},
    }
    if len(set(environment.seeds.values())) == 1 and "seed" not in found:
        told = {key: value for key, value in told.items() if not key.startswith("seed of ")}
        told["seed"] = next(iter(environment.seeds.values()))
    return found | {key: value for key, value in told.items() if value is not None and key not in found}


def compared(runs: Sequence[Run]) -> list[Setting]:
    """All settings of `runs`, in the order first met."""
    each = [settings_of(run) for run in runs]
    names = list(dict.fromkeys(name for found in each for name in found))
    return [
        Setting(name, tuple(found.get(name) for found in each), tuple(name in found for found in each))
        for name in names
    ]


def in_order(values: Sequence[Plain]) -> list[Plain]:
    """Different values: numbers by size, then all others as people sort them."""
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    rest = [value for value in values if not (isinstance(value, (int, float)) and not isinstance(value, bool))]
    different = {_same(value): value for value in sorted(numbers) + sorted(rest, key=lambda one: natural(written(one)))}
    return list(different.values())
