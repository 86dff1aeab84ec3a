"""The table of layers and their folds."""

import dataclasses
import math
from array import array

import numpy as np
import pytest

from reportgen.blocks import Fold, Histogram, Link, Ridgelines, Spark, Text
from reportgen.diagnose import diagnose
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Parameter, Run
from reportgen.run.series import Series
from reportgen.sections.layer_list import Layer, layers_of
from reportgen.sections.layer_table import last_burst, layer_table
from reportgen.sections.layers import build
from reportgen.testing import fake_run
from reportgen.testing.run import distribution_of, series_of
from tests.healthy import healthy


def table_of(run: Run):
    return layer_table(run, layers_of(run))


def column(table, name: str) -> list[object]:
    place = next(k for k, c in enumerate(table.columns) if c.name.startswith(name))
    return [text_of(row[place]) for row in table.rows]


def text_of(cell: object) -> object:
    return cell.text if isinstance(cell, Link) else cell


def with_measure(run: Run, quantity: str, **values: float) -> Run:
    group = {name.replace("__", "."): series_of([value] * 3) for name, value in values.items()}
    return dataclasses.replace(run, measures={**run.measures, quantity: {**run.measures.get(quantity, {}), **group}})


def test_a_row_a_layer_with_shape_size_and_flops_of_one_sample():
    table = table_of(healthy())

    assert column(table, "layer") == ["conv1", "conv2", "fc1", "fc2", "total"]
    assert column(table, "kind")[:4] == ["Conv2d", "Conv2d", "Linear", "Linear"]
    assert column(table, "output")[:4] == ["32×26×26", "64×24×24", "128", "10"]
    assert column(table, "parameters") == [320, 18_496, 73_856, 1_290, 93_962]
    assert column(table, "MFLOP") == ["0.39", "21.23", "0.15", "<\u00a00.01", "21.77"]
    assert table.anchors == ("layer-conv1", "layer-conv2", "layer-fc1", "layer-fc2", "")


def test_a_layer_leads_to_its_distributions_and_to_its_box_in_the_graph():
    rows = table_of(healthy()).rows[:4]
    names = ("conv1", "conv2", "fc1", "fc2")

    assert [row[0].target for row in rows] == [f"over-time-{name}" for name in names]
    assert [row[1].target for row in rows] == [f"box-{name}" for name in names]


def test_totals_are_the_sums_and_those_of_the_graph():
    run = healthy()
    table = table_of(run)

    assert sum(column(table, "parameters")[:-1]) == column(table, "parameters")[-1] == run.graphs[0].parameters
    assert column(table, "MFLOP")[-1] == f"{run.graphs[0].flops / run.graphs[0].batch / 1e6:.2f}"


def test_tied_parameters_are_counted_once():
    run = healthy()
    model = run.models[0]
    tied = Parameter("fc2.weight", (10, 128), "float32", "cpu", True, 0, tied_to="emb.weight")
    parameters = (*(p for p in model.parameters if p.name != "fc2.weight"), tied)
    run = dataclasses.replace(run, models=(dataclasses.replace(model, parameters=parameters),), graphs=())
    table = table_of(run)

    assert column(table, "parameters")[-2:] == [10, 93_962 - 1280]
    assert "Tied parameters are counted once." in table.caption


def test_cells_show_weights_on_one_axis_gradients_over_time_and_the_last_ratio():
    table = table_of(healthy())
    weights, norms = column(table, "weights, −0.3 to 0.3"), column(table, "gradient norm")

    assert all(isinstance(cell, Histogram) and (cell.low, cell.high) == (-0.3, 0.3) for cell in weights[:4])
    assert all(isinstance(cell, Spark) for cell in norms[:4])
    assert column(table, "update")[0] == "0.0014"
    assert column(table, "dead")[3:] == [None, ""]


def test_columns_nobody_has_a_value_for_are_left_out():
    names = [c.name for c in table_of(healthy()).columns]

    assert "saturated" not in names
    assert "dead" in names
    assert [c.name for c in table_of(fake_run(measures={}, distributions={})).columns] == [
        "layer",
        "kind",
        "output",
        "parameters",
        "MFLOP",
    ]


def test_a_healthy_run_has_no_marks():
    assert table_of(healthy()).marks == ()


def test_odd_numbers_are_marked():
    run = with_measure(healthy(), "update_ratio", conv1__weight=0.0, fc1__weight=0.2, fc2__weight=math.nan)
    run = with_measure(run, "dead_share", conv2=0.9)
    table = table_of(run)
    places = {(text_of(table.rows[r][0]), table.columns[c].name) for r, c in table.marks}

    assert places == {
        ("conv1", "update / weight"),
        ("fc1", "update / weight"),
        ("fc2", "update / weight"),
        ("conv2", "dead"),
    }


def test_weights_in_a_narrow_range_are_told_in_words():
    """As the scales of a BatchNorm, which stay about 1: log bins have no shape to show there."""
    run = healthy()
    series = run.distributions["weight"]["fc2.weight"]
    about_one = distribution_of(1 + np.random.default_rng(0).normal(0, 0.02, 500))
    series = dataclasses.replace(series, snapshots=(about_one,) * len(series.snapshots))
    weights = {**run.distributions["weight"], "fc2.weight": series}
    run = dataclasses.replace(run, distributions={**run.distributions, "weight": weights})

    assert column(table_of(run), "weights")[3] == "0.999 ± 0.02"
    fc2 = folds_of(run)[3]
    assert [item.title for item in fc2.blocks[0].items] == ["gradient of weight", "output"]
    assert "weight" in {row[0] for row in fc2.blocks[0].numbers.rows}


def test_a_frozen_layer_that_does_not_move_is_not_marked_and_told():
    run = with_measure(healthy(), "update_ratio", conv1__weight=0.0)
    model = run.models[0]
    parameters = tuple(
        dataclasses.replace(p, trainable=False) if p.name.startswith("conv1") else p for p in model.parameters
    )
    run = dataclasses.replace(run, models=(dataclasses.replace(model, parameters=parameters),))
    view = build(run, diagnose(run))

    assert view.blocks[0].marks == ()
    assert any(isinstance(b, Text) and b.text.startswith("2 of 8 parameters (0.3") for b in view.blocks)


def test_the_last_burst_is_the_last_run_of_consecutive_steps():
    def burst(steps, values):
        series = dataclasses.replace(series_of(values, steps), optimizer_steps=array("q", steps))
        return last_burst(series)

    assert burst([1, 2, 3, 100, 101, 102], [9.0, 9.0, 9.0, 1.0, 2.0, 3.0]) == 2.0
    assert burst([1, 2, 3, 100], [9.0, 9.0, 9.0, 1.0]) == 1.0
    assert burst([1, 2], [4.0, math.nan]) == 4.0
    assert last_burst(Series()) is None


def test_a_module_called_twice_says_so_and_adds_its_flops():
    run = healthy()
    graph = run.graphs[0]
    again = dataclasses.replace(graph.nodes[2], id="m9", call=2)
    table = table_of(dataclasses.replace(run, graphs=(dataclasses.replace(graph, nodes=(*graph.nodes, again)),)))

    assert column(table, "kind")[0] == "Conv2d ×2"
    assert column(table, "MFLOP")[0] == f"{2 * 0.389376:.2f}"


@pytest.mark.parametrize(
    ("flops", "name", "hint", "cells"),
    [
        ((384.0, 330_240.0), "kFLOP", "thousand floating point operations", ["0.4", "330.2", "330.6"]),
        ((7.0, 330.0), "FLOP", "floating point operations of", ["7", "330", "337"]),
        ((0.0, 2.5e9, 1e6), "GFLOP", "billion floating point operations", ["0", "2.50", "<\u00a00.01", "2.50"]),
        ((4.2e15, 1e12), "TFLOP", "10¹² floating point operations", ["4,200.0", "1.0", "4,201.0"]),
    ],
)
def test_operations_are_told_in_one_unit_with_the_same_decimals(flops, name, hint, cells):
    layers = [Layer(f"l{at}", f"l{at}", "Linear", f"layer-l{at}", flops=given) for at, given in enumerate(flops)]
    table = layer_table(fake_run(), layers)
    (told,) = [each for each in table.columns if each.name.endswith("FLOP")]
    assert told.name == name
    assert told.numeric
    assert told.hint.startswith(hint)
    assert column(table, name) == cells


def test_several_models_have_rows_and_ids_of_their_own():
    run = healthy()
    model, graph = run.models[0], run.graphs[0]
    both = (dataclasses.replace(model, name="a"), dataclasses.replace(model, name="b"))
    graphs = (dataclasses.replace(graph, model="a"), dataclasses.replace(graph, model="b"))
    table = table_of(dataclasses.replace(run, models=both, graphs=graphs))

    assert column(table, "layer")[:2] == ["a/conv1", "a/conv2"]
    assert column(table, "layer")[-2:] == ["b/fc2", "total"]
    assert column(table, "parameters")[-1] == 2 * 93_962
    assert len(set(table.anchors)) == len(table.anchors)


def test_layers_without_a_model_or_graph_come_from_the_names_of_distributions():
    table = table_of(fake_run(models=(), graphs=()))

    assert column(table, "layer") == ["conv1", "conv2", "fc1", "fc2", "total"]
    assert column(table, "parameters") == [320, 18_496, 73_856, 1_290, 93_962]


def folds_of(run: Run) -> list[Fold]:
    return [b for b in build(run, diagnose(run)).blocks if isinstance(b, Fold)]


def test_each_layer_folds_out_into_weight_gradient_and_output():
    folds = folds_of(healthy())

    assert [fold.title for fold in folds] == ["conv1", "conv2", "fc1", "fc2"]
    weight, bias = folds[0].blocks
    assert [item.title for item in weight.items] == ["weight", "gradient of weight", "output"]
    assert [item.title for item in bias.items] == ["bias", "gradient of bias"]
    assert {item.role for item in weight.items} == {"1", "2", "3"}
    assert folds[0].anchor == "over-time-conv1"


def test_the_more_layers_the_less_of_each():
    run = fake_run(layers=60, steps=60, snapshots=6)
    small, (*large, numbers) = folds_of(fake_run(layers=4)), folds_of(run)

    assert len(small) == 4
    assert len(large) == 20
    assert (large[0].title, large[-1].title) == ("fc1", "fc60")
    assert len(small[0].blocks[0].items[0].ridges) > len(large[0].blocks[0].items[0].ridges) == 4
    assert all(isinstance(block, Ridgelines) and block.numbers is None for block in large[0].blocks)
    assert len(large[0].blocks) == 1
    assert any(isinstance(b, Text) and b.text.startswith("Drawn for 20 of 60 layers") for b in build(run, None).blocks)
    # The numbers of all of them stand in one table: weight, gradient and output of each.
    (table,) = numbers.blocks
    assert len(table.rows) == 3 * 20
    assert [row[0] for row in table.rows[:3]] == ["fc1.weight", "gradient of fc1.weight", "output of fc1"]


def test_layers_with_weight_matrices_are_drawn_before_others():
    run = fake_run(layers=60, steps=30, snapshots=3)
    model = run.models[0]
    flat = {f"fc{k}.weight" for k in range(1, 61) if k % 6}
    parameters = tuple(dataclasses.replace(p, shape=(p.numel,)) if p.name in flat else p for p in model.parameters)
    run = dataclasses.replace(run, models=(dataclasses.replace(model, parameters=parameters),), graphs=())
    titles = [fold.title for fold in folds_of(run)[:-1]]

    assert {f"fc{k}" for k in range(6, 61, 6)} <= set(titles)
    assert len(titles) == 20
    assert titles == sorted(titles, key=lambda title: int(title[2:]))


def test_very_many_layers_keep_the_table_bounded_and_the_total_whole():
    run = fake_run(layers=200, snapshots=2, steps=20)
    table = table_of(run)

    assert len(table.rows) == 151
    assert table.total == 200
    assert column(table, "parameters")[-1] == run.graphs[0].parameters
    assert "The first 150 of 200 layers" in table.caption


def test_a_run_that_was_not_watched_has_no_section():
    run = fake_run(measures={}, distributions={})

    assert build(run, diagnose(run)) is None


def test_layers_of_which_neither_sizes_nor_operations_are_known_have_no_totals():
    nodes = tuple(GraphNode(name, "module", name, "Linear", None, call=1, leaf=True) for name in ("a", "b"))
    run = dataclasses.replace(fake_run(steps=3), models=(), graphs=(Graph("net", "a file", nodes),))
    table = layer_table(run, layers_of(run))

    assert [row[0].text for row in table.rows] == ["a", "b"]
    assert len(table.anchors) == 2
