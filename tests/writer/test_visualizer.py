from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from reportgen import InvalidArgumentError, OutputError, Visualizer, load
from reportgen.errors import ReportgenWarning


def made(folder: Path, inputs: object = None, **options: object) -> Visualizer:
    return Visualizer(inputs, folder=folder / "run", **{"strict": True, **options})


def grid(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def test_a_grid_holds_the_images_row_by_row(tmp_path):
    inputs = torch.rand(5, 3, 6, 8)
    seen = made(tmp_path, inputs)
    (path,) = seen.write_images(tmp_path / "out", nrow=3)
    assert path == tmp_path / "out" / "inputs.png"
    picture = grid(path)
    assert picture.shape == (2 * 8 + 2, 3 * 10 + 2, 3)
    fourth = (inputs[3].permute(1, 2, 0) * 255 + 0.5).to(torch.uint8).numpy()
    assert (picture[10:16, 2:10] == fourth).all()
    seen.close()


@pytest.mark.parametrize(
    ("inputs", "least", "most"),
    [
        (torch.tensor([[[[-1.0, 1.0], [0.0, 0.0]]]]), 0, 255),
        (torch.tensor([[[[0, 255], [0, 0]]]], dtype=torch.uint8), 0, 255),
        (torch.tensor([[[[0.25, 0.5], [0.5, 0.5]]]]), 64, 128),
        (torch.tensor([[[[0, 1000], [0, 0]]]]), 0, 255),
    ],
)
def test_values_outside_0_to_1_are_spread_over_the_greys_there_are(tmp_path, inputs, least, most):
    seen = made(tmp_path, inputs)
    picture = grid(seen.write_images(tmp_path / "a.png")[0])
    assert (picture.min(), picture.max()) == (least, most)
    seen.close()


def test_each_tag_is_a_file_with_a_legal_name_of_its_own(tmp_path):
    seen = made(tmp_path, torch.rand(2, 1, 4, 4))
    for tag in ("a/b", "a:b", "A-B", "../up", "标签"):
        seen.add_images(tag, torch.rand(1, 3, 4, 4))
    paths = seen.write_images(tmp_path / "out")
    assert [path.name for path in paths] == [
        "inputs.png", "a-b.png", "a-b-2.png", "A-B-3.png", "up.png", "images.png",
    ]  # fmt: skip
    assert {path.parent for path in paths} == {tmp_path / "out"}
    assert all(path.exists() for path in paths)
    seen.close()


def test_the_last_images_of_a_tag_are_written_and_all_are_in_the_report(tmp_path):
    seen = made(tmp_path)
    for step in range(3):
        seen.add_images("o", torch.full((1, 1, 4, 4), step / 2), step)
    assert grid(seen.write_images(tmp_path / "last.png")[0])[3, 3, 0] == 255
    seen.close()
    assert [one.stamp.step for one in load(tmp_path / "run").images] == [0, 1, 2]


def test_inputs_that_are_no_images_are_shown_by_their_distribution(tmp_path):
    seen = made(tmp_path, torch.randn(8, 5))
    with pytest.raises(InvalidArgumentError, match="accepted: images"):
        seen.write_images(tmp_path / "out")
    seen.close()
    assert list(load(tmp_path / "run").distributions["histogram"]) == ["inputs"]


def test_the_graph_is_that_of_the_inputs_unless_others_are_given(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    seen = made(tmp_path, torch.rand(2, 1, 4, 4))
    seen.add_graph(model)
    seen.add_graph(nn.Bilinear(2, 3, 1), (torch.rand(5, 2), torch.rand(5, 3)))
    seen.close()
    first, second = load(tmp_path / "run").graphs
    assert [node.outputs[0].shape for node in first.nodes if node.path == "1"] == [(2, 3)]
    assert second.model == "Bilinear"


def test_texts_are_markdown_and_other_objects_their_repr(tmp_path):
    seen = made(tmp_path)
    seen.add_text("t", "*a*", 1)
    seen.add_text("model", nn.Linear(2, 3))
    seen.close()
    text, model = load(tmp_path / "run").texts
    assert (text.text, text.markdown, text.stamp.step) == ("*a*", True, 1)
    assert (model.text, model.markdown) == (repr(nn.Linear(2, 3)), False)


def test_wrong_arguments_of_write_images_raise_and_of_the_rest_are_warnings(tmp_path):
    seen = made(tmp_path, torch.rand(1, 1, 4, 4), strict=False)
    for nrow in (0, -1, "x", 1.5, True):
        with pytest.raises(InvalidArgumentError, match="nrow"):
            seen.write_images(tmp_path / "out", nrow=nrow)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        seen.write_images(tmp_path / "file" / "out")
    with pytest.warns(ReportgenWarning, match="accepted: images"):
        seen.add_images("x", torch.rand(3, 7, 4, 4))
    seen.close()


def test_the_block_builds_the_report(tmp_path):
    inputs = torch.rand(3, 3, 8, 8)
    with Visualizer(inputs, folder=tmp_path / "run") as seen:
        inputs.zero_()
        assert grid(seen.write_images(tmp_path / "a.png")[0]).max() > 128  # a copy was kept
    assert (tmp_path / "run" / "report.html").exists()
    assert load(tmp_path / "run").meta.status == "finished"
