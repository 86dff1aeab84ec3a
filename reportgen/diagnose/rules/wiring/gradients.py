"""Parameters in the optimizer that training never reaches.

Source: the idea is DistributedDataParallel's "parameters that were not used in producing loss"; exact for the steps
sampled.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.reading.lacking import NO_OPTIMIZER
from reportgen.diagnose.reading.places import full_name, measured, owned
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.graph import Graph
from reportgen.run.records import Model, Parameter, Run
from reportgen.run.series import Series

# Sampled steps before "never" may be said: one step may lie in a warm-up whose learning rate is zero.
FEWEST_STEPS = 3
NO_GRADIENTS = Unchecked("No gradient other than 0 was seen at the sampled steps.")
SOURCE = "exact over the sampled steps; after DistributedDataParallel's check for unused parameters"


def _steps(run: Run) -> int:
    """How many steps were sampled: the points of the longest series of gradient norms."""
    return max((len(series) for series in run.measures.get("gradient_norm", {}).values()), default=0)


def _reached(series: Series) -> bool:
    return any(value != 0 for value in series.values)  # NaN is not 0: something did arrive


def _trained(run: Run, model: Model) -> bool:
    """Whether any gradient other than zero was seen of a model."""
    return any(
        _reached(measured(run, "gradient_norm", full_name(run, model, p.name))) for p in model.parameters if p.trainable
    )


def _unreached(run: Run) -> Unchecked | None:
    """Why it cannot be told which modules gradients reach: none was seen at all."""
    return None if any(_trained(run, model) for model in run.models) else NO_GRADIENTS


def _asleep(run: Run, model: Model) -> dict[str, list[Parameter]]:
    """Modules all of whose trainable parameters in the optimizer never had a gradient other than zero."""
    if not _trained(run, model):
        return {}  # nothing of this model is trained here: it may not be its turn, or gradients could not be read
    found = {}
    for module, parameters in owned(model).items():
        held = [p for p in parameters if p.trainable and p.group is not None and not p.tied_to and p.numel]
        if held and not any(_reached(measured(run, "gradient_norm", full_name(run, model, p.name))) for p in held):
            found[module] = held
    return found


def _called(run: Run, model: Model, module: str) -> bool | None:
    """Whether the module ran: by its activations at any sampled step, or in the captured forward; None if unknown."""
    if full_name(run, model, module) in run.distributions.get("activation", {}):
        return True
    nodes = [
        node
        for graph in run.graphs
        if graph.model == model.name and _trains(graph)
        for node in graph.nodes
        if node.kind == "module" and node.path == module
    ]
    if not nodes:
        return None
    return any(node.status != "not called" for node in nodes)


def _trains(graph: Graph) -> bool:
    """Whether it is of a forward in train mode: an auxiliary head is called in no other."""
    return all(node.training for node in graph.nodes if node.kind == "module" and node.parent is None and node.call)


def _lacks(run: Run) -> Unchecked | None:
    if not any(model.optimizers for model in run.models):
        return NO_OPTIMIZER
    if _steps(run) < FEWEST_STEPS:
        return Unchecked(f"Gradients were sampled at {counted(_steps(run), 'step')}; {FEWEST_STEPS} are needed.")
    return None


def unused(run: Run) -> list[Finding] | Unchecked:
    """A module whose parameters the optimizer holds is never called."""
    lacking = _lacks(run) or _unreached(run)
    if lacking:
        return lacking
    return [
        _unused(run, model, modules)
        for model in run.models
        if (modules := {m: p for m, p in _asleep(run, model).items() if _called(run, model, m) is False})
    ]


def _unused(run: Run, model: Model, modules: dict[str, list[Parameter]]) -> Finding:
    names = list(modules)
    held = [p for parameters in modules.values() for p in parameters]
    one = len(names) == 1
    return Finding(
        id="unused_parameters",
        tier="fact",
        severity="warning",
        title=f"{listed(names)} {'is' if one else 'are'} never called, but the optimizer trains "
        f"{'its' if one else 'their'} parameters",
        why=f"{counted(len(held), 'parameter')} ({count(sum(p.numel for p in held))} numbers) had no gradient at any "
        f"of {counted(_steps(run), 'sampled step')}: forward does not use {'this module' if one else 'these modules'}.",
        fix="Call it in forward, or remove it from the model.",
        where=Where(model=model.name, module=names[0]),
        value="0 calls",
        limit="1 call",
        source=SOURCE,
    )


def no_gradient(run: Run) -> list[Finding] | Unchecked:
    """A module runs, but no gradient ever reaches its parameters."""
    lacking = _lacks(run) or _unreached(run)
    if lacking:
        return lacking
    found = []
    for model in run.models:
        modules = {m: p for m, p in _asleep(run, model).items() if _called(run, model, m) is not False}
        # An update that is not zero (weight decay) does not make it trained; a gradient that is seen would.
        if modules:
            found.append(_detached(run, model, modules))
    return found


def _detached(run: Run, model: Model, modules: dict[str, list[Parameter]]) -> Finding:
    names = [name or model.type for name in modules]
    held = [p for parameters in modules.values() for p in parameters]
    still = all(not _reached(measured(run, "update_ratio", full_name(run, model, p.name))) for p in held)
    one = len(names) == 1
    return Finding(
        id="no_gradient",
        tier="fact",
        severity="warning",
        title=f"No gradient reaches {listed(names)}",
        why=f"{counted(len(held), 'parameter')} ({count(sum(p.numel for p in held))} numbers) in the optimizer had a "
        f"gradient of None or exactly 0 at all of {counted(_steps(run), 'sampled step')}"
        + (", and not one of them was changed." if still else "; only weight decay or momentum changes them."),
        fix=f"Look for .detach(), .item(), numpy or torch.no_grad() between {'it' if one else 'them'} and the loss. "
        "If it is meant to stay as it is, set requires_grad to False and leave it out of the optimizer.",
        code=f"model.{names[0]}.requires_grad_(False)" if one and names[0].replace(".", "").isidentifier() else "",
        where=Where(model=model.name, module=names[0]),
        value="gradient 0",
        limit="any other value",
        source=SOURCE,
    )


# Elements of a parameter that watching compares before and after a step (collect/parameters.py).
COMPARED = 16_384


# Backward passes without a step, from which on there should have been one: more than gradients are added up over.
WITHOUT_STEP = 20


def not_updated(run: Run) -> list[Finding] | Unchecked:
    """Gradients arrive, but no weight of the model changed at any sampled step, or no step was ever made."""
    never = [_never(run, model) for model in run.models if never_stepped(run, model)]
    if never:
        return never
    lacking = _lacks(run)
    if lacking:
        return lacking
    found = []
    for model in run.models:
        names = [full_name(run, model, p.name) for p in model.parameters if p.trainable and p.group is not None]
        ratios = [series for name in names if len(series := measured(run, "update_ratio", name)) >= FEWEST_STEPS]
        gradients = any(_reached(measured(run, "gradient_norm", name)) for name in names)
        # Of a large parameter a sample is compared: that one standing still would not prove that all of it does.
        whole = any(p.numel <= COMPARED for p in model.parameters if p.trainable and p.group is not None)
        if whole and ratios and gradients and not any(_reached(series) for series in ratios):
            found.append(_standing(run, model))
    return found


def never_stepped(run: Run, model: Model) -> bool:
    """Whether backward ran many times, and no optimizer that holds parameters of the model made a step."""
    use = run.evidence.model(model.name)
    if use is None or use.backwards < WITHOUT_STEP or not any(p.group is not None for p in model.parameters):
        return False
    names = {full_name(run, model, p.name) for p in model.parameters}
    if any(len(measured(run, "weight_norm", name)) or len(measured(run, "update_ratio", name)) for name in names):
        return False
    return not any(
        use.phase == "train" and use.told_by == "step" for use in run.evidence.modes if use.model == model.name
    )


def _never(run: Run, model: Model) -> Finding:
    use = run.evidence.model(model.name)
    backwards = counted(use.backwards if use is not None else 0, "backward pass", "backward passes")
    return Finding(
        id="not_updated",
        tier="fact",
        severity="error",
        title=f"No optimizer ever made a step: {model.name} keeps its first weights",
        why=f"At least {backwards} gave gradients, and neither {listed(model.optimizers)} nor another optimizer that "
        f"holds parameters of {model.name} made a step. Under a GradScaler every step may have been left out.",
        fix="Call optimizer.step() after backward().",
        code="  loss.backward()\n+ optimizer.step()",
        where=Where(model=model.name),
        value="0 steps",
        limit=f"at least 1 in {backwards}",
        source="exact: optimizer steps and backward passes as they were made",
    )


def _rates(run: Run, model: Model) -> list[Series]:
    """The learning rates of its parameter groups, at the steps looked at."""
    return [measured(run, "learning_rate", full_name(run, model, f"group {k}")) for k in range(len(model.groups))]


def _standing(run: Run, model: Model) -> Finding:
    rates = [value for series in _rates(run, model) for value in series.values]
    rates = rates or [rate for group in model.groups if isinstance(rate := group.get("lr"), (int, float))]
    zero = bool(rates) and all(rate == 0 for rate in rates)
    scheduled = zero and (bool(model.scheduler) or any(use.model == model.name for use in run.evidence.schedulers))
    return Finding(
        id="not_updated",
        tier="fact",
        severity="error",
        title=f"No optimizer step changed a weight of {model.name}",
        why="Gradients arrive, yet every parameter in the optimizer was exactly the same after each sampled step."
        + (" The learning rate is 0." if zero else "")
        + (" The scheduler sets it: a factor in whole numbers is 0 until it is 1." if scheduled else ""),
        fix="Set a learning rate above 0. In half precision, keep float32 copies of the weights: updates smaller than "
        "the spacing of the numbers are lost.",
        code="- lambda step: min(1, step // warm_up)\n+ lambda step: min(1.0, (step + 1) / warm_up)"
        if scheduled
        else "",
        where=Where(model=model.name),
        value="update / weight 0",
        limit="above 0",
        source=SOURCE,
    )


RULES = (
    Rule("unused_parameters", "Every module in the optimizer is called", "fact", unused),
    Rule("no_gradient", "Gradients reach every module in the optimizer", "fact", no_gradient),
    Rule("not_updated", "Optimizer steps change the weights", "fact", not_updated),
)
