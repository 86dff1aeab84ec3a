"""The code of the documentation runs as it stands."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"(<!-- not run -->\n)?```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", ["own-rules.md"])
def test_the_code_of_a_document_runs_from_its_first_to_its_last_block(name):
    blocks = [code for skipped, code in BLOCK.findall((DOCS / name).read_text(encoding="utf-8")) if not skipped]
    assert len(blocks) > 1
    exec(compile("\n".join(blocks), name, "exec"), {"__name__": name})
