"""What a loader says of itself: its sampler, its batch size, whether it draws each row once a pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch.utils.data import IterableDataset

# Samplers of torch by their names (libraries derive from them), and whether they draw anew each pass.
SHUFFLED = {
    "SequentialSampler": False,
    "RandomSampler": True,
    "SubsetRandomSampler": True,
    "WeightedRandomSampler": True,
}
DISTRIBUTED = "DistributedSampler"


@dataclass(frozen=True, slots=True)
class Described:
    """As in LoaderUse. repeated: rows may come again within a pass by the way they are drawn, or that is unknown."""

    type: str
    sampler: str = ""
    shuffled: bool | None = None
    batch_size: int | None = None
    workers: int | None = None
    drop_last: bool | None = None
    rows: int | None = None
    repeated: bool = True


def described(loader: object) -> Described:
    """What is known of a loader; of one in a progress bar (tqdm) what is known of that inside."""
    if type(loader).__name__.startswith("tqdm"):
        loader = getattr(loader, "iterable", loader)
    name = type(loader).__name__
    if isinstance(loader, (list, tuple)):
        return Described(name, shuffled=False, repeated=False)
    if isinstance(loader, Iterator):
        return Described(name)
    dataset = _of(loader, "dataset")
    batches = _of(loader, "batch_sampler")
    sampler = _of(batches, "sampler") if batches is not None else None
    sampler = sampler if sampler is not None else _of(loader, "sampler")
    size, drop = _of(loader, "batch_size"), _of(loader, "drop_last")
    if size is None:
        size, drop = _of(batches, "batch_size"), _of(batches, "drop_last")
    if isinstance(dataset, IterableDataset):
        return Described(
            name, batch_size=_whole(size), workers=_whole(_of(loader, "num_workers")), drop_last=_flag(drop)
        )
    # A batch sampler of the user's own has no sampler inside that decides.
    own = batches is not None and type(batches).__module__.partition(".")[0] != "torch"
    shuffled = None if own else _shuffled(sampler)
    return Described(
        name,
        type(batches if own else sampler).__name__ if (own or sampler is not None) else "",
        shuffled,
        _whole(size),
        _whole(_of(loader, "num_workers")),
        _flag(drop),
        _length(dataset),
        shuffled is None or _repeats(sampler),
    )


def _shuffled(sampler: object) -> bool | None:
    for base in type(sampler).__mro__:
        if base.__name__ == DISTRIBUTED:
            return _flag(_of(sampler, "shuffle"))
        if base.__name__ in SHUFFLED:
            # A class of the user's own may give another order.
            return SHUFFLED[base.__name__] if base is type(sampler) or "__iter__" not in vars(type(sampler)) else None
    return None


def _repeats(sampler: object) -> bool:
    replacing = _of(sampler, "replacement")
    if isinstance(replacing, bool) and replacing:
        return True
    asked, there = _of(sampler, "num_samples"), _length(_of(sampler, "data_source"))
    return isinstance(asked, int) and there is not None and asked > there


def _of(owner: object, name: str) -> Any:
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - a property of the user's loader
        return None


def _length(value: object) -> int | None:
    try:
        return len(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - it has none, or its own code raises
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
