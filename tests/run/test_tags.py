import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.run.tags import SPLITS, Tag, direction_of, parse_tag
from reportgen.testing import HOSTILE


@pytest.mark.parametrize(
    ("tag", "split", "metric"),
    [
        ("train/loss", "train", "loss"),
        ("loss/train", "train", "loss"),
        ("train_loss", "train", "loss"),
        ("Loss", "", "Loss"),
        ("val_acc_top1", "val", "acc_top1"),
        ("valid/Loss", "val", "Loss"),
        ("validation/loss", "val", "loss"),
        ("dev-f1", "val", "f1"),
        ("eval_perplexity", "val", "perplexity"),
        ("Test/Accuracy", "test", "Accuracy"),
        ("heads/mask/loss/val", "val", "heads/mask/loss"),
        ("train", "", "train"),
        ("/train", "", "/train"),
        ("train/", "", "train/"),
        ("", "", ""),
        ("lr", "", "lr"),
        ("trainer_loss", "", "trainer_loss"),
        ("latest_loss", "", "latest_loss"),
        ("value", "", "value"),
        ("val/test_loss", "val", "test_loss"),
    ],
)
def test_a_tag_is_taken_apart(tag, split, metric):
    assert parse_tag(tag) == Tag(split, metric)


@given(st.text(st.characters(codec=None)) | st.sampled_from(HOSTILE))
def test_any_text_is_a_tag_and_nothing_of_it_is_lost(tag):
    found = parse_tag(tag)
    if found.split:
        word = tag.replace(found.metric, "", 1).strip("/_.- ").lower()
        assert SPLITS[word] == found.split
        assert len(found.metric) < len(tag)
    else:
        assert found.metric == tag


@given(st.text(st.characters(exclude_characters="/_.- "), min_size=1), st.sampled_from(sorted(SPLITS)))
def test_a_split_word_is_found_at_either_end(metric, word):
    if metric.lower() not in SPLITS:
        for tag in (f"{word}/{metric}", f"{metric}/{word}", f"{word}_{metric}", f"{word.upper()}/{metric}"):
            assert parse_tag(tag) == Tag(SPLITS[word], metric)


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        *((name, "lower") for name in ("loss", "error", "perplexity", "mae", "mse", "rmse", "fid", "wer")),
        *((name, "higher") for name in ("acc", "accuracy", "f1", "auc", "ap", "map", "iou", "dice", "r2", "psnr")),
        ("ssim", "higher"),
        ("bleu", "higher"),
        ("Loss", "lower"),
        ("mask_loss", "lower"),
        ("loss_ce", "lower"),
        ("acc_top1", "higher"),
        ("top1", "higher"),
        ("err_top1", "lower"),
        ("error/top5", "lower"),
        ("top5_error", "lower"),
        ("auc_loss", "lower"),
        ("lr", ""),
        ("glossary", ""),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_what_is_better_is_known_by_the_metrics_words(metric, direction):
    assert direction_of(metric) == direction


def test_the_user_knows_better():
    assert direction_of("loss", {"loss": "higher"}) == "higher"
    assert direction_of("train/score", {"score": "lower"}) == "lower"
    assert direction_of("train/score", {"train/score": "higher", "score": "lower"}) == "higher"
