from __future__ import annotations

import math
import random
import threading
import weakref

import numpy as np
import pytest
import torch

from reportgen.collect.predictions import Predictions, open_set
from reportgen.errors import InvalidArgumentError
from reportgen.run.predictions import PredictionSet
from tests.collect.fake_recorder import FakeRecorder
from tests.collect.predictions.given import logits_and_labels, recorded

IMAGES = torch.rand(32, 1, 28, 28, generator=torch.Generator().manual_seed(0))
LOGITS, LABELS = logits_and_labels(32, 10)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def started() -> tuple[FakeRecorder, Predictions, Clock]:
    recorder, clock = FakeRecorder(), Clock()
    return recorder, Predictions(recorder, clock), clock


def last_of_each(recorder: FakeRecorder) -> dict[tuple[str, int], PredictionSet]:
    """As a reader sees it: the last record of each split and step."""
    return {(one.split, one.stamp.step): one for kind, one in recorder.records if kind == "predictions"}


def test_one_split_and_step_adds_up_and_a_new_step_starts_a_new_set():
    recorder, predictions, _ = started()
    for step, split in ((0, "val"), (0, "validation"), (0, "test"), (1, "val")):
        predictions.add(IMAGES, LOGITS, LABELS, split=split, step=step)
    predictions.flush()
    found = last_of_each(recorder)
    assert {key: one.samples for key, one in found.items()} == {("val", 0): 64, ("test", 0): 32, ("val", 1): 32}
    assert found["val", 0].metrics == pytest.approx(found["val", 1].metrics)


def test_without_a_step_the_optimizer_step_separates_sets():
    recorder, predictions, _ = started()
    predictions.add(None, LOGITS, LABELS)
    recorder.optimizer_step = 7
    predictions.add(None, LOGITS, LABELS)
    predictions.add(None, LOGITS, LABELS)
    predictions.flush()
    assert {key: one.samples for key, one in last_of_each(recorder).items()} == {("val", 0): 32, ("val", 7): 64}


def test_examples_have_their_image_stored_before_the_record():
    recorder, predictions, _ = started()
    predictions.add(IMAGES, LOGITS, LABELS, step=0)
    predictions.flush()
    (record,) = last_of_each(recorder).values()
    assert len(record.examples) == 32
    assert all(example.image in recorder.media for example in record.examples)
    assert [example.kept for example in record.examples][:16] == ["worst"] * 16
    losses = [example.loss for example in record.examples[:16]]
    assert losses == sorted(losses, reverse=True)


def test_inputs_that_are_no_images_are_shown_as_text():
    ids = {"input_ids": torch.arange(64).reshape(32, 2), "names": ["n"] * 32}
    found = recorded((ids, LOGITS, LABELS))
    example = min(found.examples, key=lambda example: example.index)
    assert (example.image, example.text) == (None, "input_ids: 0, 1; names: n")


def test_what_changed_is_written_at_most_every_two_seconds():
    recorder, predictions, clock = started()
    (pending,) = recorder.before_flush
    predictions.add(IMAGES, LOGITS, LABELS, step=0)
    pending()
    assert [(one.samples, len(one.examples)) for _, one in recorder.records] == [(32, 0), (32, 32)]
    pending()
    predictions.add(IMAGES, LOGITS, LABELS, step=0)
    pending()
    assert len(recorder.records) == 2
    clock.now += 2.0
    pending()
    clock.now += 2.0
    pending()
    assert [one.samples for _, one in recorder.records] == [32, 32, 64]
    predictions.flush()
    assert len(recorder.records) == 3


def test_a_long_run_keeps_examples_of_the_first_the_best_and_the_newest_set():
    recorder, predictions, clock = started()
    losses = {}
    for epoch in range(40):
        skill = 1.0 + 4.0 * (epoch == 12) + epoch / 100
        logits, labels = logits_and_labels(32, 10, seed=epoch, skill=skill)
        predictions.add(torch.rand(32, 1, 28, 28), logits, labels, step=epoch)
        clock.now += 60.0
        recorder.before_flush[0]()
    predictions.flush()
    found = last_of_each(recorder)
    losses = {step: one.metrics["loss"] for (_, step), one in found.items()}
    assert min(losses, key=losses.__getitem__) == 12
    assert sorted(step for (_, step), one in found.items() if one.examples) == [0, 12, 39]
    assert all(one.confusion and one.scores for one in found.values())


def test_500_epochs_of_new_images_write_a_bounded_number_of_them():
    recorder, predictions, clock = started()
    generator = torch.Generator().manual_seed(0)
    for epoch in range(500):
        predictions.add(torch.rand(20, 6, 6, generator=generator), *logits_and_labels(20, 3, seed=epoch), step=epoch)
        clock.now += 60.0
        recorder.before_flush[0]()
    predictions.flush()
    found = last_of_each(recorder)
    assert len(found) == 500
    assert len(recorder.media) < 130 * 20
    assert len(found["val", 499].examples) == 20
    # Late in the run the newest set's metrics are on disk at once, its examples within a sixteenth of the run.
    assert recorder.records[-2][1].stamp.step >= 498


def test_an_unshuffled_loader_stores_its_random_examples_once():
    recorder, predictions, clock = started()
    for epoch in range(5):
        predictions.add(IMAGES, *logits_and_labels(32, 10, seed=epoch), step=epoch)
        clock.now += 60.0
        recorder.before_flush[0]()
    assert len(recorder.media) == 32


def test_a_set_for_every_batch_is_thinned_and_says_so():
    recorder, predictions, _ = started()
    for step in range(1600):
        predictions.add(None, [[0.0, 1.0]], [1], step=step)
    predictions.flush()
    found = last_of_each(recorder)
    assert 1000 < len(found) < 1100
    assert max(found)[1] == 1599
    assert any("only some are recorded" in note for note in found["val", 1599].notes)


def test_what_there_is_to_say_keeps_its_order_however_late_samples_are_made():
    recorder, predictions, _ = started()
    for step in range(520):
        predictions.add(torch.full((1, 4, 4), 2.0), [[0.0, 1.0]], [1], step=step)
    recorder.before_flush[0]()
    predictions.flush()
    *_, drawn, sets = recorder.records[-1][1].notes
    assert (drawn[:14], sets[:14]) == ("1 shown images", "Of more than 5")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "clasification"}, "task is 'clasification'; accepted: auto, classification, binary, multilabel"),
        ({"task": ["auto"]}, "task is"),
        ({"outputs_are": "odds"}, "outputs_are is 'odds'; accepted: logits, probabilities"),
        ({"split": ""}, "split is ''"),
        ({"targets": LABELS[:31]}, "targets is '31 samples for 32 outputs'"),
        ({"inputs": IMAGES[:30]}, "inputs is '30 samples for 32 outputs'"),
        ({"classes": "cat"}, "classes is 'cat'"),
        ({"classes": {"a": "b"}}, "classes is"),
        ({"outputs": None}, "outputs is a NoneType"),
        ({"task": "regression", "outputs_are": "logits"}, "outputs_are is 'logits'; accepted: values"),
        ({"task": "binary"}, r"outputs is \(32, 10\)"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_counted(arguments, message):
    recorder, predictions, _ = started()
    with pytest.raises(InvalidArgumentError, match=message):
        predictions.add(**{"inputs": IMAGES, "outputs": LOGITS, "targets": LABELS, "step": 0, **arguments})
    predictions.flush()
    assert recorder.records == []


def test_a_bad_batch_in_the_middle_leaves_the_others():
    recorder, predictions, _ = started()
    predictions.add(IMAGES, LOGITS, LABELS, step=0)
    for outputs, targets, options in (
        (LOGITS[:, :9], LABELS % 9, {}),
        (LOGITS, LABELS + 5, {}),
        (LOGITS, LABELS, {"task": "regression"}),
        (LOGITS, LABELS, {"outputs_are": "probabilities"}),
    ):
        with pytest.raises(InvalidArgumentError):
            predictions.add(IMAGES, outputs, targets, step=0, **options)
    predictions.add(IMAGES, LOGITS, LABELS, step=0)
    predictions.flush()
    (record,) = last_of_each(recorder).values()
    assert (record.samples, sum(map(sum, record.confusion))) == (64, 64)


def test_an_empty_batch_is_skipped_with_a_note():
    recorder, predictions, _ = started()
    predictions.add(IMAGES[:0], LOGITS[:0], LABELS[:0], step=0)
    predictions.add([], [], [], step=0)
    predictions.flush()
    assert recorder.records == []
    assert set(recorder.notes) == {("omission", "predictions", "A batch of 0 samples was skipped.")}


@pytest.mark.parametrize(
    ("classes", "names", "note"),
    [
        (None, ("0", "1", "2"), ""),
        (["a", "b"], ("a", "b", "2"), "classes names 2 classes but the outputs have 3"),
        (["a", "b", "c", "d"], ("a", "b", "c"), "classes names 4 classes but the outputs have 3"),
        ({0: "a", 2: "c"}, ("a", "1", "c"), ""),
        (np.array(["a", "b", "c"]), ("a", "b", "c"), ""),
        ((1.5, None, "x" * 10_000), ("1.5", "None", "x" * 99 + "…"), ""),
        (["\ud800", "</script>", "\u202e\x00"], ("\ud800", "</script>", "\u202e\x00"), ""),
    ],
)
def test_class_names(classes, names, note):
    found = recorded((None, np.eye(3) * 3 - 1, [0, 1, 2]), classes=classes)
    assert found.classes == names
    assert any(note in one for one in found.notes) if note else found.notes == ()


def test_no_tensor_is_kept_and_nothing_given_is_changed():
    _, predictions, _ = started()
    inputs, outputs = torch.rand(8, 3, 40, 40), torch.randn(8, 4, requires_grad=True)
    targets = torch.arange(8) % 4
    before = [value.detach().clone() for value in (inputs, outputs, targets)]
    state, numpy_state, torch_state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    predictions.add(inputs, outputs, targets, step=0)
    assert all(torch.equal(now, then) for now, then in zip((inputs, outputs, targets), before, strict=True))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == (state, numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert outputs.grad_fn is None
    alive = weakref.ref(inputs.untyped_storage()), weakref.ref(outputs)
    kept = [kept.picture for _, kept in predictions._open["val"].reservoir.kept()]
    assert not any(np.shares_memory(picture, inputs.numpy()) for picture in kept)
    del inputs, outputs
    assert [reference() for reference in alive] == [None, None]


@pytest.mark.parametrize("kind", ["tensor", "array", "mapping", "list"])
def test_samples_are_those_of_the_moment_they_were_given(kind):
    recorder, predictions, _ = started()
    given = {
        "tensor": (IMAGES.clone(), torch.tensor(LOGITS), torch.tensor(LABELS)),
        "array": (IMAGES.numpy().copy(), LOGITS.copy(), LABELS.copy()),
        "mapping": ({"ids": torch.arange(64.0).reshape(32, 2)}, LOGITS.copy(), LABELS.copy()),
        "list": ([image.numpy().copy() for image in IMAGES], LOGITS.copy(), LABELS.copy()),
    }[kind]
    now = recorded(given)
    predictions.add(*given, step=0)
    inputs = given[0].values() if isinstance(given[0], dict) else given[0]
    for value in (*inputs, *given[1:]):  # a loop that fills the same buffers again
        value[...] = 0
    predictions.flush()
    assert recorder.records[-1][1].examples == now.examples


def test_samples_of_sets_that_are_not_drawn_are_never_made(monkeypatch):
    made = []
    picture_of = open_set.picture_of
    monkeypatch.setattr(open_set, "picture_of", lambda *given: made.append(1) or picture_of(*given))
    recorder, predictions, _ = started()
    for step in range(20):
        predictions.add(IMAGES, LOGITS, LABELS, step=step)
    predictions.flush()
    found = last_of_each(recorder)
    assert len(found) == 20
    assert len(made) == 32 * sum(bool(one.examples) for one in found.values()) == 64


def test_samples_too_large_to_wait_are_made_at_once(monkeypatch):
    monkeypatch.setattr(open_set, "HELD", IMAGES.nbytes - 1)
    made = []
    picture_of = open_set.picture_of
    monkeypatch.setattr(open_set, "picture_of", lambda *given: made.append(1) or picture_of(*given))
    _, predictions, _ = started()
    predictions.add(IMAGES, LOGITS, LABELS, step=0)
    assert len(made) == 32


def test_inputs_that_cannot_be_shown_do_not_lose_the_batch():
    found = recorded((torch.zeros(32, 3, 8, 8, dtype=torch.complex64), LOGITS, LABELS))
    assert found.samples == 32
    assert any("cannot be shown" in note for note in found.notes)


def test_a_forked_child_does_nothing():
    recorder, predictions, _ = started()
    recorder.owner = False
    predictions.add(None, LOGITS, LABELS, step=1)
    recorder.before_flush[0]()
    predictions.flush()
    assert recorder.records == []


def test_flushes_from_another_thread_lose_nothing():
    recorder = FakeRecorder()
    ticks = iter(range(10_000_000))
    predictions = Predictions(recorder, lambda: 10.0 * next(ticks))
    stop = threading.Event()
    failures: list[BaseException] = []

    def flush_often() -> None:
        try:
            while not stop.is_set():
                recorder.before_flush[0]()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=flush_often)
    thread.start()
    for step in range(15):
        for _ in range(4):
            predictions.add(IMAGES, LOGITS, LABELS, step=step)
    stop.set()
    thread.join()
    predictions.flush()
    assert failures == []
    assert {one.samples for one in last_of_each(recorder).values()} == {128}
    assert len(last_of_each(recorder)) == 15


def test_metrics_do_not_depend_on_how_batches_are_cut():
    logits, labels = logits_and_labels(200, 5)
    whole = recorded((None, logits, labels))
    cut = recorded(*[(None, logits[at : at + 9], labels[at : at + 9]) for at in range(0, 200, 9)])
    assert cut.metrics == pytest.approx(whole.metrics)
    assert (cut.confusion, cut.scores) == (whole.confusion, whole.scores)
    assert [example.index for example in cut.examples] == [example.index for example in whole.examples]


def test_a_set_of_one_class_only_has_no_area_for_it():
    found = recorded((None, np.eye(3)[[0, 0]] * 5 - 1, [0, 0]))
    assert (found.scores[0].roc_auc, found.scores[0].average_precision, found.scores[1].recall) == (None, 1.0, None)
    assert not math.isnan(found.metrics["loss"])
