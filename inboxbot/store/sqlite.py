"""The one door to sqlite-utils.

On import sqlite-utils looks for numpy, only so that it may be given numpy's numbers as values.
Ours are never such, and numpy would cost each command a tenth of a second and the daemon 12 MB:
while sqlite-utils is imported here, numpy is not to be found.
"""

import sys

_numpy = sys.modules.get("numpy")
sys.modules["numpy"] = None  # type: ignore[assignment]
try:
    from sqlite_utils import Database, Migrations
finally:
    if _numpy is None:
        del sys.modules["numpy"]
    else:
        sys.modules["numpy"] = _numpy

__all__ = ["Database", "Migrations"]
