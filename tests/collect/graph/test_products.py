from __future__ import annotations

import torch

from reportgen.collect.graph.products import Products


def test_a_tensor_is_known_by_itself_and_not_by_the_id_that_another_left():
    products = Products()
    first = torch.zeros(3)
    products.made(first, "made")
    first.add_(1)
    products.made(first, "written")
    assert products.of(first) == [("written", ())]
    left = id(first)
    del first
    kept = []
    for _ in range(10_000):  # until one takes the place of the first
        second = torch.zeros(3)
        if id(second) == left:
            break
        kept.append(second)
    assert id(second) == left
    assert products.of(second) == []
    products.made(second, "other")
    second.add_(1)  # which nobody saw
    assert products.of(second) == [("other", ())]


def test_what_is_written_into_a_view_is_written_into_what_it_is_a_view_of():
    products = Products()
    whole = torch.zeros(4, 4)
    products.made(whole, "zeros")
    row = whole[0]
    products.made(row, "getitem")
    row.fill_(1)
    products.made(row, "fill_")
    assert products.of(whole) == [("fill_", ())]
    assert products.of(whole[1]) == [("fill_", ())]
