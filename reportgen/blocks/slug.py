"""Ids for elements of a page, made from names that users gave."""

from __future__ import annotations

import hashlib
import re


def slug(prefix: str, name: str) -> str:
    """An id for `name`: `prefix-` and the name cut to [a-z0-9-], 40 characters.

    A name that is not its own slug gets six digits of its hash, so that names that differ only in case or in signs
    have different ids. The same name has the same id in every page.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    if plain == name:
        return f"{prefix}-{plain}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{prefix}-{plain}-{digest}" if plain else f"{prefix}-{digest}"
