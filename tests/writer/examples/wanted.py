"""Where our reports are meant to differ from those of torch's event files, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """A difference that is meant. pattern: a regular expression of the whole sentence."""

    pattern: str
    reason: str


SHARP = "figures are drawn with twice the pixels each way, to be sharp on screens of today; their size stays theirs"
TYPED = "torch writes every number and bool of add_hparams as a float; ours keep their types"
NO_FILM = "without moviepy torch keeps an empty value of a video; ours needs no moviepy"
SINGLY = "torch joins a batch to one picture; ours keeps and counts the images"

# Of the records that reportgen.load gives.
WANTED: dict[str, tuple[Wanted, ...]] = {
    "dcgan": (Wanted(r"videos \('samples over time', 32\): only in ours", NO_FILM),),
    "everything": (
        Wanted(r"images 'picture/boxes' at step 0: \d+ pixels differ.*", "torch burns boxes in; ours lays them over"),
        Wanted(r"images 'picture/figure' at step 0: twice as many pixels each way in ours, alike", SHARP),
        Wanted(r"videos \('film', 0\): only in ours", NO_FILM),
        Wanted(r"hyperparameters 'trial': params .*'nesterov': 1\.0.* in torch's, .*'nesterov': True.* in ours", TYPED),
    ),
    "mnist_cnn": (Wanted(r"hyperparameters 'hparams': params .*64\.0.* in torch's, .*64,.* in ours", TYPED),),
    "odd_arguments": (
        Wanted(r"histograms 'kinds/numpy' at step 1: zeros 0 in torch's, 1 in ours", "numpy's first bucket is wide"),
        Wanted(r"histograms 'kinds/numpy' at step 1: 1 values up to 0 in ours, fewer in .*", "the same bucket"),
        Wanted(r"images 'pictures/figures' at step 0: twice as many pixels each way in ours, alike", SHARP),
    ),
    "vae": (Wanted(r"images 'latent/space' at step \d: twice as many pixels each way in ours, alike", SHARP),),
}

# Of the blocks of the reports.
ON_PAGES: dict[str, tuple[Wanted, ...]] = {
    "dcgan": (Wanted(r"media: VideoView samples over time only in ours", NO_FILM),),
    "everything": (
        Wanted(r"hyperparameters\[Table\]\.rows\[(layers|nesterov)\]\[\d\]: .*", TYPED),
        Wanted(r"media: VideoView film only in ours", NO_FILM),
    ),
    "many_images": (
        Wanted(r"media\[Text\]\.text: '\d+ of 238 images are shown\.' in torch's, '\d+ of 490 .*", SINGLY),
    ),
    "mnist_cnn": (Wanted(r"hyperparameters\[Table\]\.rows\[(augment|batch_size)\]\[\d\]: .*", TYPED),),
    "odd_arguments": (
        Wanted(
            r"media\[Ridgelines kinds/numpy\]\.numbers\.rows\[0\]\[\d+\]: 0 in torch's, 1 in ours", "no zero is lost"
        ),
    ),
}


def unexplained(found: Sequence[str], wanted: Sequence[Wanted]) -> list[str]:
    """What nobody wants: differences without a reason, and reasons without a difference."""
    explained: set[str] = set()
    stale: list[str] = []
    for one in wanted:
        matching = {sentence for sentence in found if re.fullmatch(one.pattern, sentence, re.DOTALL)}
        explained |= matching
        if not matching:
            stale.append(f"no longer different: {one.pattern}")
    return [sentence for sentence in found if sentence not in explained] + stale
