"""A page with every kind of block, filled with numbers as noisy as real ones."""

from __future__ import annotations

import io
import math
import random
from dataclasses import replace

from PIL import Image

from reportgen.blocks import (
    Bar,
    Callout,
    Code,
    Column,
    Finding,
    Fold,
    Header,
    Histogram,
    ImageGrid,
    ImageItem,
    KeyValues,
    Line,
    LineChart,
    Link,
    Matrix,
    Page,
    Point,
    Reading,
    Ridge,
    Ridgeline,
    Ridgelines,
    ScatterChart,
    SectionView,
    Spark,
    Stat,
    Stats,
    Table,
    Text,
    Where,
)
from reportgen.run.graph import Graph
from tests.render.graph_sample import autograd_drawing, drawing
from tests.render.logged_sample import LOGGED, logged

STEPS = tuple(float(step) for step in range(0, 900, 3))
EPOCHS = tuple(float(step) for step in range(90, 901, 90))
VAL = (0.93, 0.61, 0.44, 0.29, 0.18, 0.11, 0.066, 0.071, 0.079, 0.087)


def noisy(seed: int = 0, scale: float = 2.3, steps: tuple[float, ...] = STEPS) -> tuple[float, ...]:
    """A loss that falls with noise."""
    chance = random.Random(seed)
    return tuple(scale * math.exp(-step / 160) + 0.04 + abs(chance.gauss(0, 0.02)) for step in steps)


def spark(seed: int, role: str = "neutral") -> Spark:
    values = noisy(seed, 1.0)[::10]
    return Spark(values, f"from {values[0]:.2f} to {values[-1]:.2f}", role)


def bell(width: float, bins: int = 40) -> tuple[float, ...]:
    return tuple(math.exp(-(((at + 0.5) / bins - 0.5) ** 2) / (2 * width**2)) for at in range(bins))


def loss_chart(anchor: str = "metric-loss") -> LineChart:
    lines = (
        Line("train", STEPS, noisy(), "train"),
        Line("val", EPOCHS, VAL, "val", best=Point(630, 0.066, "0.066")),
    )
    rows = tuple((int(step), value, None) for step, value in zip(STEPS[::10], noisy()[::10], strict=True))
    numbers = Table((Column("step", "step"), Column("train", "number"), Column("val", "number")), rows, total=310)
    caption = "Train falls from 2.34 to 0.05; val is lowest, 0.066, at step 630, and ends at 0.087."
    return LineChart("loss", lines, caption, anchor=anchor, numbers=numbers)


def charts() -> tuple[LineChart | ScatterChart, ...]:
    accuracy = tuple(1 - value * 0.4 for value in VAL)
    broken = (*noisy(3)[:140], *(math.nan,) * 160)
    several = tuple(Line(f"layer{at}.weight", STEPS, noisy(at, 1 + at / 4), str(at % 6 + 1)) for at in range(8))
    return (
        loss_chart(),
        LineChart(
            "accuracy",
            (Line("val", EPOCHS, accuracy, "val", best=Point(630, accuracy[6], "97.4 %")),),
            "Val is highest, 97.4 %, at step 630.",
            y_format="percent",
            anchor="metric-accuracy",
        ),
        LineChart(
            "loss that breaks",
            (Line("train", STEPS, broken, "train"),),
            "Train is NaN from step 420.",
            log_y=True,
            anchor="metric-broken",
        ),
        LineChart(
            "resumed",
            (Line("train", STEPS, noisy(5), "train", breaks=(150,)),),
            "The run was resumed at step 450.",
            anchor="metric-resumed",
        ),
        LineChart("gradient norm", several, "All fall.", anchor="metric-norm"),
        LineChart("constant", (Line("lr", STEPS, (0.05,) * 300),), "It stays at 0.05.", anchor="metric-lr"),
        LineChart("single", (Line("test", (900.0,), (0.981,), "test"),), "One point.", y_format="percent"),
        LineChart("empty", (Line("x", (), ()),), "No point was logged."),
        ScatterChart(
            "predicted against true",
            tuple((x := random.Random(at).gauss(50, 20), x + random.Random(-at).gauss(0, 6)) for at in range(1, 300)),
            "Points lie near the line.",
            "truth",
            "prediction",
            diagonal=True,
        ),
    )


def findings() -> tuple[Finding, ...]:
    ratio = tuple(0.003 + 0.0006 * math.sin(at / 12) for at in range(300))
    evidence = LineChart(
        "update / weight",
        (Line("fc1", STEPS, ratio, "1"), Line("fc2", STEPS, (0.0,) * 300, "2")),
        "Update / weight: fc2 stays at zero.",
    )
    return (
        Finding(
            "frozen_by_omission",
            "fact",
            "error",
            "fc2 is never trained: the optimizer does not hold its parameters",
            "2 of 8 trainable parameters (1,290 of 80,106 numbers) are in no parameter group. They get gradients but "
            "no update.",
            "Give the optimizer all parameters.",
            Where(module="fc2", step=0),
            value="2 parameters outside",
            limit="0",
            code="- optimizer = SGD(model.features.parameters(), lr=0.05)\n"
            "+ optimizer = SGD(model.parameters(), lr=0.05)",
            evidence=evidence,
            also=("fc2's weights do not move", "The loss stays above that of fc1 alone"),
            source="torch.optim.Optimizer.param_groups",
        ),
        Finding(
            "overfitting",
            "statistics",
            "warning",
            "Overfitting since epoch 7",
            "Validation loss is 1.32 × its minimum after three evaluations, while training loss still falls.",
            "Keep the weights of step 630, or add weight decay or augmentation.",
            Where(tag="val/loss", step=630),
            evidence=LineChart("val/loss", (Line("val", EPOCHS, VAL, "val"),), "Val rises after step 630."),
        ),
        Finding("style", "style", "info", "The optimizer has no weight decay", "It often helps.", "Try 1e-4."),
    )


def layers_table() -> Table:
    columns = (
        Column("layer", "code"),
        Column("kind"),
        Column("output"),
        Column("parameters", "count"),
        Column("FLOP", "si", "floating point operations of one forward"),
        Column("weights, −1 to 1"),
        Column("gradient norm"),
        Column("update / weight", "number"),
        Column("dead", "percent"),
        Column("share"),
    )
    rows = tuple(
        (
            Link(name, f"fold-{name}", code=True) if name == "fc1" else name,
            kind,
            shape,
            amount,
            flops,
            Histogram(bell(width), -1.0, 1.0, f"weights of {name} between -1 and 1"),
            spark(at, "test"),
            update,
            dead,
            Bar(amount / 80106),
        )
        for at, (name, kind, shape, amount, flops, width, update, dead) in enumerate(
            [
                ("conv1", "Conv2d", "16×26×26", 320, 0.9e6, 0.12, 4.1e-3, 0.0),
                ("conv2", "Conv2d", "32×24×24", 4640, 42.5e6, 0.06, 3.2e-3, 0.06),
                ("fc1", "Linear", "128", 73856, 1.2e6, 0.04, 2.4e-3, 0.12),
                ("fc2", "Linear", "10", 1290, 2.6e3, 0.12, 0.0, None),
            ]
        )
    )
    anchors = tuple(f"layer-{name}" for name in ("conv1", "conv2", "fc1", "fc2"))
    return Table(columns, rows, caption="One row for each layer.", anchors=anchors, marks=((3, 7),))


def ridgelines(name: str) -> Ridgelines:
    ticks = ((0.0, "−1"), (0.5, "0"), (1.0, "1"))
    items = tuple(
        Ridgeline(
            kind,
            kind,
            tuple(Ridge(at * 60, bell(0.25 - 0.2 * at / 14)) for at in range(15)),
            ticks,
            f"The {kind} of {name} narrow from 0.25 to 0.05.",
            str(role),
        )
        for role, kind in enumerate(("weights", "gradients", "activations"), 1)
    )
    numbers = Table((Column("step", "step"), Column("mean", "number")), tuple((at * 60, at / 7) for at in range(15)))
    return Ridgelines(items, numbers)


def matrix() -> Matrix:
    chance = random.Random(4)
    counts = tuple(
        tuple(180 - chance.randrange(9) if row == column else max(0, chance.randrange(-9, 6)) for column in range(10))
        for row in range(10)
    )
    labels = tuple(str(digit) for digit in range(10))
    return Matrix("Confusion matrix", labels, counts, "8 is most often taken for 3.")


def png(seed: int, size: int, mode: str = "L") -> bytes:
    """A picture of a blurred ring with noise."""
    chance = random.Random(seed)
    picture = Image.new(mode, (size, size))
    for y in range(size):
        for x in range(size):
            far = math.hypot(x - size / 2 + 0.5, y - size / 2 + 0.5) / size
            light = int(255 * math.exp(-((far - 0.28) ** 2) / 0.008))
            light = min(255, max(0, light + (chance.randrange(20) if light > 20 else 0)))
            picture.putpixel((x, y), light if mode == "L" else (light, 255 - light, chance.randrange(256)))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


MEDIA = {
    f"{seed}-{size}.png": png(seed, size, mode) for seed, size, mode in [(1, 8, "L"), (2, 28, "L"), (3, 48, "RGB")]
}


def pictures() -> ImageGrid:
    names = list(MEDIA)
    items = tuple(
        ImageItem(
            names[at % 3],
            f"a sample of class {at % 10}",
            f"{at % 10} ← 3" if at < 4 else f"{at % 10} ✓",
            ("91.2 %", "loss 2.41"),
            "error" if at < 4 else "ok",
        )
        for at in range(14)
    )
    return ImageGrid(items, "Worst mistakes", "Prediction ← truth, with the model's confidence.")


def header() -> Header:
    stats = (
        Stat("val/accuracy", "98.1 %", "best 98.3 % at step 630", spark(1, "val")),
        Stat("val/loss", "0.087", "lowest 0.066 at step 630", spark(2, "val")),
        Stat("train/loss", "0.031", "from 2.31", spark(3, "train")),
        Stat("parameters", "80,106", "44.6 MFLOP a sample"),
        Stat("step", "14.2 ms", "3 % waiting for data", level="warning"),
    )
    return Header(
        "digits CNN",
        "finished",
        "ok",
        ("38 s on 2 CPU cores", "900 steps, 10 epochs", "commit a1b2c3d, clean", "seed 0", "torch 2.15"),
        (
            Reading("Validation accuracy reached "),
            Reading("98.1 %", "strong"),
            Reading(", best at epoch 7. Two things want attention: "),
            Reading("fc2", "code"),
            Reading(" is never trained, and validation loss rises after epoch 7."),
        ),
        Stats(stats),
    )


def sample_page() -> Page:
    """One of everything."""
    checks = Table((Column("what holds"), Column("rule", "code")), (("The loss is finite", "nan_loss"),) * 3)
    config = KeyValues((("lr", 0.05), ("optimizer.name", "SGD"), ("nested.deep", None), ("seed", 0)), "Configuration")
    traceback = 'File "train.py", line 12, in main\n    loss.backward()\nRuntimeError: shapes cannot be multiplied'
    sections = (
        SectionView(
            "findings",
            "Findings",
            "What is most likely wrong.",
            (*findings(), Fold("61 checks passed", (checks,))),
            2,
            "error",
        ),
        SectionView("metrics", "Metrics", "The ring marks the best value.", charts()),
        SectionView(
            "layers",
            "Layers",
            "Weights now, gradient norm over time.",
            (
                layers_table(),
                *(Fold(name, (ridgelines(name),), "Linear", anchor=f"fold-{name}") for name in ("fc1", "fc2")),
            ),
        ),
        SectionView("predictions", "Predictions", "Worst mistakes first.", (matrix(), pictures())),
        SectionView(
            "graph", "Graph", "The model as it was called.", (drawing(), Fold("Autograd graph", (autograd_drawing(),)))
        ),
        SectionView(
            "environment",
            "Environment",
            "Where it ran.",
            (
                config,
                KeyValues((), "Seeds", "No seed was set."),
                Callout("warning", "The commit has changes", "3 files differ."),
                Callout("error", "The run failed"),
                Callout("info", "One rank of two is shown"),
                Code(traceback, "Traceback", (1,)),
                Text("Some words.", muted=True, title="Note"),
                Text("two\n  lines", preformatted=True),
                Table((Column("package"), Column("version", "code")), (("torch", "2.15"),), "Packages", folded=True),
            ),
        ),
        SectionView("media", "Media", "What was logged to look at.", logged()),
    )
    return Page(header(), sections, '{"schema":1,"run":"eJw"}', {**MEDIA, **LOGGED}, ("Made by reportgen 0.1.0.",))


NASTY = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<B>bold</B> \\N \\G & &lt; "quoted" \'',
    "nul\x00 bell\x07 escape\x1b[31m \x7f \x85",
    "lone \ud800 \udfff \ufffe",
    "right \u202eto left\u2066",
    "עברית",
    "漢字かな",
    "x" * 10_000,
    "$\\frac{1}{0}$ %(s)s {{ 7*7 }} {% raw %}",
    "]]> --> <!-- ",
    "",
    " ",
    "a\r\nb\tc",
)


def hostile_page() -> Page:
    """The sample page, with every text replaced by something nasty."""
    texts = iter(NASTY * 10_000)
    fixed = {"severity", "tier", "level", "role", "format", "style", "y_format", "kind", "status"}
    links = {"target", "anchor", "anchors", "id", "media", "parent", "source_id"}

    def spoil(value, name=""):
        if isinstance(value, str):
            return value if name in fixed | links else next(texts)
        if isinstance(value, tuple):
            return value if name in links else tuple(spoil(item, name) for item in value)
        if isinstance(value, Graph):
            nodes = tuple(replace(node, path=next(texts), type=next(texts), detail=next(texts)) for node in value.nodes)
            edges = tuple(replace(edge, via=(next(texts),)) for edge in value.edges)
            return replace(value, nodes=nodes, edges=edges)
        if isinstance(value, dict):
            return {key: value[key] for key in value}
        if hasattr(value, "__dataclass_fields__"):
            return replace(
                value, **{field: spoil(getattr(value, field), field) for field in value.__dataclass_fields__}
            )
        return value

    page = sample_page()
    sections = tuple(spoil(section) for section in page.sections)
    data = '{"text": "</script><!--<script> \ud800"}'
    return replace(page, header=spoil(page.header), sections=sections, footer=NASTY, data=data)
