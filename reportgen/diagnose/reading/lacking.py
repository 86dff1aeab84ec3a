"""Why rules say nothing of a run, where several say the same: what it lacks, with what to call for it, or has not."""

from __future__ import annotations

from reportgen.blocks.wording import counted
from reportgen.diagnose.rule import NotApplicable, Unchecked
from reportgen.run.records import Run

NO_LOSS = Unchecked(
    'No training loss of 10 or more points was logged: call report.log({"train/loss": loss}) at each step.'
)
NO_MODEL = Unchecked("No model was watched: call report.watch(model, optimizer).")
NO_OPTIMIZER = Unchecked("No optimizer was watched: call report.watch(model, optimizer).")
NO_GRAPH = Unchecked("No graph was captured: call report.watch(model) before the first forward.")
NO_FORWARD = Unchecked("No forward of the watched model was seen: call report.watch(model, optimizer) before training.")
NO_CRITERION = Unchecked(
    "How the loss is computed is not known: call report.watch(model, optimizer, criterion), or log the loss as a "
    'tensor before backward(): report.log({"train/loss": loss}).'
)
# Where a rule with a finding of its own leaves that to the one on exceptions.
TOLD = NotApplicable("The exception that ended the run tells of it.")
NO_BATCH_NORM = NotApplicable("No batch norm was seen.")
NO_DECAY = NotApplicable("No weight decay is used.")


def few_steps(made: int, needed: int, what: str = "optimizer step") -> Unchecked:
    """That too few steps were made to judge by."""
    return Unchecked(f"{counted(made, what)} {'was' if made == 1 else 'were'} made; {needed} are needed.")


def unseen(run: Run, what: str) -> Unchecked:
    """That `what` a loss was given was not seen, and what to call where no criterion is watched."""
    watched = any(model.criterion for model in run.models)
    call = "" if watched else ": call report.watch(model, optimizer, criterion)"
    return Unchecked(f"{what} was not seen{call}.")


def no_batch_norm(run: Run) -> Unchecked | NotApplicable | None:
    """Why nothing can be said of batch norms in graphs; None where there is one."""
    if not run.graphs:
        return NO_GRAPH
    seen = any("BatchNorm" in node.type for graph in run.graphs for node in graph.nodes)
    return None if seen else NO_BATCH_NORM
