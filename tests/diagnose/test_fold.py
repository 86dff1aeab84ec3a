"""One card a problem: which finding is the cause of which."""

import itertools

import pytest

from reportgen.blocks import Finding
from reportgen.diagnose.fold import BROKEN, CAUSES, CRASHES, OUTCOMES, SPREAD, explains, folded


def finding(name, severity="warning", since=0, share=None, tier="statistics"):
    return Finding(name, tier, severity, f"title of {name}", "why", "fix", since=since, share=share)


def cards(*found):
    return [(one.id, one.also) for one in folded(found)]


def leads(*found):
    return [one.id for one in folded(found)]


def test_nothing_folds_without_a_cause():
    assert leads(finding("no_seed", "info"), finding("memory_leak"), finding("lr_too_high")) == [
        "no_seed",
        "memory_leak",
        "lr_too_high",
    ]


@pytest.mark.parametrize(("cause", "symptoms"), [(cause, each) for cause, each in CAUSES.items() if each])
def test_each_cause_carries_each_of_its_symptoms(cause, symptoms):
    for symptom in symptoms:
        if symptom == cause:
            continue
        # Times and shares with which the one may lead to the other.
        first = finding(cause, "error" if cause in BROKEN else "warning", since=0, share=1.0)
        second = finding(symptom, since=5, share=0.6)
        (card,) = folded([second, first])

        assert (card.id, card.also) == (cause, (f"title of {symptom}",))


def test_no_two_findings_can_each_be_the_cause_of_the_other():
    names = list(CAUSES)
    for one, other in itertools.combinations(names, 2):
        for since, later in ((0, 0), (0, 5), (5, 0)):
            for share in (1.0, 0.6):
                first, second = finding(one, since=since, share=share), finding(other, since=later, share=share)
                assert not (explains(first, second) and explains(second, first)), (one, other, since, later)


def test_a_chain_ends_in_one_card_with_all_titles():
    found = [finding(name, since=k) for k, name in enumerate(("worse_than_baseline", "divergence", "lr_too_high"))]

    ((name, also),) = cards(*found[::-1])

    assert name == "lr_too_high"
    assert sorted(also) == ["title of divergence", "title of worse_than_baseline"]


def test_titles_that_a_symptom_carries_already_go_along():
    inner = finding("plateau")
    inner = type(inner)(**{**{k: getattr(inner, k) for k in inner.__slots__}, "also": ("deeper",)})

    ((_, also),) = cards(finding("lr_too_low"), inner)

    assert also == ("title of plateau", "deeper")


def test_a_remark_causes_nothing():
    assert leads(finding("lr_too_high", "info"), finding("divergence")) == ["lr_too_high", "divergence"]


def test_a_warning_does_not_hide_an_error():
    """Units that are dead may be why a layer is not updated; the run is as bad as its worst finding all the same."""
    error, warning = finding("not_updated", "error", tier="fact"), finding("dead_relu", share=1.0)

    assert leads(warning, error) == ["dead_relu", "not_updated"]
    assert leads(warning, finding("not_updated", tier="fact")) == ["dead_relu"]
    assert leads(finding("loss_sign", "error", tier="fact"), warning) == ["loss_sign"]


@pytest.mark.parametrize("cause", ["lr_too_high", "update_ratio_high", "dead_relu", "vanishing_gradients"])
def test_noise_is_told_under_what_is_known_to_be_wrong(cause):
    noise = finding("low_gradient_snr", "info")

    assert cards(finding(cause), noise) == [(cause, ("title of low_gradient_snr",))]
    assert leads(finding(cause, "info"), noise) == [cause, "low_gradient_snr"]


@pytest.mark.parametrize("fact", BROKEN)
def test_a_broken_loop_explains_all_statistics(fact):
    found = [finding(fact, "error", tier="fact")] + [
        finding(name) for name in ("bad_init", "lr_too_high", "dead_relu", "divergence", "plateau")
    ]

    assert leads(*found) == [fact]


@pytest.mark.parametrize("fact", ["memory_leak", "no_seed", "dataloader_bottleneck", "unused_parameters"])
def test_what_has_nothing_to_do_with_learning_neither_folds_nor_is_folded(fact):
    assert leads(finding(fact, "warning"), finding("lr_too_high")) == [fact, "lr_too_high"]
    assert leads(finding("loss_sign", "error"), finding(fact)) == ["loss_sign", fact]


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_explains_that_little_was_learned_but_no_dynamics(crash):
    assert leads(finding(crash, "error"), finding("loss_not_decreasing")) == [crash]
    assert leads(finding(crash, "error"), finding("lr_too_high")) == [crash, "lr_too_high"]


def test_dead_units_come_of_the_start_if_they_were_dead_then():
    start, later = finding("dead_relu", since=0), finding("dead_relu", since=7)

    assert leads(finding("lr_too_high"), start) == ["lr_too_high", "dead_relu"]
    assert leads(finding("lr_too_high"), later) == ["lr_too_high"]
    assert leads(finding("bad_init"), start) == ["bad_init"]


def test_a_huge_gradient_comes_before_the_step_that_is_made_of_it():
    assert leads(finding("exploding_gradients", since=0), finding("lr_too_high", since=0)) == ["exploding_gradients"]
    assert leads(finding("exploding_gradients", since=9), finding("lr_too_high", since=0)) == ["lr_too_high"]


def test_a_layer_of_which_all_is_dead_lets_no_gradient_through():
    detached = finding("no_gradient", tier="fact")

    assert leads(detached, finding("dead_relu", share=1.0)) == ["dead_relu"]
    assert leads(detached, finding("dead_relu", share=0.62)) == ["no_gradient"]


def test_of_what_is_not_finite_the_earliest_leads_and_carries_the_rest():
    found = [finding("nan_loss", "error", 7), finding("nan_weight", "error", 8), finding("nan_gradient", "error", 6)]

    ((name, also),) = cards(*found)

    assert name == "nan_gradient"
    assert len(also) == 2


def test_within_a_step_the_input_leads():
    assert leads(*[finding(name, "error", 3) for name in reversed(SPREAD)]) == ["nan_input"]


def test_numbers_that_broke_explain_what_came_out():
    found = [finding("nan_loss", "error", 7), *(finding(name) for name in OUTCOMES)]

    assert leads(*found) == ["nan_loss"]


def test_steps_that_were_too_long_before_may_be_what_broke_them():
    assert leads(finding("nan_loss", "error", 40), finding("lr_too_high", since=5)) == ["nan_loss", "lr_too_high"]
    assert leads(finding("nan_loss", "error", 4), finding("lr_too_high", since=5)) == ["nan_loss"]
    assert leads(finding("nan_input", "error", 40), finding("lr_too_high", since=5)) == ["nan_input"]


def test_a_loss_that_recovered_explains_nothing():
    assert leads(finding("nan_loss", "warning", 3), finding("worse_than_baseline")) == [
        "nan_loss",
        "worse_than_baseline",
    ]


def test_the_order_of_cards_is_that_of_the_findings():
    found = [finding("no_seed", "info"), finding("plateau"), finding("lr_too_low"), finding("adam_l2", "info")]

    assert leads(*found) == ["no_seed", "lr_too_low", "adam_l2"]
