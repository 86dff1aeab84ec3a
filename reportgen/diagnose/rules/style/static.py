"""How model and optimizer are put together, as far as it usually costs something: remarks, no faults."""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import code_number, count, counted, listed, number
from reportgen.diagnose.reading.decay import decays
from reportgen.diagnose.reading.flow import Flow
from reportgen.diagnose.reading.lacking import NO_DECAY, NO_OPTIMIZER, no_batch_norm
from reportgen.diagnose.reading.layers import called
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.graph import GraphNode
from reportgen.run.records import Model, Run

ROWS = 8
LINEAR = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
# Optimizers whose weight decay is added to the gradient, and then divided by its own size (with AdamW it is not).
ADAPTIVE = ("Adam", "Adamax", "NAdam", "RAdam")


def bias_before_bn(run: Run) -> Judgement:
    """A layer's bias is taken away by the normalisation that follows."""
    lacking = no_batch_norm(run)
    if lacking is not None:
        return lacking
    found = []
    for graph in run.graphs:
        flow = Flow(graph)
        pairs = []
        for edge in graph.edges:
            source, target = flow.nodes.get(edge.source), flow.nodes.get(edge.target)
            if source is None or target is None or edge.via or "BatchNorm" not in target.type or not target.training:
                continue
            alone = len(flow.out.get(source.id, ())) == 1
            if source.type in LINEAR and alone and "bias=False" not in source.detail and source.kind == "module":
                pairs.append((source, target))
        if pairs:
            found.append(_bias(graph.model, pairs))
    return found


def _bias(model: str, pairs: list[tuple[GraphNode, GraphNode]]) -> Finding:
    names = list(dict.fromkeys(source.path for source, _ in pairs))
    named = list(dict.fromkeys(called(source.path, source.type) for source, _ in pairs))
    return Finding(
        id="bias_before_bn",
        tier="style",
        severity="info",
        title=f"The bias of {listed(named)} has no effect: {pairs[0][1].type} follows and takes the mean away",
        why="A bias adds the same number to a channel in all samples, and the normalisation subtracts the channel's "
        "mean. It costs memory and time, and its gradient is 0 but for rounding.",
        fix="Make these layers with bias=False; the normalisation has a bias of its own.",
        code=f"- {pairs[0][0].type}(...)\n+ {pairs[0][0].type}(..., bias=False)",
        where=Where(model=model, module=names[0]),
        value=counted(len(names), "bias", "biases"),
        limit="0",
        evidence=Table(
            columns=(Column("layer", "code"), Column("normalisation", "code")),
            rows=tuple((source.path, target.path) for source, target in pairs[:ROWS]),
            total=len(pairs),
        ),
        source="NeuraLint (Nikanjam et al., TOSEM 2021); Ioffe and Szegedy, Batch Normalization, 3.2",
    )


def _decay(group: object) -> float:
    value = group.get("weight_decay") if hasattr(group, "get") else None
    return float(value) if isinstance(value, (int, float)) else 0.0


def weight_decay_on_norm_bias(run: Run) -> Judgement:
    """Weight decay pulls biases and the scales of norms towards 0, too."""
    if not any(model.optimizers for model in run.models):
        return NO_OPTIMIZER
    if not decays(run):
        return NO_DECAY
    found = []
    for model in run.models:
        decayed = [
            p
            for p in model.parameters
            if p.trainable
            and p.group is not None
            and 0 <= p.group < len(model.groups)
            and len(p.shape) <= 1
            and p.numel
            and _decay(model.groups[p.group]) > 0
        ]
        if decayed:
            value = _decay(model.groups[decayed[0].group or 0])
            names = [p.name for p in decayed]
            found.append(
                Finding(
                    id="weight_decay_on_norm_bias",
                    tier="style",
                    severity="info",
                    title=f"Weight decay of {number(value)} acts on "
                    f"{counted(len(names), 'bias or scale', 'biases and scales')} as well",
                    why=f"{listed(names)} have one dimension. Pulled towards 0 they limit no complexity, and the "
                    "scale of a norm is meant to be near 1; most recipes leave them out.",
                    fix="Give the optimizer two groups of parameters.",
                    code=_two_groups(model.optimizers[0], code_number(value)),
                    where=Where(model=model.name, parameter=names[0]),
                    value=number(value),
                    limit="0",
                    source="practice; He et al., Bag of Tricks for Image Classification, 2019, 3.1 (no bias decay)",
                )
            )
    return found


def _two_groups(optimizer: str, decay: str) -> str:
    return (
        f"- {optimizer}(model.parameters(), weight_decay={decay})\n"
        "+ decayed = [p for p in model.parameters() if p.dim() > 1]\n"
        "+ others = [p for p in model.parameters() if p.dim() <= 1]\n"
        f'+ {optimizer}([{{"params": decayed, "weight_decay": {decay}}}, {{"params": others, "weight_decay": 0.0}}])'
    )


def adam_l2(run: Run) -> Judgement:
    """Weight decay of Adam goes through its scaling."""
    held = [model for model in run.models if model.optimizers]
    if not held:
        return NO_OPTIMIZER
    if not decays(run):
        return NO_DECAY
    if not any(name.startswith(ADAPTIVE) for model in held for name in model.optimizers):
        return NotApplicable("No optimizer of the kind of Adam is used.")
    return [_adam(model, value) for model in held if (value := _coupled(model)) > 0]


def _coupled(model: Model) -> float:
    """The weight decay of a group of Adam or a relative, where it is added to the gradient; 0 without one."""
    if not any(name in ADAPTIVE for name in model.optimizers):
        return 0.0
    alone = len(set(model.optimizers)) == 1
    for group in model.groups:
        decoupled = group.get("decoupled_weight_decay")
        if "betas" in group and _decay(group) > 0 and not decoupled and (alone or decoupled is False):
            return _decay(group)
    return 0.0


def _adam(model: Model, value: float) -> Finding:
    name = next(name for name in model.optimizers if name in ADAPTIVE)
    return Finding(
        id="adam_l2",
        tier="style",
        severity="info",
        title=f"{name} adds its weight decay of {number(value)} to the gradient, and then scales it away",
        why="It divides each gradient by its usual size, the decay included. So weights with large gradients hardly "
        "decay, and the value means another thing for each of them.",
        fix="Use AdamW, which takes the decay from the weights themselves; its values are larger, such as 0.01.",
        code=f"- torch.optim.{name}(model.parameters(), weight_decay={code_number(value)})\n"
        f"+ torch.optim.AdamW(model.parameters(), weight_decay={code_number(max(value, 0.01))})",
        where=Where(model=model.name),
        value=number(value),
        limit="0",
        source="Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019",
    )


def weight_tying(run: Run) -> list[Finding] | Unchecked:
    """Parameters that several modules share."""
    if not run.models:
        return Unchecked("No model was watched: call report.watch(model).")
    found = []
    for model in run.models:
        tied = [p for p in model.parameters if p.tied_to]
        if tied:
            found.append(
                Finding(
                    id="weight_tying",
                    tier="style",
                    severity="info",
                    title=f"{tied[0].name} is the same tensor as {tied[0].tied_to}",
                    why=f"{counted(len(tied), 'name')} in {model.name} {'stands' if len(tied) == 1 else 'stand'} for a "
                    f"parameter that has another name already. It is counted once, in {count(len(model.parameters))} "
                    "names in all, and gets the gradients of all its uses.",
                    fix="Nothing to do, if it is meant.",
                    where=Where(model=model.name, parameter=tied[0].name),
                    value=counted(len(tied), "shared parameter"),
                    evidence=Table(
                        columns=(Column("name", "code"), Column("the same as", "code")),
                        rows=tuple((p.name, p.tied_to) for p in tied[:ROWS]),
                        total=len(tied),
                    ),
                    source="exact: the same Parameter object",
                )
            )
    return found


RULES = (
    Rule("bias_before_bn", "No bias stands before a batch norm", "style", bias_before_bn),
    Rule("weight_decay_on_norm_bias", "Weight decay spares biases and norms", "style", weight_decay_on_norm_bias),
    Rule("adam_l2", "Weight decay is decoupled from Adam's scaling", "style", adam_l2),
    Rule("weight_tying", "No parameter has two names", "style", weight_tying),
)
