"""A run says which class recorded it, so that its page speaks of that class."""

from reportgen import SummaryWriter, Visualizer, load


def test_a_run_says_that_a_writer_recorded_it_also_when_read_back_from_its_page(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("loss", 1.0, 0)

    assert load(tmp_path / "run").meta.recorder == "SummaryWriter"
    assert load(tmp_path / "run" / "report.html").meta.recorder == "SummaryWriter"


def test_a_run_says_that_a_visualizer_recorded_it(tmp_path):
    with Visualizer(folder=tmp_path / "run") as visualizer:
        visualizer.add_text("about", "text")

    assert load(tmp_path / "run").meta.recorder == "Visualizer"
