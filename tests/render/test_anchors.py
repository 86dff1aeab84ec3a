import re
from dataclasses import replace

from reportgen.blocks import Finding, LineChart, Link, Page, SectionView, Table, Where
from reportgen.blocks.table import Column
from reportgen.render import render_page
from reportgen.render.anchors import Anchors
from reportgen.testing.graphs import resnet
from tests.figures.graphs.drawn import block
from tests.render.sample import header, sample_page


def page(*blocks):
    return Page(header(), (SectionView("graph", "Graph", "", tuple(blocks)),), "")


def test_a_reserved_id_is_given_once_and_can_be_led_to():
    anchors = Anchors(sample_page())
    assert anchors.reserve("inside-a") == "inside-a"
    assert anchors.leads("inside-a")
    assert anchors.reserve("inside-a") not in ("inside-a", anchors.claim("inside-a"))
    # The id of a block that is still to be written stays that block's.
    assert anchors.reserve("graph-net") != "graph-net"
    assert anchors.claim("graph-net") == "graph-net"


def test_what_leads_to_a_stood_for_id_leads_to_its_place():
    anchors = Anchors(sample_page())
    anchors.stand_for("box-h-47", anchors.reserve("box-h-0"))
    assert anchors.place("box-h-47") == "box-h-0"
    assert anchors.leads("box-h-47")
    assert not anchors.leads("box-other")
    anchors.stand_for("graph-net", "box-h-0")
    assert anchors.place("graph-net") == "graph-net"


def test_a_row_leads_to_the_box_that_stands_for_its_layer():
    names = ("conv1", "layer1.1.conv2", "layer9")
    rows = tuple((Link(name, f"box-{name}"),) for name in names)
    html = render_page(page(Table((Column("kind"),), rows), block(resnet())))
    led = re.findall(r'<td><a href="#([^"]*)">', html)
    assert led == ["box-conv1", "box-layer1.0.conv2"]
    assert all(f'id="{name}"' in html for name in led)


def test_two_graphs_of_the_same_names_have_ids_of_their_own():
    html = render_page(page(block(resnet()), replace(block(resnet()), anchor="graph-other")))
    ids = re.findall(r' id="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', html)) <= set(ids)


def test_a_finding_about_a_tag_of_a_group_leads_to_the_chart_of_the_group():
    anchors = Anchors(page(LineChart("run", (), "", anchor="metric-run")))
    finding = Finding("x", "fact", "error", "title", "why", "fix", where=Where(tag="run/sin"))

    assert anchors.places_of(finding) == [("metric-run", "run/sin in metrics")]
