"""APScheduler, without what it loads only to offer it: the one place that imports it.

On import it looks for plugins in every installed package, three times, takes a single function
from asyncio, which takes the network's libraries with it, and a single error from the pools of
processes: together a seventh of the daemon's start. No plugin has business here, no job is a
coroutine, and all jobs are threads. So while it is imported, there are no plugins, and stand-ins
hold what it takes. Triggers are handed over as objects: by their names, they would be plugins.
"""

import importlib.metadata
import inspect
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from types import ModuleType

_STAND_INS: dict[str, dict[str, object]] = {
    "asyncio": {"iscoroutinefunction": inspect.iscoroutinefunction},  # As Python 3.14 has it.
    "multiprocessing": {},
    "concurrent.futures.process": {"BrokenProcessPool": BrokenExecutor},
}


@contextmanager
def _alone() -> Iterator[None]:
    """Let there be no plugins and no large libraries while the block imports."""
    entry_points = importlib.metadata.entry_points
    loaded = {name: sys.modules.get(name) for name in _STAND_INS}
    importlib.metadata.entry_points = lambda **_: ()  # type: ignore[assignment]
    for name, holds in _STAND_INS.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(holds)
    try:
        yield
    finally:
        importlib.metadata.entry_points = entry_points
        for name, module in loaded.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


with _alone():
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.interval import IntervalTrigger

__all__ = ["BackgroundScheduler", "IntervalTrigger", "ThreadPoolExecutor"]
