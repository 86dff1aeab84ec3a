"""Whatever a name or a message says, it is shown as text: nothing runs, nothing breaks, nothing is lost."""

from __future__ import annotations

import re
import time
import warnings
from pathlib import Path

import pytest

from reportgen.pipeline import build_html
from reportgen.readers.load import load
from reportgen.testing import HOSTILE, ReportDoc, fake_run

# Pieces of the hostile texts that a page must show as they stand, with white space as HTML shows it.
VISIBLE = (
    "</script><img src=x onerror=\"document.title='ran'\">",
    "<!--<script>alert(1)</script>-->",
    "{{ 7 * 7 }}{% raw %}",
    "\" onmouseover='alert(1)' x=\"",
    "right to left",
    "lone surrogates",
    "controls",
    "[a link](javascript:alert(1)) <b>bold</b> &amp; & ]]>",
    "$\\frac{a}$ _{x}^ $",
    "../../etc/passwd",
)
# What would be on the page had one of them been taken for markup.
TAKEN_FOR_MARKUP = (
    "document.querySelectorAll('img[src=x], [onerror], [onmouseover], a[href^=javascript]').length"
    " + [...document.querySelectorAll('b')].filter(item => item.textContent === 'bold').length"
)


def write(folder: Path, html: str) -> Path:
    path = folder / "report.html"
    path.write_bytes(html.encode("utf-8", "backslashreplace"))
    return path


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """The page of a made-up run whose every name is hostile, its exception's text too."""
    return write(tmp_path_factory.mktemp("hostile"), build_html(fake_run(hostile=True, failure=True))[0])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The page of a real training that was given hostile names everywhere, and ended with a hostile exception."""
    import torch
    from torch import nn

    import reportgen

    folder = tmp_path_factory.mktemp("recorded") / "run"
    layers = nn.Sequential()
    for text in HOSTILE:
        if text and "." not in text:
            layers.add_module(text, nn.Linear(4, 4))
    layers.add_module("head", nn.Linear(4, len(HOSTILE)))
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
    config = {text: text for text in HOSTILE} | {"nested": {text: [text] for text in HOSTILE}}

    def train():
        with reportgen.Report(HOSTILE[0], folder=folder, config=config) as report:
            report.watch(layers, optimizer=optimizer)
            for step in range(3):
                optimizer.zero_grad()
                logits = layers(torch.randn(30, 4))
                logits.sum().backward()
                optimizer.step()
                report.log(dict.fromkeys(HOSTILE, 1.0 / (step + 1)), step=step)
            report.predictions(list(HOSTILE) * 2, logits, torch.arange(30) % len(HOSTILE), classes=list(HOSTILE))
            for text in HOSTILE:
                report.text(text, text)
                report.images(text, torch.rand(1, 4, 4))
                report.histogram(text, torch.randn(10))
            report.table(HOSTILE[1], [dict.fromkeys(HOSTILE, text) for text in HOSTILE])
            raise RuntimeError("\n".join(HOSTILE))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", reportgen.ReportgenWarning)
        with pytest.raises(RuntimeError, match="onerror"):
            train()
    return folder / "report.html"


@pytest.fixture(params=["made_up", "recorded"])
def page(request):
    return request.getfixturevalue(request.param)


def test_the_page_keeps_its_promises_and_shows_every_text(page):
    doc = ReportDoc(page).check()  # reads it as UTF-8, strictly
    shown = " ".join(doc.text.split())
    assert [text for text in VISIBLE if " ".join(text.split()) not in shown] == []
    assert doc.title.startswith(HOSTILE[0][:20])
    assert "x" * 10_000 not in doc.sections["metrics"].all("h3")[0].text


def test_each_section_survives(page):
    doc = ReportDoc(page)
    assert set(doc.sections) >= {"verdict", "findings", "metrics", "layers", "predictions", "graph", "environment"}
    # The exception's text, whole: the lines of it stand in the verdict or its findings.
    told = doc.sections["verdict"].text + doc.sections["findings"].text
    assert VISIBLE[0] in told


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_runs_in_a_browser(browser, page, width, scheme):
    from tests.browser import looking

    with browser.tab(width, 844, mobile=width < 600, scheme=scheme) as tab:
        tab.open(page.as_uri())
        assert tab.messages == tab.dialogs == []
        assert tab.requests == [page.as_uri()]
        assert tab.evaluate("document.title") == " ".join(ReportDoc(page).title.split())
        assert tab.evaluate(TAKEN_FOR_MARKUP) == 0
        assert tab.evaluate("document.scripts.length") == 2
        looking.unfold(tab)
        # Each text of 10,000 letters wraps or is cut with its whole in reach; none pushes the page sideways.
        assert looking.overflow(tab) == []
        assert looking.chart_faults(tab) == []


# Text nodes with an override that nothing closes, in an element that holds more, or does not stand apart.
UNBALANCED = """(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const count = marks => [...node.data].filter(letter => marks.includes(letter)).length;
    if (count('\\u202a\\u202b\\u202d\\u202e') <= count('\\u202c')) continue;
    const style = getComputedStyle(node.parentElement);
    const apart = style.display !== 'inline' || style.unicodeBidi.includes('isolate');
    if (!apart || node.parentElement.childNodes.length > 1) found.push(node.parentElement.outerHTML.slice(0, 200));
  }
  return found;
})()"""


def test_no_text_turns_its_neighbours_around(browser, page):
    """A right-to-left override ends where the name that holds it does."""
    with browser.tab() as tab:
        tab.open(page.as_uri())
        assert tab.evaluate("document.body.textContent.includes('\\u202e')")
        assert tab.evaluate(UNBALANCED) == []


def test_a_name_that_turns_the_reading_direction_does_not_turn_our_words():
    """In a finding the override is shown as an escape, and elsewhere closed before the sentence goes on."""
    tag = "\u202eunclosed"
    html, diagnosis = build_html(fake_run(scalars={tag: [1.0, float("nan"), 2.0], "train/loss": [2.0, 1.0, 0.5]}))
    assert any(tag in finding.title for finding in diagnosis.findings)
    doc = ReportDoc(html).check()
    told = " ".join(article.text for article in doc.root.all("article"))
    assert re.search(r"\\u202eunclosed (is|in) ", told)
    assert "\u202e" not in told.replace(tag, "")  # alone in an element that isolates it
    assert not re.search("\u202eunclosed (is|in) ", doc.text)


def test_the_same_names_come_back_out_of_the_data():
    run = fake_run(hostile=True)
    from reportgen.run.page_data import decode, encode

    back = decode(encode(run), {})
    assert list(back.scalars) == list(run.scalars)
    assert back.predictions[-1].classes == run.predictions[-1].classes


def test_the_recorded_names_are_those_that_were_given(recorded):
    run = load(recorded.parent)
    assert set(run.scalars) >= {text for text in HOSTILE if text and text.isprintable()}
    assert "Case" in run.scalars
    assert "case" in run.scalars
    assert "" in run.scalars


def test_tags_that_differ_only_in_case_are_told_apart():
    html, _ = build_html(fake_run(scalars={"Loss": [2.0, 1.0], "loss": [4.0, 3.0], "": [5.0, 7.0]}))
    metrics = ReportDoc(html).check().sections["metrics"]
    numbers = {row[0]: row[1:3] for row in ReportDoc(html).tables("metrics")[-1]}
    assert numbers["Loss"] == ["2", "1"]
    assert numbers["loss"] == ["4", "3"]
    assert ["5", "7"] in numbers.values()
    labels = [text.text for text in metrics.all("text")]
    assert {"Loss", "loss"} <= set(labels)


def test_ten_thousand_tags_make_a_page_of_bounded_size():
    began = time.perf_counter()
    html, _ = build_html(fake_run(scalars={f"group{k % 7}/metric {k}": [1.0, 2.0, 1.5] for k in range(10_000)}))
    seconds = time.perf_counter() - began
    doc = ReportDoc(html).check()
    assert len(html) < 5_000_000, len(html)
    assert "10,000" in doc.sections["metrics"].text
    assert seconds < 60
