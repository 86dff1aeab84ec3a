"""A complete, plausible run without a training behind it: seeded, the same in every process."""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reportgen.run.distribution import LARGEST_BIN, Distribution, DistributionSeries
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.run.records import SCHEMA, Attempt, Cost, Environment, Failure, Frame, Git, Meta, Model, Parameter, Run
from reportgen.run.series import Series, Stamp
from reportgen.testing.evidence import fake_evidence, fake_measures
from reportgen.testing.predictions import fake_predictions

STARTED = 1_795_446_012.0  # 2026-11-23 15:00:12 UTC
SECONDS_A_STEP = 0.05
STEPS_AN_EPOCH = 45
BATCH = 32

# Texts that must be shown as text wherever they stand.
HOSTILE = (
    "</script><img src=x onerror=\"document.title='ran'\">",
    "<!--<script>alert(1)</script>-->",
    "{{ 7 * 7 }}{% raw %}",
    "\" onmouseover='alert(1)' x=\"",
    "line one\nline two\r\ttab",
    "\u202eright to left\u202c mark\u200f",
    "lone surrogates \ud800 and \udfff",
    "controls " + "".join(map(chr, range(0x20))) + "\x7f",
    "[a link](javascript:alert(1)) <b>bold</b> &amp; & ]]>",
    "$\\frac{a}$ _{x}^ $",
    "../../etc/passwd",
    "long " + "x" * 10_000,
    "",
    "Case",
    "case",
)

Layer = tuple[str, str, tuple[int, ...], tuple[int, ...], int, int]  # path, type, weight, output shape, numel, flops


def fake_run(
    *,
    title: str = "digits CNN",
    steps: int = 450,
    classes: int | Sequence[str] = 10,
    layers: int | Sequence[str] | None = None,
    seed: int = 0,
    hostile: bool = False,
    status: str = "finished",
    failure: Failure | bool | None = None,
    scalars: Mapping[str, Sequence[float] | Series] | None = None,
    snapshots: int = 15,
    examples: int = 32,
    **fields: Any,
) -> Run:
    """A run as a digits classifier would leave it.

    classes: their number or names. layers: None for the two convolutions and two linear layers of the demo's network,
    else how many linear layers, or their names. hostile: titles, tags, class and layer names, configuration and the
    exception's text are the strings of HOSTILE. failure: True for an exception of the kind a shape mismatch gives.
    scalars: replaces all series; sequences are taken as one value a step from 0 on. fields: any field of Run.
    """
    rng = np.random.default_rng(seed)
    names = [str(k) for k in range(classes)] if isinstance(classes, int) else list(classes)
    if hostile:
        title, names = HOSTILE[0], list(HOSTILE)
        layers = [text.replace(".", "_") for text in HOSTILE[:5]] if layers is None else layers
    built = _network(layers, len(names))
    moments = sorted(
        {min(max(steps - 1, 0), round(math.expm1(m))) for m in np.linspace(0, math.log1p(steps), snapshots)}
    )
    media: dict[str, bytes] = {}
    # Three evaluations that get better, all after the first fifth of the run.
    evaluated = sorted({steps // 5, steps // 2, steps - 1}) if steps and names else []
    predictions = tuple(
        fake_predictions(
            names, _stamp(step), 2.0 + 0.75 * k, examples if k == len(evaluated) - 1 else 8, 360, seed + k, media
        )
        for k, step in enumerate(evaluated)
    )
    if failure is True:
        failure = _failure(steps, built, hostile)
        status = "failed"
    run = Run(
        schema=SCHEMA,
        meta=_meta(title, status, steps, hostile),
        scalars=_given(scalars) if scalars is not None else _scalars(steps, rng, hostile),
        measures=_measures(built, moments, rng)
        | fake_measures([f"{path}.weight" for path, *_ in built], [path for path, *_ in built], steps),
        distributions=_distributions(built, moments, rng),
        predictions=predictions,
        models=(_model(built),),
        graphs=(_graph(built, len(names)),),
        evidence=fake_evidence(names, _input_of(built), BATCH, steps, _stamp(0)),
        failure=failure or None,
        media=media,
    )
    return dataclasses.replace(run, **fields)


def series_of(values: Sequence[float], steps: Sequence[int] | None = None, seconds: float = SECONDS_A_STEP) -> Series:
    """A series of `values` at `steps` (default 0, 1, 2, ...)."""
    at = array("q", range(len(values)) if steps is None else steps)
    return Series(
        steps=at,
        values=array("d", values),
        times=array("d", [STARTED + seconds * (step + 1) for step in at]),
        epochs=array("d", [float(step // STEPS_AN_EPOCH) for step in at]),
        optimizer_steps=array("q", at),
        logged=len(at),
    )


def distribution_of(values: npt.ArrayLike) -> Distribution:
    """The distribution of an array of numbers of any shape."""
    numbers = np.asarray(values, dtype=np.float32).ravel()
    finite = numbers[np.isfinite(numbers)]
    bits = np.minimum(np.abs(finite).view(np.int32) >> 20, LARGEST_BIN)
    bins, counts = np.unique(np.where(finite < 0, -bits, bits), return_counts=True)
    wide = finite.astype(np.float64)
    return Distribution(
        count=numbers.size,
        elements=numbers.size,
        minimum=float(wide.min()) if wide.size else math.nan,
        maximum=float(wide.max()) if wide.size else math.nan,
        total=float(wide.sum()),
        squares=float((wide * wide).sum()),
        zeros=int((finite == 0).sum()),
        nans=int(np.isnan(numbers).sum()),
        positive_infinities=int(np.isposinf(numbers).sum()),
        negative_infinities=int(np.isneginf(numbers).sum()),
        bins=array("h", [int(b) for b in bins]),
        counts=array("q", [int(n) for n in counts]),
    )


def _input_of(built: list[Layer]) -> tuple[int, ...]:
    """The shape of one row that goes into the network."""
    return (1, 28, 28) if built and built[0][1] == "Conv2d" else (784,)


def _stamp(step: int) -> Stamp:
    return Stamp(step, step, float(step // STEPS_AN_EPOCH), STARTED + SECONDS_A_STEP * (step + 1))


def _given(scalars: Mapping[str, Sequence[float] | Series]) -> dict[str, Series]:
    return {tag: values if isinstance(values, Series) else series_of(values) for tag, values in scalars.items()}


def _scalars(steps: int, rng: np.random.Generator, hostile: bool) -> dict[str, Series]:
    every = np.arange(steps)
    epochs = np.unique(np.linspace(0, steps - 1, min(steps, 11)).astype(np.int64))[1:] if steps > 1 else every
    learned = np.exp(-every / (0.12 * steps + 1))
    loss = 0.08 + 2.2 * learned
    noisy = loss * np.exp(rng.normal(0.0, 0.25, steps))
    acc = np.clip(0.98 - 0.88 * learned + rng.normal(0.0, 0.03, steps), 0.0, 1.0)
    found = {
        "train/loss": series_of(noisy.tolist()),
        "train/acc": series_of(acc.tolist()),
        "val/loss": series_of((loss[epochs] + 0.05 + rng.normal(0, 0.01, len(epochs))).tolist(), epochs.tolist()),
        "val/acc": series_of(
            np.clip(0.97 - 0.88 * learned[epochs] + rng.normal(0, 0.004, len(epochs)), 0, 1).tolist(), epochs.tolist()
        ),
        "lr": series_of((0.1 * 0.5 * (1 + np.cos(np.pi * every / max(steps, 1)))).tolist()),
    }
    if hostile:
        found |= {text: series_of([1.0, math.nan, 0.5, math.inf, 0.25]) for text in HOSTILE}
    return found


def _network(layers: int | Sequence[str] | None, outputs: int) -> list[Layer]:
    if layers is None:
        return [
            ("conv1", "Conv2d", (32, 1, 3, 3), (BATCH, 32, 26, 26), 288 + 32, 2 * BATCH * 288 * 676),
            ("conv2", "Conv2d", (64, 32, 3, 3), (BATCH, 64, 24, 24), 18_432 + 64, 2 * BATCH * 18_432 * 576),
            ("fc1", "Linear", (128, 576), (BATCH, 128), 73_728 + 128, 2 * BATCH * 73_728),
            ("fc2", "Linear", (outputs, 128), (BATCH, outputs), 128 * outputs + outputs, 2 * BATCH * 128 * outputs),
        ]
    names = [f"fc{k + 1}" for k in range(layers)] if isinstance(layers, int) else list(layers)
    sizes = [784] + [64] * (len(names) - 1) + [outputs]
    return [
        (name, "Linear", (large, small), (BATCH, large), large * small + large, 2 * BATCH * large * small)
        for name, small, large in zip(names, sizes, sizes[1:], strict=False)
    ]


def _parameters(built: list[Layer]) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (f"{path}.{part}", shape)
        for path, _, weight, *_ in built
        for part, shape in (("weight", weight), ("bias", weight[:1]))
    ]


def _measures(built: list[Layer], moments: list[int], rng: np.random.Generator) -> dict[str, dict[str, Series]]:
    count = len(moments)
    progress = np.linspace(0.0, 1.0, count) if count else np.zeros(0)

    def noisy(level: npt.NDArray[np.float64], spread: float) -> Series:
        return series_of((level * np.exp(rng.normal(0.0, spread, count))).tolist(), moments)

    names = [name for name, _ in _parameters(built)]
    sizes = {name: math.prod(shape) for name, shape in _parameters(built)}
    return {
        "update_ratio": {name: noisy(3e-3 * np.exp(-1.5 * progress), 0.3) for name in names},
        "gradient_norm": {name: noisy(0.4 * np.exp(-2.0 * progress), 0.3) for name in names},
        "weight_norm": {name: noisy(0.05 * math.sqrt(sizes[name]) * (1 + progress), 0.01) for name in names},
        "dead_share": {
            path: series_of(np.clip(0.05 + 0.08 * progress + rng.normal(0, 0.01, count), 0, 1).tolist(), moments)
            for path, *_ in built[:-1]
        },
    }


def _distributions(
    built: list[Layer], moments: list[int], rng: np.random.Generator
) -> dict[str, dict[str, DistributionSeries]]:
    last = max(len(moments) - 1, 1)

    def series(kind: str, name: str, spread: list[float], size: int, rectified: bool = False) -> DistributionSeries:
        drawn = [rng.normal(0.0, s, min(size, 4096)) for s in spread]
        return DistributionSeries(
            kind=kind,
            name=name,
            steps=array("q", moments),
            optimizer_steps=array("q", moments),
            snapshots=tuple(
                dataclasses.replace(distribution_of(np.maximum(x, 0) if rectified else x), elements=size) for x in drawn
            ),
            logged=len(moments),
        )

    wider = [0.05 * (1 + k / last) for k in range(len(moments))]
    narrower = [0.01 * math.exp(-2.0 * k / last) for k in range(len(moments))]
    return {
        "weight": {n: series("weight", n, wider, math.prod(shape)) for n, shape in _parameters(built)},
        "gradient": {n: series("gradient", n, narrower, math.prod(shape)) for n, shape in _parameters(built)},
        "activation": {
            path: series("activation", path, [20 * s for s in wider], math.prod(out), path != built[-1][0])
            for path, _, _, out, *_ in built
        },
    }


def _model(built: list[Layer]) -> Model:
    return Model(
        name="Net",
        type="Net",
        parameters=tuple(Parameter(n, shape, "float32", "cpu", True, 0) for n, shape in _parameters(built)),
        modules={"": "Net"} | {path: kind for path, kind, *_ in built},
        optimizers=("SGD",),
        groups=({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0},),
        criterion="CrossEntropyLoss",
    )


def _graph(built: list[Layer], outputs: int) -> Graph:
    first = TensorSpec((BATCH, *_input_of(built)), "float32")
    last = TensorSpec((BATCH, outputs), "float32")
    nodes = [
        GraphNode("input0", "input", "input", "Tensor", outputs=(first,)),
        GraphNode("m0", "module", "", "Net", inputs=(first,), outputs=(last,), leaf=False),
    ]
    edges, source, tensor = [], "input0", first
    for k, (path, kind, weight, out, numel, flops) in enumerate(built):
        made = TensorSpec(out, "float32")
        nodes.append(
            GraphNode(
                f"m{k + 1}",
                "module",
                path,
                kind,
                "m0",
                inputs=(tensor,),
                outputs=(made,),
                parameters=numel,
                flops=flops,
                seconds=flops / 2e10,
                memory=4 * math.prod(out),
                detail=f"{weight[1]} -> {weight[0]}",
            )
        )
        passed = () if k == 0 else ("relu", "avg_pool2d", "flatten") if kind != built[k - 1][1] else ("relu",)
        edges.append(GraphEdge(source, f"m{k + 1}", tensor, passed))
        source, tensor = f"m{k + 1}", made
    nodes.append(GraphNode("output0", "output", "output", "Tensor", inputs=(last,)))
    edges.append(GraphEdge(source, "output0", last))
    numel = sum(layer[4] for layer in built)
    return Graph(
        model="Net",
        captured="the first training forward",
        nodes=tuple(nodes),
        edges=tuple(edges),
        parameters=numel,
        trainable=numel,
        flops=sum(layer[5] for layer in built),
        batch=BATCH,
        autograd='digraph {\n  a [label="AddmmBackward0"];\n  b [label="ReluBackward0"];\n  b -> a;\n}\n',
        autograd_nodes=2,
    )


def _meta(title: str, status: str, steps: int, hostile: bool) -> Meta:
    ended = STARTED + SECONDS_A_STEP * (steps + 1)
    config: dict[str, str | int | float | bool | None] = {
        "lr": 0.1,
        "momentum": 0.9,
        "batch_size": BATCH,
        "epochs": 10,
        "augment": False,
        "scheduler": "cosine",
        "api_key": "(hidden)",
    }
    if hostile:
        config |= {text: HOSTILE[k - 1] for k, text in enumerate(HOSTILE)}
    over = status in ("running", "no end recorded")
    return Meta(
        title=title,
        status=status,
        started=STARTED,
        ended=None if over else ended,
        last_record=ended - SECONDS_A_STEP,
        config=config,
        environment=Environment(
            python="3.11.2",
            platform="Linux x86_64",
            processors=2,
            packages={"torch": "2.15.0", "torchvision": "0.30.0", "numpy": "2.4.0", "matplotlib": "3.11.0"},
            argv=("train.py", "--lr", "0.1", HOSTILE[0] if hostile else "--epochs=10"),
            variables={"OMP_NUM_THREADS": "2"},
            git=Git("0123456789abcdef0123456789abcdef01234567", HOSTILE[1] if hostile else "main", True),
            seeds={"torch": 0, "numpy": 0},
            threads=2,
        ),
        cost=Cost(0.21, {"watch.distributions": 0.15, "log": 0.02, "predictions": 0.04}),
        attempts=(Attempt(0, STARTED, None, None if over else ended, "" if over else status),),
        reportgen="0.1.0",
    )


def _failure(steps: int, built: list[Layer], hostile: bool) -> Failure:
    message = "mat1 and mat2 shapes cannot be multiplied (32x1600 and 576x128)"
    return Failure(
        type="RuntimeError",
        message="\n".join(HOSTILE) if hostile else message,
        stamp=_stamp(max(steps - 1, 0)),
        frames=(
            Frame("train.py", 88, "<module>", "train(model, loader)"),
            Frame("train.py", 41, "train", HOSTILE[0] if hostile else "logits = model(images)"),
            Frame(
                "torch/nn/modules/linear.py", 134, "forward", "return F.linear(input, self.weight, self.bias)", False
            ),
        ),
        module=built[-1][0] if built else "",
    )
