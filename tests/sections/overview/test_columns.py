import pytest

from reportgen.blocks.table import Column, Link
from reportgen.sections.overview import runs
from reportgen.sections.overview.columns import WIDTH, Candidate, fitting
from tests.sections.overview.several import compared, small_run


def test_what_is_the_same_in_all_runs_is_said_and_what_may_not_be_left_out_stays():
    same = Candidate(Column("status"), ("finished", "finished"), same="status")
    other = Candidate(Column("findings"), ("1 error", "1 error"))
    assert fitting([same, other]) == ([other], ["status finished"])
    assert fitting([Candidate(Column("status"), ("finished",), same="status")])[1] == []  # a single run


def test_where_room_is_short_the_last_ranks_go_and_the_order_stays():
    wide = [Candidate(Column("w" * 40), ("1", "2"), rank) for rank in (3, 0, 1, 2)]
    assert [one.rank for one in fitting(wide)[0]] == [0, 1, 2]
    narrow = Candidate(Column("n"), ("1", "2"), 9)
    assert [one.rank for one in fitting([*wide, narrow])[0]] == [0, 1, 2, 9]


def test_a_heading_and_words_take_their_longest_word_and_numbers_all_of_themselves():
    assert Candidate(Column("highest val/acc", "number"), ("1",)).width == Candidate(Column("val/acc"), ("1",)).width
    assert (
        Candidate(Column("a"), ("cosine schedule",)).width
        < Candidate(Column("a", "number"), ("123456 12345678",)).width
    )
    assert (
        Candidate(Column("run"), (Link("a run", "x"),)).width
        < Candidate(Column("run"), (Link("another run", "x"),)).width
    )


@pytest.mark.parametrize("settings", [1, 12, 30])
def test_the_table_of_three_runs_fits_a_usual_window_and_names_the_settings_it_leaves_out(settings):
    given = [
        small_run(
            f"digits CNN {at}",
            {tag: [2.0, 1.0 / (at + 1)] for tag in ("val/loss", "train/loss", "val/perplexity", "train/perplexity")},
            {f"some_setting_{number}": at * number for number in range(1, settings + 1)},
        )
        for at in range(3)
    ]
    (table,) = runs.build(compared(*given)).blocks
    cells = zip(*table.rows, strict=True)
    widths = [Candidate(column, of).width for column, of in zip(table.columns, cells, strict=True)]
    assert sum(widths) <= WIDTH
    assert "some_setting_1" in [column.name for column in table.columns]
    assert ("They also differ in" in table.caption) == (settings > 5)
