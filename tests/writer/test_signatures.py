"""The interface is torch's: the same names, parameters, defaults and order; what is added is by keyword only."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from torch.utils.tensorboard import SummaryWriter as Peer

from reportgen import SummaryWriter

METHODS = sorted(
    name for name, value in vars(Peer).items() if callable(value) and (not name.startswith("_") or name == "__init__")
)
# Methods of tensorboardX's writer that torch's lacks.
FURTHER = {"export_scalars_to_json", "add_openvino_graph", "use_metadata"}
# Names by which tensorboardX calls things that torch calls otherwise, or lacks.
KEYWORDS = {
    "__init__": {"logdir", "write_to_disk", "strict"},
    "add_scalar": {"display_name", "summary_description"},
    "add_hparams": {"name"},
    "add_video": {"dataformats"},
    "add_image_with_boxes": {"scores"},
}


def parameters(method: object) -> list[tuple[str, object, object]]:
    return [(one.name, one.default, one.kind) for one in inspect.signature(method).parameters.values()]  # type: ignore[arg-type]


def test_torch_has_the_methods_that_this_list_means():
    assert len(METHODS) > 20
    assert {"add_scalar", "add_graph", "add_mesh", "close", "flush", "get_logdir", "__init__"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_each_method_takes_what_torchs_takes(name):
    ours, theirs = parameters(getattr(SummaryWriter, name)), parameters(getattr(Peer, name))
    assert ours[: len(theirs)] == theirs
    further = ours[len(theirs) :]
    assert {one[0] for one in further} == KEYWORDS.get(name, set())
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for _, _, kind in further)


def test_tensorboardx_extras_are_there():
    assert all(callable(getattr(SummaryWriter, name)) for name in FURTHER)


def test_the_default_bins_are_torchs(tmp_path):
    with Peer(tmp_path) as peer:
        assert SummaryWriter(write_to_disk=False).default_bins == peer.default_bins


def test_it_needs_no_tensorboard():
    program = (
        "import sys; sys.modules['tensorboard'] = None; sys.modules['google.protobuf'] = None\n"
        "from reportgen import SummaryWriter\n"
        "writer = SummaryWriter('unused', write_to_disk=False); writer.add_scalar('a', 1.0, 0); writer.close()\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torchvision' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
