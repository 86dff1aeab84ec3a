"""Which rows of embeddings were ever looked up."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reportgen.collect.quiet import quiet

# Rows of an embedding that are kept account of, one byte each.
MOST_ROWS = 2_000_000


class RowsSeen:
    """Of each embedding of a model the rows looked up so far, in the forwards looked at. Kept on its own device."""

    def __init__(self) -> None:
        self._seen: dict[str, Tensor] = {}
        self._rows: dict[str, int] = {}

    def take(self, name: str, module: nn.Module, args: Sequence[object]) -> None:
        """A module was called with `args`; nothing happens unless it is an embedding that was given ids."""
        if not isinstance(module, (nn.Embedding, nn.EmbeddingBag)) or not args:
            return
        ids, padding = args[0], module.padding_idx
        if not isinstance(ids, Tensor) or module.num_embeddings > MOST_ROWS or ids.is_floating_point():
            return
        with quiet():
            seen = self._seen.get(name)
            if seen is None or len(seen) != module.num_embeddings or seen.device != ids.device:
                seen = torch.zeros(module.num_embeddings, dtype=torch.bool, device=ids.device)
                self._seen[name] = seen
            seen[ids.detach().reshape(-1)] = True
            if padding is not None:
                seen[padding] = False
        self._rows[name] = module.num_embeddings - (padding is not None)

    def counts(self) -> tuple[list[str], Tensor | None]:
        """The names, and how many rows were seen of each, (n,), ours; None without any. Inside `quiet()`."""
        names = list(self._seen)
        if not names:
            return [], None
        device = self._seen[names[0]].device
        return names, torch.stack([seen.sum().to(device) for seen in self._seen.values()])

    def shares(self, names: Sequence[str], counts: Sequence[int]) -> dict[str, float]:
        """The counts as shares of all rows but that of the padding."""
        return {name: count / self._rows[name] for name, count in zip(names, counts, strict=True) if self._rows[name]}
