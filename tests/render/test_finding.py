"""A finding on the page: what is open, what is folded, and where its place leads."""

from dataclasses import replace

from reportgen.blocks import Finding, Fold, GraphDrawing, LineChart, Page, SectionView, Table, Where
from reportgen.blocks.slug import slug
from reportgen.blocks.table import Column
from reportgen.render import render_page
from reportgen.testing import HOSTILE, ReportDoc
from reportgen.testing.graphs import resnet
from tests.figures.graphs.drawn import block as drawing
from tests.render.sample import header

FINDING = Finding("nan_weight", "fact", "error", "A title", "Why so", "Change it", Where("net", "conv1", step=1200))


def doc(finding, *blocks):
    sections = (SectionView("findings", "Findings", "", (finding,)), SectionView("rest", "Rest", "", tuple(blocks)))
    return ReportDoc(render_page(Page(header(), sections, ""))).check()


def article(page):
    return next(iter(page.root.all("article")))


def layers(*names):
    return Table((Column("layer"),), tuple((name,) for name in names), anchors=tuple(slug("layer", n) for n in names))


def test_place_and_step_lead_and_what_is_about_the_check_is_folded():
    shown = article(doc(replace(FINDING, value="3", limit="0", source="A book", silence='Report(..., silence=["x"])')))
    folds = [each.text for each in shown.all("details")]

    assert shown.text.startswith("error · conv1 · since step 1,200 A title Why so To do: Change it 3 (limit: 0).")
    assert folds == [
        "About this check A fact, by the rule nan_weight . Source: A book. To hear no more of it: "
        'Report(..., silence=["x"])'
    ]


def test_symptoms_are_folded_under_their_cause():
    shown = article(doc(replace(FINDING, also=("one", "two"))))
    first = shown.all("details")[0]
    assert first.text == "2 more findings come of it one two"
    assert "open" not in first.attributes


def test_the_place_leads_to_the_row_the_box_and_the_chart():
    chart = LineChart("loss", (), "", anchor=slug("metric", "loss"))
    graph = drawing(resnet())
    assert isinstance(graph, GraphDrawing)
    where = Where("net", "conv1", "conv1.weight", "train/loss")
    shown = article(doc(replace(FINDING, where=where), layers("conv1"), graph, chart))

    assert [(link.get("href"), link.text) for link in shown.all("a")] == [
        ("#layer-conv1", "conv1 in layers"),
        ("#box-conv1", "conv1 in the graph"),
        ("#metric-loss", "train/loss in metrics"),
    ]


def test_of_several_models_the_place_leads_to_that_of_its_own():
    shown = article(doc(FINDING, layers("net/conv1", "other/conv1")))
    assert [link.get("href") for link in shown.all("a")] == [f"#{slug('layer', 'net/conv1')}"]


def test_a_place_that_the_page_does_not_show_is_no_link():
    assert article(doc(FINDING)).all("a") == []


def test_hostile_texts_stay_text():
    for text in HOSTILE:
        fields = dict.fromkeys(("title", "why", "fix", "code", "value", "limit", "source", "silence"), text)
        where = Where(text, text, text, text, 1)
        shown = article(doc(replace(FINDING, **fields, where=where, also=(text,)), layers(text)))
        assert not [*shown.all("script"), *shown.all("img")]


def test_titles_in_a_fold_and_in_a_table_are_not_turned_either():
    title = "fc\u202e1 is NaN"
    table = Table((Column("id", "code"), Column("what was found")), (("nan_weight", title),))
    folded = Fold("1 remark", (FINDING, table), detail=title)
    page = doc(FINDING, folded, Fold(title, (table,))).root

    said = [*(each.text for each in page.all("summary")), *(each.text for each in page.all("td"))]
    assert sum("fc\\u202e1 is NaN" in text for text in said) == 4
    assert not any("\u202e" in text for text in said)


def test_a_name_that_turns_the_reading_direction_does_not_turn_the_rest_of_a_sentence():
    name = "fc\u202e1\u2067"
    texts = dict.fromkeys(("title", "why", "fix", "value", "limit", "source"), f"The weights of {name} are NaN\u202c")
    shown = article(doc(replace(FINDING, **texts, also=(f"{name} is dead",)))).text

    assert shown.count("The weights of fc\\u202e1\\u2067 are NaN") == len(texts)
    assert "fc\\u202e1\\u2067 is dead" in shown
    assert not set(shown) & set("\u202e\u2067\u202c\u2069")


def test_lines_to_put_in_are_marked_also_where_none_is_taken_out():
    only = article(doc(replace(FINDING, code="optimizer.step()\n+ optimizer.zero_grad()")))
    assert [each.text for each in only.all("ins")] == ["+ optimizer.zero_grad()"]
    both = article(doc(replace(FINDING, code="- a\n+ b")))
    assert [each.text for each in both.all("del")] == ["- a"]
    assert article(doc(replace(FINDING, code="- a"))).all("del") == []
