import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from typing import get_args

import pytest

from reportgen.blocks import Code, Column, Finding, Fold, Line, LineChart, Link, Page, SectionView, Table, Text, Where
from reportgen.blocks.page import Block
from reportgen.blocks.slug import slug
from reportgen.errors import ReportgenError
from reportgen.render import locate, render_page
from reportgen.render.environment import environment
from reportgen.render.figures import MOST_CHARTS, MOST_MINOR
from reportgen.testing.doc import ReportDoc
from tests.render.sample import NASTY, header, hostile_page, loss_chart, sample_page


def page_of(*blocks):
    return Page(header(), (SectionView("metrics", "Metrics", "How.", blocks),), "{}")


@pytest.fixture(scope="module")
def sample():
    return render_page(sample_page())


@pytest.fixture(scope="module")
def hostile():
    return render_page(hostile_page())


def test_every_kind_of_block_keeps_the_promises_of_a_page(sample):
    doc = ReportDoc(sample).check()
    assert list(doc.sections) == ["verdict", *(section.id for section in sample_page().sections)]
    assert "2 of 8 trainable parameters" in doc.sections["findings"].text
    assert "8 is most often taken for 3." in doc.sections["predictions"].text
    assert len(sample.encode()) < 230_000


def test_hostile_texts_keep_the_promises_too(hostile):
    ReportDoc(hostile).check()
    hostile.encode("utf-8")
    assert "<script>alert" not in hostile
    assert "<img src=x" not in hostile
    assert "{{ 7*7 }}" in hostile


def test_the_policy_names_the_sheet_and_the_script_by_their_hashes(sample):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', sample)[1].replace("&#39;", "'")
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", sample, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'")


def test_the_same_page_gives_the_same_bytes_in_another_process(sample):
    program = (
        "import sys; from reportgen.render import render_page; from tests.render.sample import sample_page;"
        "sys.stdout.buffer.write(render_page(sample_page()).encode())"
    )
    environment_of = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PATH": "/usr/bin:/bin", "PYTHONPATH": "."}
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=environment_of).stdout
    assert out == sample.encode()


def test_the_data_block_comes_back_whole():
    text = json.dumps({"a": "</script><!--<script>", "b": "\u2028é"}, ensure_ascii=False)[:-1] + ', "c": "\ud800"}'
    html = render_page(replace(page_of(), data=text))
    html.encode("utf-8")
    assert json.loads(ReportDoc(html).data) == json.loads(text)


def test_there_is_a_partial_for_every_block_and_no_other():
    names = {re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in get_args(Block)}
    files = {path.stem for path in (locate.template_folder() / "blocks").glob("*.html")}
    assert files == names


def test_templates_never_mark_text_as_safe():
    for path in locate.template_folder().rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|style=|\son\w+=", text), path
        assert len(text.splitlines()) <= 120, path


def test_missing_templates_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(locate.reportgen, "__file__", str(tmp_path / "reportgen" / "__init__.py"))
    with pytest.raises(ReportgenError, match="no templates in"):
        locate.template_folder()


def test_templates_lie_beside_the_code_in_an_installed_package(monkeypatch, tmp_path):
    folder = tmp_path / "reportgen" / "templates"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("x")
    monkeypatch.setattr(locate.reportgen, "__file__", str(tmp_path / "reportgen" / "__init__.py"))
    assert locate.template_folder() == folder


def test_what_a_template_does_not_know_is_an_error():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()
    assert environment().from_string("{{ x }}").render(x="<\x00>") == "&lt;\u2400&gt;"


def test_a_link_is_a_link_only_where_it_leads_somewhere():
    cells = ((Link("there", "metric-loss"),), (Link("nowhere", "layer-x", code=True),))
    html = render_page(page_of(loss_chart(), Table((Column("name"),), cells)))
    assert '<a href="#metric-loss">there</a>' in html
    assert "<code>nowhere</code>" in html
    assert "layer-x" not in html


def test_ids_that_are_asked_for_twice_stay_unique():
    doc = ReportDoc(
        render_page(page_of(loss_chart(), loss_chart(), Fold("x", (loss_chart(),), anchor="metrics")))
    ).check()
    assert {"metric-loss", "metric-loss-2", "metric-loss-3", "metrics", "metrics-2"} <= set(doc.ids)


def test_a_finding_leads_to_its_place():
    finding = Finding("rule", "fact", "error", "Bad", "Why.", "Fix.", Where(parameter="net.fc2.weight", step=3))
    row = Table((Column("layer"),), (("net.fc2",),), anchors=(slug("layer", "net.fc2"),))
    html = render_page(page_of(finding, row))
    assert f'href="#{slug("layer", "net.fc2")}"' in html
    assert "since step 3" in html


def test_changed_lines_of_code_are_marked():
    finding = Finding("rule", "fact", "error", "Bad", "Why.", "Fix.", code="- a = <1>\n+ a = 2\n  b")
    html = render_page(page_of(finding))
    assert "<del>- a = &lt;1&gt;</del>\n<ins>+ a = 2</ins>\n  b" in html


def test_of_an_exception_the_line_to_change_stands_before_its_message():
    code = Finding("rule", "fact", "error", "Bad", "Why.", "Fix.", code="- a = 1\n+ a = 2")

    def order(evidence):
        html = render_page(page_of(replace(code, evidence=evidence)))
        return html.count("<ins>"), html.index("<ins>") < html.index("Why.")

    assert order(Code("Traceback")) == (1, True)
    assert order(Fold("Where it was raised", (Code("Traceback"),), open=True)) == (1, True)
    assert order(None) == (1, False)
    assert order(Table((Column("t"),), (("a",),))) == (1, False)


def test_what_a_fold_is_about_is_set_apart_from_its_title():
    html = render_page(page_of(Fold("1 remark", (Text("x"),), detail="3 of 64 input features")))
    assert '1 remark <span class="muted">· 3 of 64 input features</span>' in html


def test_the_words_of_a_table_stand_outside_of_the_box_that_scrolls():
    tables = [Table((Column("t"),), ((name,),), caption=f"About {name}.") for name in ("a", "b")]
    html = render_page(page_of(*tables, Table((Column("t"),), (("c",),))))
    doc = ReportDoc(html)
    doc.check()
    for name, anchor in (("a", "caption"), ("b", "caption-2")):
        assert f'aria-describedby="{anchor}"' in html
        assert f'</table>\n</div>\n<p class="caption" id="{anchor}" dir="auto">About {name}.</p>' in html
    assert html.count("aria-describedby") == 2


def test_rows_left_out_are_counted_and_cells_marked():
    table = Table((Column("n", "count"), Column("t")), ((1, "a"), (2, "b")), total=1234, marks=((1, 0),))
    html = render_page(page_of(table))
    assert "2 of 1,234 rows are shown." in html
    assert '<td class="n mark"><strong>2</strong></td>' in html


def test_long_texts_in_cells_unfold():
    html = render_page(page_of(Table((Column("name", "code"),), (("x" * 10_000,),))))
    assert f"{'x' * 10_000}</code></details>" in html
    ReportDoc(html).check()


def test_a_page_with_very_many_charts_is_quick_and_complete():
    amount = MOST_CHARTS + MOST_MINOR + 20
    line = Line("a", tuple(map(float, range(20))), tuple(map(float, range(20))))
    charts = tuple(LineChart(f"chart {at}", (line,), "Rises.", anchor=f"metric-{at}") for at in range(amount))
    doc = ReportDoc(render_page(page_of(*charts))).check()
    assert len(doc.sections["metrics"].all("figure")) == amount
    assert len(doc.sections["metrics"].all("svg")) == amount


def test_an_empty_page_is_a_page():
    from reportgen.blocks import Header, Stats

    ReportDoc(render_page(Page(Header("", "", "ok", (), (), Stats(())), (), ""))).check()


@pytest.mark.parametrize("name", [name for name in NASTY if name.strip()])
def test_each_nasty_name_is_kept_as_text(name):
    html = render_page(page_of(Text(name), Table((Column("name"),), ((name,),))))
    shown = ReportDoc(html).check().sections["metrics"].text
    from reportgen.figures.text import one_line

    assert one_line(name) in shown
