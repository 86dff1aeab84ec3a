"""What was seen of the training of a run that never was: a healthy one, as the collectors would record it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reportgen.run.evidence import (
    DataSplit,
    Evidence,
    FeatureFacts,
    LoaderUse,
    LossUse,
    ModelUse,
    ModeUse,
    SchedulerUse,
    TensorFacts,
)
from reportgen.run.series import Series, Stamp

LOOKS = 15
ROWS = {"train": 1437, "val": 360}


def fake_evidence(classes: Sequence[str], shape: tuple[int, ...], batch: int, steps: int, stamp: Stamp) -> Evidence:
    """Of a classifier with cross-entropy of images or vectors of `shape`, without the batch dimension."""
    outputs = TensorFacts(
        shape=(batch, len(classes)),
        dtype="float32",
        looks=LOOKS,
        minimum=-9.2,
        maximum=11.4,
        mean=0.02,
        deviation=3.1,
        requires_grad=True,
    )
    inputs = TensorFacts(
        shape=(batch, *shape), dtype="float32", looks=LOOKS, minimum=-1.27, maximum=1.95, mean=0.0, deviation=1.0
    )
    counts = _shared(LOOKS * batch, max(len(classes), 1))
    target = TensorFacts(
        shape=(batch,),
        dtype="int64",
        looks=LOOKS,
        minimum=0.0,
        maximum=max(len(classes) - 1.0, 0.0),
        distinct=len(classes),
        whole=True,
    )
    loss = LossUse(
        model="Net",
        criterion="CrossEntropyLoss",
        kind="cross_entropy",
        stamp=stamp,
        looks=LOOKS,
        input=outputs,
        target=target,
        classes=len(classes),
        class_counts=tuple(counts[: len(classes)]),
        lowest=0,
        highest=max(len(classes) - 1, 0),
        ignore_index=-100,
        first=2.3,
        last=0.08,
    )
    modes = (
        ModeUse("Net", "train", "step", training=("drop",), forwards=steps, last=max(steps - 1, 0)),
        ModeUse("Net", "evaluation", "no_grad", evaluating=("drop",), forwards=36, first=steps // 10, last=steps),
    )
    use = ModelUse("Net", LOOKS, (inputs,), (outputs,), backwards=LOOKS, checked=LOOKS)
    return Evidence(
        losses=(loss,),
        modes=modes,
        models=(use,),
        schedulers=(SchedulerUse("Net", "CosineAnnealingLR", 0, steps, steps),),
        data=tuple(_split(split, rows, classes, shape) for split, rows in ROWS.items()),
        loaders=tuple(_loader(split, rows, batch, len(classes)) for split, rows in ROWS.items()),
    )


def fake_measures(weights: Sequence[str], modules: Sequence[str], steps: int) -> dict[str, Mapping[str, Series]]:
    """Measures of rules besides those that the page draws."""
    from reportgen.testing.run import series_of

    every = list(range(50, steps, 50))
    ends = sorted({0, max(steps - 1, 0)})
    looks = [step for step in (0, 1, 2, 3) if step < max(steps, 1)]
    found: dict[str, Mapping[str, Series]] = {
        "identical_units": {name: series_of([0.0] * len(ends), ends) for name in weights},
        "constant_units": {name: series_of([0.0] * len(looks), looks) for name in modules},
    }
    if steps > 24:
        found["gradient_snr"] = {name: series_of([0.6, 0.5, 0.4], [7, 15, 23]) for name in weights}
    ends_of_passes = sorted({steps // 2, max(steps - 1, 0)})
    found["data_wait"] = {"train": series_of([0.03] * len(ends_of_passes), ends_of_passes)}
    found["step_seconds"] = {"train": series_of([0.05] * len(ends_of_passes), ends_of_passes)}
    if every:
        found["memory"] = {"resident": series_of([8e8 + 1e4 * (k % 3) for k in range(len(every))], every)}
        found["live_graphs"] = {"Net": series_of([0.0] * len(every), every)}
    return found


def _split(split: str, rows: int, classes: Sequence[str], shape: tuple[int, ...]) -> DataSplit:
    facts = FeatureFacts("0", 0.0, 1.0, -1.27, 1.95, distinct=17)
    counts = _shared(rows, max(len(classes), 1))
    return DataSplit(
        split=split,
        source="data",
        rows=rows,
        total=rows,
        inputs="image" if len(shape) == 3 else "numbers",
        shape=shape,
        dtype="float32",
        whole=facts,
        features=(facts,) if len(shape) == 3 else (),
        targets="classes",
        class_counts=dict(zip(classes, counts, strict=False)),
        shared={other: 0 for other in ROWS if other != split},
    )


def _loader(split: str, rows: int, batch: int, classes: int) -> LoaderUse:
    train = split == "train"
    return LoaderUse(
        split=split,
        type="DataLoader",
        sampler="RandomSampler" if train else "SequentialSampler",
        shuffled=train,
        batch_size=batch,
        workers=0,
        drop_last=False,
        rows=rows,
        passes=10,
        batches=10 * -(-rows // batch),
        last_batch=rows % batch or batch,
        labels_in_batch=0.95 * min(classes, batch) if train else None,
        labels_expected=0.96 * min(classes, batch) if train else None,
        same_order=not train,
    )


def _shared(total: int, parts: int) -> list[int]:
    return [total // parts + (place < total % parts) for place in range(parts)]
