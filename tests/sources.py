"""The sources of the program as trees: several tests look through all of them."""

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    """Return the tree of a source, which is parsed once."""
    return ast.parse(path.read_text("utf-8"))
