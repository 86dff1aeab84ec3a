"""What a page carries of large media."""

import dataclasses
import importlib.machinery
import io
import math
import sys
import types
from array import array

import numpy as np
import pytest
from PIL import Image

from reportgen.pipeline import build_html
from reportgen.readers import prepare_embeddings, projections
from reportgen.readers.page import read_page
from reportgen.readers.prepare import ROOM, prepared, rooms
from reportgen.run.logged import Embedding, Mesh, TensorRecord
from reportgen.run.records import Run
from reportgen.run.series import Stamp
from reportgen.run.thin import thin
from reportgen.testing import fake_run
from reportgen.testing.logged import npy, png, with_logged
from tests.run.test_page_data import assert_same


def bare(**fields) -> Run:
    return fake_run(layers=1, steps=3, snapshots=1, predictions=(), graphs=(), **fields)


@pytest.fixture(scope="module")
def logged() -> Run:
    return thin(with_logged(bare(media={})))


@pytest.fixture(scope="module")
def page_run(logged) -> Run:
    return prepared(logged)


def test_a_run_without_media_is_returned_as_it_is():
    run = fake_run()
    assert prepared(run) is run


def test_preparing_again_gives_the_same_object_and_so_does_thinning(page_run):
    assert prepared(page_run) is page_run
    assert thin(page_run) is page_run


def test_preparing_twice_gives_the_same_run(logged, page_run):
    assert_same(prepared(logged), page_run)


def test_all_that_is_named_is_there_and_no_array(page_run):
    from reportgen.run.media_names import named_media

    assert set(page_run.media) == set(named_media(page_run))
    assert not [name for name in page_run.media if name.endswith(".npy")]
    assert sum(map(len, page_run.media.values())) < ROOM + 50_000


def test_a_page_gives_its_prepared_run_and_itself_again(tmp_path, logged, page_run):
    html, _ = build_html(logged)
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    again = read_page(tmp_path / "report.html")

    for field in dataclasses.fields(Run):
        if field.name not in ("media", "tensors"):  # a NaN among the first values becomes a word
            assert getattr(again, field.name) == getattr(page_run, field.name), field.name
    assert dict(again.media) == dict(page_run.media)
    assert prepared(thin(again)) is again
    assert build_html(again)[0] == html


def test_a_full_page_carries_the_files_as_they_were(tmp_path, logged):
    html, _ = build_html(logged, embed="full")
    (tmp_path / "report.html").write_text(html, encoding="utf-8")

    assert dict(read_page(tmp_path / "report.html").media) == dict(logged.media)


def test_rooms_follow_from_the_kinds_there_are(logged):
    assert rooms(bare()) == {"images": 0, "audio": 0, "videos": 0}
    assert rooms(dataclasses.replace(bare(), images=logged.images))["images"] == 160_000
    assert sum(rooms(logged).values()) <= ROOM


def test_of_a_large_model_media_get_less_room(logged):
    many = fake_run(layers=300, steps=3, snapshots=1, predictions=(), graphs=(), images=logged.images)

    assert rooms(many)["images"] == 160_000 // 2


def test_records_whose_files_are_missing_are_no_error(logged):
    lost = prepared(dataclasses.replace(logged, media={}))

    assert [record.points for record in lost.meshes] == [array("f")] * len(lost.meshes)
    assert "missing or cannot be read" in lost.meshes[0].notes[-1]
    assert "missing or cannot be read" in lost.embeddings[0].notes[-1]
    assert prepared(lost) is lost
    build_html(lost)


@pytest.mark.parametrize(
    "rubbish", [b"", b"rubbish" * 3000, b"\x89PNG\r\n\x1a\n" + b"x" * 9000, b"RIFF" + b"\x00" * 9000]
)
def test_damaged_files_are_no_error(logged, rubbish):
    damaged = prepared(dataclasses.replace(logged, media=dict.fromkeys(logged.media, rubbish)))

    assert prepared(damaged) is damaged
    build_html(damaged)


# -- embeddings, meshes, tensors


def embedded(matrix, **fields) -> Embedding:
    run = bare(
        embeddings=(Embedding("e", Stamp(1), "m.npy", len(matrix), matrix.shape[1], **fields),),
        media={"m.npy": npy(matrix)},
    )
    (record,) = prepared(run).embeddings
    return record


def test_pca_finds_the_direction_of_the_largest_variance_with_a_fixed_sign():
    along = np.linspace(-1, 1, 50)
    matrix = np.outer(along, [3.0, 4.0, 0.0]) + np.outer(along**2, [0.0, 0.0, 0.5])
    projection = embedded(matrix).projections[0]
    x, y = np.array(projection.x), np.array(projection.y)

    assert projection.method == "PCA"
    assert np.abs(x) == pytest.approx(5 * np.abs(along), abs=0.01)
    assert np.ptp(y) == pytest.approx(0.5, abs=0.01)
    assert x[0] == pytest.approx(5, abs=0.01)
    assert "99" in projection.detail


def test_long_vectors_give_the_same_projection_as_their_products():
    rng = np.random.default_rng(0)
    short = rng.normal(size=(9, 4)) * [5, 3, 1, 0.1]
    long = np.concatenate([short, np.zeros((9, 60))], axis=1)  # more numbers than rows
    one, other = embedded(short).projections[0], embedded(long).projections[0]

    assert np.array(one.x) == pytest.approx(np.array(other.x), abs=0.01)
    assert np.array(one.y) == pytest.approx(np.array(other.y), abs=0.01)


def test_tsne_keeps_groups_apart_where_scikit_learn_is_installed():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(60, 8)) + 20 * (np.arange(60) % 2)[:, None]
    _, projection = embedded(matrix).projections
    x = np.array(projection.x) + 1j * np.array(projection.y)

    assert projection.method == "t-SNE"
    centres = x[::2].mean(), x[1::2].mean()
    assert abs(centres[0] - centres[1]) > 2 * max(abs(x[::2] - centres[0]).mean(), abs(x[1::2] - centres[1]).mean())


def test_of_very_many_rows_a_thousand_are_kept_with_what_is_known_of_them(monkeypatch):
    monkeypatch.setattr(prepare_embeddings, "LEARNED_TAGS", 0)
    matrix = np.random.default_rng(0).normal(size=(12_000, 3)).astype(np.float32)
    record = embedded(matrix, metadata=tuple((f"row {k}", "x" * 500) for k in range(12_000)), header=("a", "b"))

    assert len(record.projections[0].rows) == 1000
    assert (record.kept[0], record.kept[-1], record.rows) == (0, 11_999, 12_000)
    assert record.metadata[-1][0] == "row 11999"
    assert len(record.metadata[-1][1]) == 120
    assert record.matrix == ""


def test_umap_is_asked_for_at_most_500_rows_where_it_is_installed(monkeypatch):
    asked = {}

    class Umap:
        def __init__(self, **settings):
            asked.update(settings)

        def fit_transform(self, matrix):
            asked["shape"] = matrix.shape
            return matrix[:, :2]

    module = types.ModuleType("umap")
    module.UMAP, module.__spec__ = Umap, importlib.machinery.ModuleSpec("umap", None)
    monkeypatch.setitem(sys.modules, "umap", module)
    projection = projections.umap(np.random.default_rng(0).normal(size=(700, 4)), list(range(700)))

    assert asked == {"n_neighbors": 15, "random_state": 0, "n_jobs": 1, "shape": (500, 4)}
    assert projection.method == "UMAP"
    assert (projection.rows[0], projection.rows[-1], len(projection.x)) == (0, 699, 500)


def test_a_method_that_fails_or_is_not_installed_leaves_pca_alone(monkeypatch):
    module = types.ModuleType("umap")
    module.__spec__ = importlib.machinery.ModuleSpec("umap", None)
    monkeypatch.setitem(sys.modules, "umap", module)  # without what it should have
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    record = embedded(np.random.default_rng(0).normal(size=(40, 4)))

    assert [projection.method for projection in record.projections] == ["PCA"]


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((0, 4)),
        np.zeros((3, 0)),
        np.ones((1, 3)),
        np.ones((5, 1)),
        np.full((4, 2), np.nan),
        np.full((4, 2), 1e308),
        np.array([[1e308, -1e308], [-1e308, 1e308], [0.0, 0.0]]),
        np.full((3, 3), 5e-324),
        np.arange(12).reshape(4, 3) > 5,
        # Rows that are all the same end t-SNE's compiled code, and the process with it.
        np.ones((20, 4)),
        1.0 + np.repeat(np.arange(20.0), 4).reshape(20, 4) * 1e-15,
        np.repeat(np.eye(4), 5, axis=0),
    ],
)
def test_odd_matrices_are_no_error(matrix):
    record = embedded(matrix)

    for projection in record.projections:
        assert np.isfinite(projection.x).all()
        assert np.isfinite(projection.y).all()
    build_html(bare(embeddings=(record,)))


def test_rows_that_are_not_finite_are_told():
    matrix = np.random.default_rng(0).normal(size=(6, 3))
    matrix[2, 1], matrix[4, 0] = math.nan, math.inf
    record = embedded(matrix)

    assert list(record.kept) == [0, 1, 3, 5]
    assert record.notes == ("2 rows with NaN or infinite numbers cannot be drawn.",)


def test_thumbnails_are_cut_from_the_sprite():
    tiles = np.zeros((2 * 8, 3 * 8, 3), np.uint8)
    tiles[8:, 8:16] = (200, 30, 40)  # row 4
    run = bare(
        embeddings=(
            Embedding("e", Stamp(1), "m.npy", 5, 2, sprite="s.png", sprite_columns=3, sprite_width=8, sprite_height=8),
        ),
        media={"m.npy": npy(np.arange(10.0).reshape(5, 2)), "s.png": png(tiles)},
    )
    run = prepared(run)
    (record,) = run.embeddings

    assert list(record.thumb_rows) == [0, 1, 2, 3, 4]
    assert record.sprite == ""
    picture = Image.open(io.BytesIO(run.media[record.thumbs[4]])).convert("RGB")
    assert picture.size == (8, 8)
    assert picture.getpixel((3, 3)) == (200, 30, 40)


def meshed(vertices, colors=None, faces=None) -> Mesh:
    media = {"v.npy": npy(vertices)}
    names = ["", ""]
    for at, (name, values) in enumerate((("c.npy", colors), ("f.npy", faces))):
        if values is not None:
            media[name], names[at] = npy(values), name
    count = 0 if faces is None else len(faces)
    (record,) = prepared(bare(meshes=(Mesh("m", Stamp(1), "v.npy", len(vertices), count, *names),), media=media)).meshes
    return record


def test_a_small_mesh_is_kept_whole():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0]], np.float32)
    record = meshed(vertices, np.array([[255, 0, 3]] * 3, np.uint8), np.array([[0, 1, 2]]))

    assert np.array(record.points).reshape(-1, 3) == pytest.approx(vertices, abs=0.01)
    assert list(record.shades) == [255, 0, 0] * 3
    assert list(record.triangles) == [0, 1, 2]
    assert (record.vertices, record.colors, record.faces) == ("", "", "")


def test_of_a_large_cloud_a_sample_is_kept():
    record = meshed(np.random.default_rng(0).normal(size=(5000, 3)), np.zeros((5000, 3), np.uint8))

    assert len(record.points) == 3 * 660
    assert len(record.shades) == 3 * 660


def test_what_of_a_mesh_cannot_be_drawn_is_told():
    vertices = np.array([[0, 0, 0], [1, math.nan, 0], [0, 2, 0], [1, 1, 1]])
    record = meshed(vertices, faces=np.array([[0, 2, 3], [0, 1, 2], [0, 2, 9], [-1, 0, 2]]))

    assert list(record.triangles) == [0, 2, 3]
    assert record.notes == (
        "1 vertex with NaN or infinite places cannot be drawn.",
        "3 triangles without three known vertices cannot be drawn.",
    )


def test_a_tensor_keeps_its_numbers_and_not_its_file():
    run = prepared(bare(tensors=(TensorRecord("t", Stamp(1), "t.npy", (2,), "float32"),), media={"t.npy": b"x"}))

    assert run.tensors[0].media == ""
    assert run.media == {}
