"""What kind of layer a module is, by the name of its class, and the colours that tell kinds apart."""

from __future__ import annotations

import re

from reportgen.run.graph import GraphNode

# In this order: the first pattern that is found in the class name decides.
_KINDS = (
    ("attention", re.compile("attention|transformer", re.IGNORECASE), "c5"),
    ("recurrent", re.compile("lstm|gru|rnn", re.IGNORECASE), "c6"),
    ("normalization", re.compile("norm", re.IGNORECASE), "c3"),
    ("convolution", re.compile("conv", re.IGNORECASE), "c1"),
    ("linear, embedding", re.compile("linear|embedding|bilinear", re.IGNORECASE), "c4"),
    (
        "activation",
        re.compile("relu|gelu|silu|elu$|sigmoid|tanh|softmax|mish|hardswish|swish|softplus|glu$", re.IGNORECASE),
        "c2",
    ),
)
OTHER = "other"


def kind_of(node: GraphNode) -> str:
    """The kind of a node: one of the names in KIND_COLOURS."""
    if node.kind in ("input", "output"):
        return "input, output"
    if not node.leaf and node.kind == "module":
        return "module"
    usual = "operation" if node.kind == "operation" else OTHER
    return next((name for name, pattern, _ in _KINDS if pattern.search(node.type)), usual)


# kind -> (fill, stroke), names of the palette.
KIND_COLOURS = {name: (f"{colour}soft", colour) for name, _, colour in _KINDS}
KIND_COLOURS |= {OTHER: ("plain", "edge"), "operation": ("paper", "edge"), "module": ("paper", "edge")}
KIND_COLOURS |= {"input, output": ("paper", "line"), "failed": ("badwash", "bad"), "idle": ("paper", "line")}
# Those that need no explanation: their boxes say it.
UNEXPLAINED = ("operation", "module", "input, output", "failed", "idle")
