"""How many sounds, videos, curves, embeddings, meshes and tensors a page keeps."""

import dataclasses
from array import array

from reportgen.run.logged import Audio, HParams, Mesh, PRCurve, TagGroup, TensorRecord
from reportgen.run.records import Images
from reportgen.run.series import Stamp
from reportgen.run.thin import thin
from reportgen.testing import fake_run


def thinned(**fields):
    run = thin(fake_run(layers=1, steps=3, snapshots=1, predictions=(), graphs=(), media={}, **fields))
    assert thin(run) is run
    return run


def test_four_moments_of_a_tag_are_kept_the_first_and_the_last_among_them():
    run = thinned(audio=tuple(Audio(tag, Stamp(step), "", 8000) for step in range(30) for tag in ("a", "b")))

    assert [(one.tag, one.stamp.step) for one in run.audio] == [(tag, step) for step in (0, 9, 19, 29) for tag in "ab"]
    assert run.moments == {"audio": {"a": 30, "b": 30}}
    assert "8 of 60 sounds are kept." in run.thinned


def test_tags_are_bounded():
    run = thinned(tensors=tuple(TensorRecord(f"t{k}", Stamp(0), "", (1,), "float32") for k in range(80)))

    assert len(run.tensors) == 50
    assert run.moments == {}
    assert "50 of 80 tensors are kept." in run.thinned


def test_those_of_a_batch_are_kept_together():
    meshes = tuple(Mesh("m", Stamp(step), "", 1, index=index, of=6) for step in range(10) for index in range(6))
    run = thinned(meshes=meshes)

    assert [(one.stamp.step, one.index) for one in run.meshes] == [(s, i) for s in (0, 3, 6, 9) for i in range(4)]
    assert run.moments == {"meshes": {"m": 10}}


def test_very_many_thresholds_are_thinned_with_all_columns():
    column = array("d", [float(k) for k in range(5000)])
    curve = PRCurve("c", Stamp(0), column, column, column, column, column, column, column)
    kept, bare = thinned(pr_curves=(curve, dataclasses.replace(curve, tag="d", recall=array("d")))).pr_curves

    assert len(kept.thresholds) == 201
    assert kept.recall == kept.thresholds
    assert (len(bare.thresholds), len(bare.recall)) == (201, 0)
    assert (kept.thresholds[0], kept.thresholds[-1]) == (0.0, 4999.0)


def test_hyperparameters_and_groups_are_bounded():
    run = thinned(
        hparams=tuple(HParams(Stamp(k)) for k in range(600)),
        groups=tuple(TagGroup(f"g{k}", (f"g{k}/a",)) for k in range(1200)),
    )

    assert (len(run.hparams), len(run.groups)) == (500, 1000)


def test_of_images_up_to_twelve_moments_are_kept_with_sizes_and_boxes():
    images = tuple(
        Images("x", Stamp(step), tuple(f"{step}-{k}.png" for k in range(3)), sizes=((9, 9),) * 3, boxes=((),) * 3)
        for step in range(400)
    )
    run = thinned(images=images)

    assert len(run.images) == 12
    assert (run.images[0].stamp.step, run.images[-1].stamp.step) == (0, 399)
    assert run.moments == {"images": {"x": 400}, "pictures": {"x": 1200}}


def test_the_first_and_last_step_of_many_tags_stay_before_pictures_of_one_step():
    images = tuple(
        Images(f"t{tag}", Stamp(step), tuple(f"{tag}-{step}-{k}.png" for k in range(20)), sizes=((99, 99),) * 20)
        for step in range(5)
        for tag in range(10)
    )
    run = thinned(images=images)

    assert {record.stamp.step for record in run.images} == {0, 4}
    assert sum(len(record.media) for record in run.images) == 100
    assert all(len(record.sizes) == len(record.media) == 5 for record in run.images)
    assert all(record.total == 20 for record in run.images)


def batch(tag: str, step: int, amount: int, side: int) -> Images:
    return Images(
        tag, Stamp(step), tuple(f"{tag}-{step}-{k}.png" for k in range(amount)), sizes=((side, side),) * amount
    )


def test_batches_that_become_sheets_keep_all_that_a_sheet_shows():
    run = thinned(images=tuple(batch("x", step, amount, 28) for step, amount in enumerate((64, 13, 200))))

    assert [len(record.media) for record in run.images] == [64, 13, 144]
    assert run.images[-1].total == 200
    assert thin(run) is run


def test_tags_of_one_picture_leave_their_room_to_others():
    single = tuple(batch(f"s{k}", 0, 1, 99) for k in range(40))
    run = thinned(images=(*single, batch("many", 0, 20, 99)))

    assert len(run.images[-1].media) == 20
