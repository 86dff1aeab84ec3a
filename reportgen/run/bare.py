"""A run without its pictures, sounds and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What no finding is about and an overview does not show; it need not be thinned nor its files be read.
WITHOUT_MEDIA: Mapping[str, Any] = {
    "images": (),
    "texts": (),
    "tables": (),
    "audio": (),
    "videos": (),
    "pr_curves": (),
    "embeddings": (),
    "meshes": (),
    "tensors": (),
    "media": {},
}
