"""The modules that a forward calls, under their names; also those that the model does not hold, or not yet."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from reportgen.collect.graph.settings import type_name


@dataclass(slots=True, eq=False)
class Called:
    """A module that is called, or may be. held: the model holds it. trainable: it does not, and it has parameters.

    The module itself is not kept: one made for a single call leaves its id to the next.
    """

    module: weakref.ref[nn.Module]
    path: str
    held: bool = True
    trainable: bool = False
    calls: int = 0


class CalledModules:
    """Those of one forward. paths: id of each module of `root` -> its full name."""

    def __init__(self, root: nn.Module, paths: Mapping[int, str]) -> None:
        self._met = {id(m): Called(weakref.ref(m), paths[id(m)]) for m in root.modules() if id(m) in paths}
        self._strangers: list[Called] = []
        self._alike: dict[str, int] = {}  # class of strangers -> how many

    def find(self, module: nn.Module) -> Called | None:
        """What is known of `module`, None if it was never met."""
        met = self._met.get(id(module))
        return met if met is not None and met.module() is module else None

    def meet(self, module: nn.Module) -> Called:
        """The same; one that is not held by the model is named by its class, with a number from the second on."""
        met = self.find(module)
        if met is None:
            name = type_name(module)
            self._alike[name] = number = self._alike.get(name, 0) + 1
            path = f"({name})" if number == 1 else f"({name} {number})"
            has = next(module.parameters(), None) is not None
            self._met[id(module)] = met = Called(weakref.ref(module), path, held=False, trainable=has)
            self._strangers.append(met)
        return met

    def adopted(self, paths: Mapping[int, str]) -> dict[str, str]:
        """Name so far -> full name of those that the model holds by now: the forward made them. They are no strangers.

        paths: as the model is now.
        """
        names: dict[str, str] = {}
        for met in self._strangers:
            module = met.module()
            if module is not None and id(module) in paths:
                names[met.path] = paths[id(module)]
        self._strangers = [met for met in self._strangers if met.path not in names]
        return names

    @property
    def untrained(self) -> int:
        """How many with parameters the model does not hold."""
        return sum(met.trainable for met in self._strangers)
