import pytest

from reportgen.sections.overview.labels import LONGEST, labels, shortened


def test_titles_that_differ_are_the_names():
    assert labels(["sgd", "adam"], ["x/1", "x/2"]) == ["sgd", "adam"]


def test_runs_of_one_title_are_told_apart_by_their_places():
    places = ["exp/digits-cnn-20261123-150012", "exp/digits-cnn-20261124-090000"]
    assert labels(["digits"] * 2, places) == ["20261123-150012", "20261124-090000"]


def test_only_titles_that_are_not_unique_get_their_places():
    assert labels(["a", "b", "b"], ["1", "2", "3"]) == ["a", "b (2)", "b (3)"]


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["logs/a/x", "logs/a/y"], ["x", "y"]),
        (["version_0", "version_1"], ["version_0", "version_1"]),
        # Nothing is cut within a number, and nothing is cut away altogether.
        (["lr=1e-3", "lr=1e-4"], ["lr=1e-3", "lr=1e-4"]),
        (["a/b", "a/b/c"], ["b", "b/c"]),
        (["a", "a"], ["a", "a"]),
        (["resnet-imagenet-with-mixup-50", "resnet-imagenet-with-mixup-101"], ["50", "101"]),
        (["only/one"], ["only/one"]),
    ],
)
def test_what_all_names_begin_with_is_cut(names, short):
    assert shortened(names) == short


def test_names_are_unique_and_short_whatever_they_are():
    titles = ["x" * 500, "x" * 500 + "y", "", " ", "a\nb", "a b"]
    given = labels(titles, ["p", "p", "p", "p", "p", "p"])
    assert len(set(given)) == len(titles)
    assert all(name.strip() and "\n" not in name for name in given)
    assert max(map(len, given)) <= LONGEST + 5
