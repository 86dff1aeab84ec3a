"""Which node made which tensor, known by the tensors' identity: exact where every operation is seen."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

from torch import Tensor


@dataclass(slots=True)
class _Product:
    tensor: weakref.ref[Tensor]
    node: str
    version: int


class Products:
    """Who made which tensor within one forward. Holds weak references only.

    A tensor changed in place is a new product of what changed it, and so is the tensor it is a view of; another view of
    the same memory is known to be changed by its version, which torch counts for all of them together.
    """

    def __init__(self) -> None:
        self._made: dict[int, _Product] = {}
        # By the id of a tensor that owns its memory: that tensor, and what last wrote into it.
        self._changed: dict[int, tuple[weakref.ref[Tensor], str]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._made.clear()
        self._changed.clear()

    def knows(self, tensor: Tensor) -> bool:
        """Whether some node is known to have made `tensor`."""
        return self._product(tensor) is not None

    traces = knows

    def unchanged(self, tensor: Tensor) -> bool:
        """Whether `tensor` is known and was not written into since."""
        product = self._product(tensor)
        return product is not None and product.version == version_of(tensor)

    def made(self, tensor: Tensor, node: str) -> None:
        """`node` made `tensor`, wrote into it, or passed it on as it was."""
        version = version_of(tensor)
        known = self._product(tensor)
        self._made[id(tensor)] = _Product(weakref.ref(tensor), node, version)
        if known is not None and known.version != version:
            base = tensor._base
            owner = tensor if base is None else base
            self._changed[id(owner)] = weakref.ref(owner), node
            if base is not None and self._product(base) is not None:
                self._made[id(base)] = _Product(weakref.ref(base), node, version)

    def of(self, tensor: Tensor) -> list[tuple[str, tuple[str, ...]]]:
        """[(node, ())] of what made `tensor`, or last wrote into its memory; [] when that is not known."""
        product = self._product(tensor)
        if product is None:
            base = tensor._base  # a view that some function made unseen
            return [] if base is None or self._product(base) is None else self.of(base)
        if product.version != version_of(tensor):
            base = tensor._base
            owner = tensor if base is None else base
            changed = self._changed.get(id(owner))
            if changed is not None and changed[0]() is owner:  # and not one that died and left its id
                return [(changed[1], ())]
        return [(product.node, ())]

    def _product(self, tensor: Tensor) -> _Product | None:
        product = self._made.get(id(tensor))
        return product if product is not None and product.tensor() is tensor else None


def version_of(tensor: Tensor) -> int:
    """How often `tensor`'s memory was written into; -1 for inference tensors, which do not count it."""
    return -1 if tensor.is_inference() else tensor._version
