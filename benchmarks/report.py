"""What the measurements found, said as they go and gathered for the table of goals."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import ROOT, calm

OUTPUT = ROOT / "build" / "bench"


@dataclass
class Report:
    """The figures by name; `say` prints a line at once."""

    figures: dict[str, float] = field(default_factory=dict)

    def say(self, text: str = "") -> None:
        print(text, flush=True)

    def begin(self, title: str, how: str) -> None:
        """Say what is measured next, and how; wait until the machine has little else to do."""
        self.say(f"\n== {title} ({calm()})\n   {how}")

    def put(self, name: str, value: float, line: str) -> None:
        """Keep a figure and say it."""
        self.figures[name] = value
        self.say(f"   {line}")

    def save(self) -> Path:
        """Write the figures for whoever compares two runs."""
        OUTPUT.mkdir(parents=True, exist_ok=True)
        path = OUTPUT / "figures.json"
        path.write_text(json.dumps(self.figures, indent=1, sort_keys=True) + "\n")
        return path


@dataclass(frozen=True, slots=True)
class Goal:
    """A line of the table: what is wanted, what would be better still, and how it is judged."""

    what: str
    goal: float
    stretch: float
    unit: str
    ours: Callable[[dict[str, float]], float | None]
    at_least: bool = False

    def line(self, figures: dict[str, float]) -> str:
        """Return it with our figure beside the goal."""
        try:
            found = self.ours(figures)
        except (KeyError, ZeroDivisionError):
            found = None
        sign = "≥" if self.at_least else "≤"
        row = f"{self.what:<58} {sign} {self.goal:>6g} {self.stretch:>8g} {self.unit:<12}"
        if found is None:
            return f"{row} {'not measured':>12}"
        met = [
            found >= wanted if self.at_least else found <= wanted
            for wanted in (self.goal, self.stretch)
        ]
        return f"{row} {found:>12.3g}  {'stretch' if met[1] else 'met' if met[0] else 'NOT MET'}"


def _ratio(above: str, below: str) -> Callable[[dict[str, float]], float]:
    return lambda f: f[above] / f[below]


def _plain(name: str) -> Callable[[dict[str, float]], float]:
    return lambda f: f[name]


GOALS = (
    Goal("CPU a letter, light, as part of django-helpdesk's", 1 / 6, 1 / 12, "",
         _ratio("light.cpu_ms", "helpdesk.cpu_ms")),
    Goal("CPU a letter, light, as part of django-mailbox's", 1 / 2, 1 / 4, "",
         _ratio("light.cpu_ms", "django_mailbox.cpu_ms")),
    Goal("CPU a letter, encoder, as part of django-helpdesk's", 2 / 3, 1 / 3, "",
         _ratio("encoder.cpu_ms", "helpdesk.cpu_ms")),
    Goal("letters a second, light, as part of the yardstick", 0.2, 0.4, "",
         _ratio("light.rate", "yardstick.rate"), at_least=True),
    Goal("letters a second, light, as times of django-helpdesk", 10, 20, "",
         _ratio("light.rate", "helpdesk.rate"), at_least=True),
    Goal("memory of the daemon and its worker, light", 120, 80, "MB", _plain("light.peak_mb")),
    Goal("memory of the daemon and its worker, encoder", 300, 220, "MB",
         _plain("encoder.peak_mb")),
    Goal("growth of memory over ten times the letters, light", 4, 4, "MB",
         _plain("light.growth_mb")),
    Goal("idle poll, round trips", 1, 0, "", _plain("idle.round_trips")),
    Goal("the same a minute with IDLE (the default)", 1, 0.1, "",
         _plain("idle.push_round_trips")),
    Goal("idle poll, bytes down", 100, 0, "bytes", _plain("idle.down")),
    Goal("idle poll, CPU", 1, 0.1, "ms", _plain("idle.cpu_ms")),
    Goal("idle poll, many old letters, bytes down", 100, 0, "bytes", _plain("idle.many_down")),
    Goal("idle poll, many old letters, CPU", 1, 0.1, "ms", _plain("idle.many_cpu_ms")),
    Goal("SMTP round trips a letter", 2, 1.1, "", _plain("smtp.round_trips")),
    Goal("first page of the queue, p99", 25, 10, "ms", _plain("pages.queue_p99")),
    Goal("word search, newest 50, p99", 50, 20, "ms", _plain("pages.search_p99")),
    Goal("daemon, start to first poll", 0.6, 0.3, "s CPU", _plain("start.daemon_s")),
    Goal("inboxbot --help", 0.15, 0.1, "s CPU", _plain("start.help_s")),
    Goal("database growth a letter beyond its compressed bytes", 6, 4, "KB",
         _plain("light.growth_kb")),
)  # fmt: skip


_SIZES = (
    ("light.letters", "Letters on their way", 10_000),
    ("idle.many_letters", "Old letters in the mailbox", 100_000),
    ("pages.letters", "Letters in the store behind the pages", 1_000_000),
)


def table(report: Report) -> None:
    """Say all goals with our figures."""
    report.say("\n== The goals")
    report.say(f"{'':<58} {'goal':>8} {'stretch':>8} {'':<12} {'ours':>12}")
    for goal in GOALS:
        report.say(goal.line(report.figures))
    for name, text, wanted in _SIZES:
        if name in report.figures:
            report.say(f"{text}: {report.figures[name]:,.0f}; the goals speak of {wanted:,}.")
