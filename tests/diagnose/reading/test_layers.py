"""Names of layers, and what was measured of them."""

import pytest

from reportgen.diagnose.reading.layers import at_full_rate, attribute, called, gradient_norms, ratios, weights
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import measuring, unlearned, with_measure
from tests.healthy import healthy


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fc1.weight", "model.fc1.weight"),
        ("net.0.weight", "model.net[0].weight"),
        ("0", "model[0]"),
        ("odd name.weight", "model"),
    ],
)
def test_a_name_is_read_as_code(name, code):
    assert attribute(name) == code


def test_a_number_alone_is_no_name():
    assert (called("3", "ReLU"), called("0.2", ""), called("fc1", "Linear")) == ("ReLU 3", "module 0.2", "fc1")


def test_only_weights_of_two_or_more_dimensions_count():
    assert [weight.name for weight in weights(healthy())] == [f"{m}.weight" for m in ("conv1", "conv2", "fc1", "fc2")]


def test_ratios_are_medians_over_layers_in_the_order_of_steps():
    order = {"conv1.weight": 1.0, "conv2.weight": 2.0, "fc1.weight": 3.0, "fc2.weight": 100.0}
    run = measuring(healthy(), "update_ratio", lambda name, s: [order.get(name, 1e6)] * len(s))

    found = ratios(run)

    assert list(found) == sorted(found)
    assert set(found.values()) == {2.5}


def test_the_norm_of_all_gradients_is_that_of_their_norms():
    run = with_measure(unlearned(), "gradient_norm", {"a": series_of([3.0, float("nan")]), "b": series_of([4.0, 1.0])})

    assert gradient_norms(run) == {0: 5.0, 1: float("inf")}


def test_steps_of_a_warm_up_are_not_at_full_rate():
    run = with_measure(unlearned(), "learning_rate", {"group 0": series_of([0.0, 0.1], [0, 100])})

    assert min(at_full_rate(run)) >= 100
    assert min(at_full_rate(unlearned())) < 100
