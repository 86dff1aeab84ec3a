"""Mistakes made for tests: what is said of the exception that a call raises."""

import warnings
from dataclasses import replace

import torch
from torch import nn

from reportgen.collect.ended import failed
from reportgen.collect.watch import Watcher
from reportgen.diagnose import diagnose
from reportgen.diagnose.rules.ending import endings, exceptions
from reportgen.run.evidence import Evidence
from reportgen.testing import fake_run
from tests.collect.memory import Memory

RULES = (*endings.RULES, *exceptions.RULES)
RUN = replace(fake_run(status="failed", steps=2), graphs=(), models=(), evidence=Evidence())


def found(failure, **more):
    """The one finding of a run that this failure ended."""
    (finding,) = diagnose(replace(RUN, failure=failure, **more), RULES).findings
    assert (finding.tier, finding.severity) == ("fact", "error")
    return finding


def said(function, *arguments, model=None):
    """What is said of the exception that a call raises, with `model` watched."""
    memory = Memory()
    watcher = Watcher(memory)
    if model is not None:
        watcher.watch(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch tells of some mistakes twice
            function(*arguments)
    except Exception as error:
        return found(failed(error, memory, watcher))
    finally:
        watcher.close()
    raise AssertionError("it did not raise")


def torch_says(function, *arguments):
    return said(function, *arguments).id


X = torch.linspace(-3, 3, 32).view(8, 4)
CLASSES = torch.zeros(8, dtype=torch.int64)
PICTURES = torch.randn(2, 1, 8, 8)


def classify(outputs, targets):
    return nn.CrossEntropyLoss()(outputs, targets)
