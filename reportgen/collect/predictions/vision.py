"""torchvision, where it can be imported."""

from __future__ import annotations

import importlib
from types import ModuleType

# Found once: importing torchvision takes seconds, and one that failed fails again in a confusing way.
_found: list[ModuleType | str] = []


def vision() -> ModuleType | None:
    """The torchvision package with `ops` and `utils`, or None where importing it fails."""
    if not _found:
        try:
            for name in ("torchvision.ops", "torchvision.utils"):
                importlib.import_module(name)
            _found.append(importlib.import_module("torchvision"))
        except (ImportError, RuntimeError, OSError, AttributeError) as error:
            # A CPU-only torch beside a CUDA torchvision: RuntimeError "operator torchvision::nms does not exist".
            _found.append(f"torchvision cannot be imported ({type(error).__name__}: {error})")
    return None if isinstance(_found[0], str) else _found[0]


def reason() -> str:
    """Why there is no torchvision, "" when there is or nobody asked yet."""
    return _found[0] if _found and isinstance(_found[0], str) else ""
