"""APScheduler, without what it loads only to offer it: the one place that imports it.

On import it looks for plugins in every installed package, three times, and takes a single function
from asyncio, which takes the network's libraries with it: together a tenth of the daemon's start.
No plugin has business here and no job is a coroutine. So while it is imported, there are no
plugins, and that function is found where Python 3.14 has it. Triggers are handed over as objects:
by their names, they would be plugins.
"""

import importlib.metadata
import inspect
import sys
from types import ModuleType

_entry_points = importlib.metadata.entry_points
_asyncio = sys.modules.get("asyncio")
_instead = ModuleType("asyncio")
vars(_instead)["iscoroutinefunction"] = inspect.iscoroutinefunction
importlib.metadata.entry_points = lambda **_: ()  # type: ignore[assignment]
sys.modules["asyncio"] = _instead
try:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.interval import IntervalTrigger
finally:
    importlib.metadata.entry_points = _entry_points
    if _asyncio is None:
        del sys.modules["asyncio"]
    else:
        sys.modules["asyncio"] = _asyncio

__all__ = ["BackgroundScheduler", "IntervalTrigger", "ThreadPoolExecutor"]
