"""The add_* methods that take a model."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any, NoReturn

import torch
from torch import nn

from reportgen.collect.logged.onnx_graph import onnx_graph
from reportgen.collect.watch import told_of
from reportgen.errors import shown
from reportgen.run.graph import Graph
from reportgen.writer.writing import Writing

# What torch's writer passes on as it is; any other exception of a forward becomes a RuntimeError.
PASSED_ON = (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, LookupError, NotImplementedError, OSError,
    RuntimeError, TypeError, ValueError, ZeroDivisionError,
)  # fmt: skip
# Why a model of torch.jit is not called, as the end of a sentence.
COMPILED = "torch.jit has compiled it, so that calls inside it cannot be seen; this is the list of its modules"


class AddGraphs(Writing):
    """See SummaryWriter."""

    def add_graph(
        self, model: nn.Module, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Record the graph of `model`, seen in one forward of its own without gradients.

        input_to_model: a tensor, a tuple or list of arguments, or a dict, whose items are keyword arguments where its
        keys are names of the forward's parameters, else one argument. None: the forward of a model that takes no
        arguments; of another one the modules are listed, as are those of a model that torch.jit has traced or scripted,
        whatever is given: torch's writer does not call such a model either. verbose: print the graph. Nothing is
        traced, so that a model may return what it likes and use_strict_trace changes nothing. Modes, buffers and random
        numbers are put back.

        A forward that raises leaves the graph up to there in the report, and raises RuntimeError (or the built-in type
        of the model's own exception) from it. AttributeError for what is no module.
        """
        if not isinstance(model, nn.Module):
            raise AttributeError(f"model is {shown(model)}; accepted: a torch.nn.Module")
        given = None if isinstance(model, torch.jit.ScriptModule) else _arguments(model, input_to_model)
        failed: Exception | None = None
        graph: Graph | None = None
        with self._adding("graph"):
            if not self._recorder.owner:
                pass
            elif isinstance(model, torch.jit.ScriptModule):
                graph = self._report._watcher.uncalled(model, COMPILED)
            elif given is None:
                graph = self._report._watcher.uncalled(model, "no input was given")
            else:
                graph, failed = self._report._watcher.asked(model, *given)
        if graph is not None and verbose:
            _print(graph)
        if graph is not None and failed is not None:
            _raise(graph, failed)

    def add_onnx_graph(self, prototxt: str | os.PathLike[str]) -> None:
        """Record the graph in an ONNX file. Needs the package onnx (extra "onnx").

        Raises what reading the file does: FileNotFoundError, TypeError for no path, onnx's DecodeError.
        """
        graph = onnx_graph(prototxt)
        with self._adding("graph"):
            self._recorder.record("graph", graph)

    def add_openvino_graph(self, xmlname: str | os.PathLike[str]) -> None:
        """Not possible: reportgen reads ONNX files, not OpenVINO's; raises NotImplementedError."""
        raise NotImplementedError(
            f"add_openvino_graph({shown(xmlname)}): OpenVINO's files are not read. Pass the model it was made of to "
            "add_graph, or its ONNX file to add_onnx_graph"
        )


def _arguments(model: nn.Module, given: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]] | None:
    """Positional and keyword arguments of the forward; None when it needs some and there are none."""
    if given is None:
        return ((), {}) if _takes(model, (), {}) else None
    if isinstance(given, (tuple, list)):
        return tuple(given), {}
    if isinstance(given, Mapping) and (_named(model, given) or not _takes(model, (given,), {})):
        return (), {str(key): value for key, value in given.items()}
    return (given,), {}


def _takes(model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(model.forward).bind(*args, **kwargs)
    except TypeError:
        return False
    except ValueError:  # a forward without a signature
        return bool(args or kwargs)
    return True


def _named(model: nn.Module, given: Mapping[str, Any]) -> bool:
    """Whether all keys are names of parameters of the forward, and these are enough."""
    try:
        parameters = inspect.signature(model.forward).parameters
    except (TypeError, ValueError):
        return False
    return bool(given) and all(key in parameters for key in given) and _takes(model, (), given)


def _raise(graph: Graph, error: Exception) -> NoReturn:
    told = f"the forward of {graph.model} that add_graph ran raised {told_of(graph, error)}"
    kind = type(error) if type(error) in PASSED_ON else RuntimeError
    raise kind(told) from error


def _print(graph: Graph) -> None:
    print(f"{graph.model}: {graph.parameters:,} parameters, seen in {graph.captured}")  # noqa: T201 - asked for
    for node in graph.nodes:
        made = ", ".join("x".join(map(str, one.shape)) or "scalar" for one in node.outputs)
        print(f"  {node.path or node.type} ({node.type}){': ' if made else ''}{made}")  # noqa: T201
