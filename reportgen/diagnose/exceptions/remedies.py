"""For each kind of mistake that an exception tells of: what to call it, and what to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reportgen.blocks.wording import cut, scaled
from reportgen.diagnose.exceptions.shape_remedies import changed_line, shape_remedy
from reportgen.diagnose.exceptions.traceback import own_frame, shape
from reportgen.run.graph import Fault, GraphNode
from reportgen.run.records import Failure, Run

RECURRENT = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
LONGEST_TITLE = 160


@dataclass(frozen=True, slots=True)
class Remedy:
    """title: what is wrong. fix: what to do, as sentences; code: the line to change, "" if none can be given."""

    title: str
    fix: str
    code: str = ""


def remedy_of(id_: str, run: Run, failure: Failure, message: str) -> Remedy:
    """What to do about the mistake `id_`, told by `message`; what the module that raised was given says it best."""
    remedy = _REMEDIES[id_](run, failure, message)
    fault = failure.fault
    if fault is None or not fault.expected:
        return remedy
    title = _title(fault.module or fault.type, fault)
    if not fault.change or id_ == "last_batch_size_1":  # of which the loader says more than the layer
        return Remedy(title, remedy.fix, fault.code or remedy.code)
    if fault.code:
        return Remedy(title, fault.change, changed_line(fault))
    line = re.search(r"inputs = inputs\.to\([^)]*\)", fault.change)
    return Remedy(title, fault.change, line[0] if line is not None else "")


def _title(name: str, fault: Fault) -> str:
    kind = f" ({fault.type})" if fault.module and fault.module != fault.type else ""
    given = f" is given {shape(fault.got[0])} and" if fault.got else ""
    return cut(f"{name}{kind}{given} expects {fault.expected.partition(', and got')[0]}", LONGEST_TITLE)


def _inside(failure: Failure) -> str:
    return f" in {failure.module}" if failure.module else ""


def _shapes(run: Run, failure: Failure, message: str) -> Remedy:
    fix, code = shape_remedy(failure, message)
    return Remedy(cut(f"Shapes do not fit{_inside(failure)}: {_line(message)}", LONGEST_TITLE), fix, code)


def _dtypes(run: Run, failure: Failure, message: str) -> Remedy:
    title = cut(f"Dtypes do not fit{_inside(failure)}: {_line(message)}", LONGEST_TITLE)
    target = _target(failure)
    if "class probabilities" in message:
        fix = "Give class indices of shape (N,), or the same one-hot rows as floats: targets.float()."
        return Remedy(title, fix, "targets = targets.argmax(1)")
    if re.search(r"to be Long|scalar type Long|'nll_loss|\"nll_loss", message):
        return Remedy(title, "Class indices are int64: convert the targets.", "targets = targets.long()")
    if target is not None and (target.startswith(("int", "uint", "bool")) or "Long" in message):
        return Remedy(title, "This loss compares numbers: convert the targets to floats.", "targets = targets.float()")
    if target == "float64":
        fix = "The targets are float64, as NumPy makes them: convert them."
        return Remedy(title, fix, "targets = targets.float()")
    if "indices" in message:
        return Remedy(title, "Indices are whole numbers: convert them.", "ids = ids.long()")
    return Remedy(
        title,
        "Convert the inputs to the dtype of the weights (float32 unless the model was converted).",
        "inputs = inputs.float()",
    )


def _target(failure: Failure) -> str | None:
    call = failure.call
    return next((spec.dtype for spec in call.got if spec.name == "target"), None) if call is not None else None


def _devices(run: Run, failure: Failure, message: str) -> Remedy:
    return Remedy(
        cut(f"Tensors are on different devices{_inside(failure)}", LONGEST_TITLE),
        "Move the model once, and each batch, to one device; a tensor that is made inside forward takes the device of "
        "its input: torch.zeros(n, device=x.device).",
        "model.to(device)\ninputs, targets = inputs.to(device), targets.to(device)",
    )


def _out_of_range(run: Run, failure: Failure, message: str) -> Remedy:
    if "device-side assert" in message:
        return Remedy(
            "An index was out of range on the GPU, which stopped at an assertion",
            "Labels of a classification loss have to be 0 to C - 1, ids of an embedding less than num_embeddings. The "
            "line shown may be a later one: run once on the CPU, or with CUDA_LAUNCH_BLOCKING=1, to see which it was.",
            "assert 0 <= targets.min() and targets.max() < outputs.shape[1]",
        )
    if "between 0 and 1" in message:
        return Remedy(
            "Targets of binary cross-entropy are outside of 0 to 1",
            "Make them 0 and 1 (-1 and 1, or 1 and 2, are to be moved); with more than two classes use "
            "nn.CrossEntropyLoss.",
        )
    if "in self" in message:
        return Remedy(
            f"An index is beyond the table of an embedding{_inside(failure)}",
            "Make num_embeddings the largest id + 1, or map unknown ids to one of their own.",
        )
    given = re.search(r"-?\d+", message)
    if given is None:  # F.one_hot
        return Remedy("A label is out of the range of num_classes", "Number the labels from 0 to num_classes - 1.")
    label, classes = int(given[0]), _classes(failure)
    title = f"A target is {label}, which is no class" + (f": the model gives {classes:,} outputs" if classes else "")
    if label < 0 or label == 255:
        fix = f"If {label} stands for no label, leave it out of the loss; else number the labels from 0."
        return Remedy(title, fix, f"criterion = nn.CrossEntropyLoss(ignore_index={label})")
    if classes and label == classes and _least(run, failure) == 0:
        fix = f"Labels go from 0 to {label:,}: the last layer has to give {label + 1:,} numbers."
        return Remedy(title, fix, _wider(run, classes, label + 1))
    if classes and label == classes:
        fix = f"If labels are counted from 1, subtract 1; if there are {label + 1:,} classes, the last layer has to"
        return Remedy(title, f"{fix} give {label + 1:,} numbers.", "targets = targets - 1")
    fix = f"Number the labels from 0 to C - 1, or give the last layer {label + 1:,} outputs or more."
    return Remedy(title, fix, _wider(run, classes, label + 1))


def _classes(failure: Failure) -> int:
    call = failure.call
    given = next((spec for spec in call.got if spec.name == "input"), None) if call is not None else None
    if given is not None and given.shape:
        return given.shape[min(1, len(given.shape) - 1)]
    return 0


def _least(run: Run, failure: Failure) -> int | None:
    """The least label met, in the batch that failed or before; None if unknown."""
    told = re.search(r"they are (-?[\d,]+) to", failure.call.expected) if failure.call is not None else None
    met = [int(told[1].replace(",", ""))] if told is not None else []
    met += [use.lowest for use in run.evidence.losses if use.lowest is not None]
    return min(met, default=None)


def _wider(run: Run, classes: int, wanted: int) -> str:
    """The last linear layer with more outputs, where a graph shows one that has as many as there are classes."""
    nodes: list[GraphNode] = [node for graph in run.graphs for node in graph.nodes if node.type == "Linear"]
    inside = re.search(rf"in_features=(\d+), out_features={classes}\b", nodes[-1].detail) if nodes else None
    if inside is None or not classes:
        return ""
    return f"- nn.Linear({inside[1]}, {classes})\n+ nn.Linear({inside[1]}, {wanted})"


def _logits(run: Run, failure: Failure, message: str) -> Remedy:
    return Remedy(
        "BCELoss is given numbers outside of 0 to 1, as logits are",
        "Use BCEWithLogitsLoss, which takes the sigmoid itself and is exact for large numbers; or end the model in a "
        "sigmoid.",
        "- criterion = nn.BCELoss()\n+ criterion = nn.BCEWithLogitsLoss()",
    )


def _alone(run: Run, failure: Failure, message: str) -> Remedy:
    fix = "Leave out a last batch of one, or use batches of two or more."
    for loader in run.evidence.loaders:
        if loader.rows and loader.batch_size and loader.batch_size > 1 and loader.rows % loader.batch_size == 1:
            fix = f"The {loader.split} loader has {loader.rows:,} rows in batches of {loader.batch_size:,}. {fix}"
            break
    title = f"BatchNorm{_inside(failure)} was given a single row in train mode"
    return Remedy(title, fix, "loader = DataLoader(dataset, batch_size=..., shuffle=True, drop_last=True)")


def _detached(run: Run, failure: Failure, message: str) -> Remedy:
    parameters = [parameter for model in run.models for parameter in model.parameters]
    if parameters and not any(parameter.trainable for parameter in parameters):
        return Remedy(
            "backward() was called on a loss that depends on no trainable parameter: all of them are frozen",
            "Unfreeze what is to be trained.",
            "for parameter in model.parameters():\n    parameter.requires_grad_(True)",
        )
    return Remedy(
        "backward() was called on a loss that has no graph",
        "Something between the model and the loss cuts it off: torch.no_grad(), .detach(), .item(), .numpy(), argmax, "
        "or a new torch.tensor(...) of the numbers. Compute the loss of the outputs themselves, with gradients on.",
        "loss = criterion(model(inputs), targets)\nloss.backward()",
    )


def _inplace(run: Run, failure: Failure, message: str) -> Remedy:
    if "leaf" in message:
        return Remedy(
            "A parameter was changed in place while gradients were recorded",
            "Change it under torch.no_grad().",
            "with torch.no_grad():\n    parameter.add_(...)",
        )
    told = re.search(r"\[\S+ \[([\d, ]*)\]\], which is output \d+ of (\w+)", message)
    if told is None:
        return Remedy(
            "A tensor that backward needs was changed in place",
            "Use the form that makes a new tensor.",
            "- x += y\n+ x = x + y",
        )
    size = tuple(int(part) for part in told[1].split(",") if part.strip())
    weight = next(
        (
            one.name
            for model in run.models
            for one in model.parameters
            if len(size) > 1 and size in (one.shape, one.shape[::-1])
        ),
        "",
    )
    made = re.sub(r"(Backward)?\d*$", "", told[2])
    if weight and made in ("AsStrided", "T", "Transpose", "Permute", "AccumulateGrad"):
        return Remedy(
            f"A weight of shape ({told[1]}), as {weight} has, was changed between forward and backward",
            "optimizer.step() came before a backward() that needs the old weights (as with two losses or two models): "
            "call all backward() first, then step, or compute the second loss by a forward of its own.",
            "loss_a.backward()\nloss_b.backward()\noptimizer.step()",
        )
    return Remedy(
        f"The output of {made}, of shape ({told[1]}), was changed in place before backward",
        f"Look for +=, *=, x[...] = ..., or a method ending in _ (relu_, inplace=True) on what {made} gave; "
        "torch.autograd.set_detect_anomaly(True) names the line.",
        "- x += y\n+ x = x + y",
    )


def _twice(run: Run, failure: Failure, message: str) -> Remedy:
    title = "backward() went through a graph a second time"
    if any(kind in RECURRENT for model in run.models for kind in model.modules.values()):
        return Remedy(
            title,
            "The hidden state that one batch hands to the next still has the graph of the batch before. Detach it "
            "between batches.",
            "hidden = tuple(state.detach() for state in hidden)  # LSTM\nhidden = hidden.detach()  # RNN, GRU",
        )
    return Remedy(
        title,
        "Compute the loss by a forward in each step, add losses that share a forward and call backward() once, and "
        "detach what is kept from one step to the next. retain_graph=True is right only for two losses of one forward.",
        "loss = loss_a + loss_b\nloss.backward()",
    )


def _memory(run: Run, failure: Failure, message: str) -> Remedy:
    batch = _batch(run, failure)
    asked = re.search(r"tried to allocate ([\d.]+)\s*(\w+)", message, re.IGNORECASE)
    size = ""
    if asked is not None:
        amount = f"{scaled(float(asked[1]))}B" if asked[2] == "bytes" else f"{asked[1]} {asked[2]}"
        size = f", when {amount} more were asked for"
    where = "an accelerator" if re.search(r"cuda|gpu|mps|hip|xpu", message, re.IGNORECASE) else "the host"
    with_ = f" with a batch of {batch:,}" if batch else ""
    smaller = f" ({max(batch // 2, 1)} in place of {batch})" if batch else ""
    return Remedy(
        f"The memory of {where} ran out{with_}{size}",
        f"Make batches smaller{smaller} and add up gradients over several of them, or train in bfloat16. Evaluate "
        "under torch.no_grad(), and keep no tensor with a graph from step to step (loss.item()).",
        f"loader = DataLoader(dataset, batch_size={max(batch // 2, 1) if batch else '...'})",
    )


def _batch(run: Run, failure: Failure) -> int:
    if run.graph is not None and run.graph.batch:
        return run.graph.batch
    got = failure.fault.got if failure.fault is not None else ()
    return got[0].shape[0] if got and got[0].shape else 0


def _none(run: Run, failure: Failure, message: str) -> Remedy:
    frame = own_frame(failure)
    line = f" in `{cut(frame.code, 80)}`" if frame is not None and frame.code else ""
    return Remedy(
        f"None was given where a tensor belongs{_inside(failure)}",
        f"Look for what is None{line}: most often a forward that lacks its return, or a gradient or an argument that "
        "was never set.",
        "return x",
    )


def _nan(run: Run, failure: Failure, message: str) -> Remedy:
    told = re.match(r"Function '(\w+?)(?:Backward)?\d*' returned", message)
    operation = told[1] if told is not None else "An operation"
    return Remedy(
        f"The gradient of {operation} is NaN, as anomaly detection tells",
        f"Keep what {operation} is given away from where its slope is infinite: sqrt(x + eps), log(x.clamp_min(eps)), "
        "and torch.where on the input, not on the result.",
        "x = torch.sqrt(x + 1e-8)" if operation == "Sqrt" else "",
    )


def _line(message: str) -> str:
    inner = re.search(r": got \w+\((['\"])(.+?)\.?\1\)", message)  # told by torch.compile
    return inner[2] if inner is not None else message.strip().partition("\n")[0].rstrip(".")


_REMEDIES: Mapping[str, Callable[[Run, Failure, str], Remedy]] = {
    "shape_mismatch": _shapes,
    "dtype_mismatch": _dtypes,
    "device_mismatch": _devices,
    "labels_out_of_range": _out_of_range,
    "logits_to_bce": _logits,
    "last_batch_size_1": _alone,
    "detached_graph": _detached,
    "inplace_modified": _inplace,
    "backward_twice": _twice,
    "out_of_memory": _memory,
    "none_instead_of_tensor": _none,
    "nan_gradient": _nan,
}
