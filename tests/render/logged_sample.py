"""Blocks of everything that is logged to look at and listen to, for the sample page."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from reportgen.blocks import (
    AudioItem,
    AudioPlayers,
    Block,
    Column,
    Curve,
    CurveChart,
    ImageGrid,
    ImageItem,
    MeshViews,
    PointChart,
    PointGroup,
    PointMark,
    Slide,
    Steps,
    Table,
    VideoView,
)
from reportgen.readers.smaller_picture import smaller
from reportgen.run.logged import Box
from reportgen.sections.markdown import markdown
from reportgen.testing.logged import animation, photograph, png, wav

PHOTO = smaller(png(photograph(np.random.default_rng(0))), 160, 50)
LOGGED = {
    "photo.webp": PHOTO,
    "tone.wav": wav([0.5, -0.5] * 400),
    "ball.gif": animation([np.zeros((9, 9, 3), np.uint8)]),
}


def logged() -> tuple[Block, ...]:
    """What is logged to look at and listen to."""
    boxes = (Box(20.0, 30.0, 120.0, 140.0, "cat", 0.9), Box(100.0, 60.0, 300.0, 220.0, "dog"))
    photo = ImageItem("photo.webp", "a photograph", "photograph", ("1 cat 0.9, 2 dog",), boxes=boxes, size=(320, 240))
    corners = tuple((float(x), float(y), float(z)) for x in (0, 1) for y in (0, 1) for z in (0, 1))
    tree = markdown("# Title\n\nSome *words* and [a link](https://example.org).\n\n- one\n- two\n\n|a|b|\n|-|-|\n|1|2|")
    wave = tuple(math.sin(at / 3) for at in range(40))
    groups = tuple(
        PointGroup(
            name, tuple(math.cos(at * 9 + k) * k for at in range(12)), tuple(math.sin(at * 7) for at in range(12))
        )
        for k, name in enumerate(
            ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "rest")
        )
    )
    marked = replace(groups[0], labels=("a label",) * 12)
    return (
        Steps(
            (
                Slide("step 0", (ImageGrid((photo,), caption="1 of 3 images."),)),
                Slide("step 10", (ImageGrid((photo,)),)),
            ),
            "images-photo",
            "photo",
            "2 of 20 steps are kept.",
        ),
        AudioPlayers((AudioItem("tone.wav", "a tone", "step 3", "0.1 s.", tuple(-x for x in wave), wave),), "tone"),
        AudioPlayers((AudioItem("", "a tone", "step 3", "The waveform is not known."),), "another"),
        VideoView("ball.gif", "a ball", (replace(photo, boxes=()),), "ball", "1 frame."),
        replace(tree, title="notes"),
        CurveChart(
            "digits",
            (
                Curve("step 0, AP 0.5", (0.0, 0.5, 1.0), (1.0, 0.6, 0.3)),
                Curve("step 9, AP 0.8", (0.0, 1.0), (1.0, 0.7)),
            ),
            "AP 0.8.",
            "recall",
            "precision",
            "pr-digits",
            Table((Column("threshold", "number"),), ((0.5,),), "Thresholds"),
        ),
        PointChart("PCA", (marked, *groups[1:]), "132 rows.", "digit", other=True, marks=(PointMark(0.0, 0.0, "1"),)),
        PointChart("t-SNE", groups[:4], "48 rows.", "value", ordered=True),
        MeshViews(corners, "8 vertices.", "cloud"),
        MeshViews(corners, "8 vertices, 2 triangles.", "mesh", ((255, 0, 0),) * 8, ((0, 1, 2), (1, 2, 3))),
    )
