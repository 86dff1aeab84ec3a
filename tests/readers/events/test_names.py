import pytest
from torch.utils.tensorboard import SummaryWriter

from reportgen import load_all
from reportgen.pipeline import build_html
from reportgen.readers.events.names import host_in, shown_file
from tests.readers.events.writing import scalar, version, write

HOST = "gpu7.example.org"


@pytest.mark.parametrize(
    ("name", "host", "shown"),
    [
        (f"events.out.tfevents.1700000000.{HOST}.4711.0", HOST, "events.out.tfevents.1700000000.….4711.0"),
        (f"events.out.tfevents.1700000000.{HOST}.4711.0.v2", HOST, "events.out.tfevents.1700000000.….4711.0.v2"),
        (f"events.out.tfevents.1700000000.{HOST}", HOST, "events.out.tfevents.1700000000.…"),
        ("events.out.tfevents.1700000000", "", "events.out.tfevents.1700000000"),
        ("tfevents.log", "", "tfevents.log"),
    ],
)
def test_the_host_in_the_name_of_a_file_is_left_out(name, host, shown):
    assert host_in(name) == host
    assert shown_file(name) == shown


def test_no_page_names_the_host(tmp_path):
    name = f"events.out.tfevents.1700000000.{HOST}.1.0"
    default = f"Nov26_01-24-39_{HOST}"
    for folder in (default, f"{default}LR_0.1", f"my-{HOST}"):
        write(tmp_path / folder, version(), scalar("loss", 1, 1), name=name, tail=b"torn")
    runs = load_all(tmp_path)
    assert [run.meta.title for run in runs] == ["Nov26_01-24-39", "Nov26_01-24-39_LR_0.1", f"my-{HOST}"]
    for run in runs[:2]:
        assert run.damage.losses == 1
        html, _ = build_html(run)
        assert HOST not in html


def test_a_default_folder_of_torch_is_named_without_the_host(tmp_path, monkeypatch):
    import socket

    monkeypatch.chdir(tmp_path)
    with SummaryWriter() as writer:
        writer.add_scalar("loss", 1.0, 1)
    (run,) = load_all(tmp_path / "runs")
    assert socket.gethostname() not in run.meta.title
