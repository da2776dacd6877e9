"""What came in, how it was sorted and how long people waited: the figures of the reports.

Everything but `report` is a pure function of counts. No figure says anything of one letter;
days, weeks and hours are those of the organisation's time zone.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from inboxbot.classify.category import Category
from inboxbot.frozen import dataclass
from inboxbot.store import reports as stored
from inboxbot.store.reports import Arrived, Piece, Waited
from inboxbot.store.sqlite import Database

LONGEST = timedelta(days=3 * 366)
DAYS_BY_DAY = 62
# Fewer letters than this on one side, and a difference says nothing.
ENOUGH = 30
# A change of this size is worth a look: in mean confidence, and in the share of the categories.
LESS_SURE, OTHER_MIX = 0.05, 0.15


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both included, in a time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """Return its first moment."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def until(self) -> datetime:
        """Return the first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """Return the period of the same length that ends where this one begins."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(1), self.zone)

    @property
    def by_week(self) -> bool:
        """Say whether it is so long that weeks are counted and not days."""
        return self.days > DAYS_BY_DAY

    def pieces(self) -> Iterator[Piece]:
        """Yield the parts of the period between which its clocks are changed, with their offset."""
        since, until = self.since.astimezone(UTC), self.until.astimezone(UTC)
        while since < until:
            end = _until_changed(since, until, self.zone)
            yield Piece(since, end, since.astimezone(self.zone).utcoffset() or timedelta())
            since = end

    def step_of(self, day: date) -> date:
        """Return the day, or the Monday of the week, that a day is counted under."""
        return day - timedelta(days=day.weekday()) if self.by_week else day

    def steps(self) -> Iterator[date]:
        """Yield every day, or the Monday of every week, of the period."""
        step, width = self.step_of(self.first), timedelta(days=7 if self.by_week else 1)
        while step <= self.last:
            yield step
            step += width


def _until_changed(since: datetime, until: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment, at most `until`, whose offset is not that of `since`."""

    def is_as_before(moment: datetime) -> bool:
        return moment.astimezone(zone).utcoffset() == since.astimezone(zone).utcoffset()

    early = late = since
    while late < until and is_as_before(late):
        early, late = late, min(late + timedelta(days=1), until)
    if is_as_before(late):
        return late
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if is_as_before(middle):
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Step:
    """The letters of one day or week: how many of each category."""

    day: date
    letters: dict[Category, int]

    @property
    def total(self) -> int:
        """Return how many letters came in all."""
        return sum(self.letters.values())


@dataclass(frozen=True, slots=True)
class Wait:
    """How long people waited: half of them less than `median`, nine of ten less than `p90`."""

    letters: int
    median: int
    p90: int


@dataclass(frozen=True, slots=True)
class Waits:
    """The waiting times of a category; None in `category` stands for all letters."""

    category: Category | None
    acknowledged: Wait | None
    answered: Wait | None


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure the classifier was of the letters of one day or week, and how right.

    Shares run from 0 to 1; `corrected` is the share of those that a person looked at.
    """

    day: date
    letters: int
    confidence: float | None
    unsure: float | None
    looked_at: int
    corrected: float | None


@dataclass(frozen=True, slots=True)
class Corrections:
    """How often staff changed a category: `moves` by what it was and what it is."""

    looked_at: int
    corrected: int
    moves: dict[tuple[Category, Category], int]

    def of(self, category: Category) -> tuple[int, int]:
        """Return how many letters sorted so were looked at, and how many of them changed."""
        seen = {now: count for (was, now), count in self.moves.items() if was is category}
        return sum(seen.values()), sum(seen.values()) - seen.get(category, 0)


@dataclass(frozen=True, slots=True)
class Drift:
    """How this period differs from the one before; None where one has too few letters.

    `confidence` is the change of the mean; `mix` the share of letters that would have to be of
    another category to make the two alike (the total variation distance).
    """

    confidence: float | None
    mix: float | None

    @property
    def wants_a_look(self) -> bool:
        """Say whether the letters, or the classifier, seem to have changed."""
        less_sure = self.confidence is not None and self.confidence <= -LESS_SURE
        return less_sure or (self.mix is not None and self.mix >= OTHER_MIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that the page of reports shows of a period."""

    period: Period
    steps: tuple[Step, ...]
    categories: dict[Category, int]
    categories_before: dict[Category, int]
    waits: tuple[Waits, ...]
    corrections: Corrections
    sureness: tuple[Sureness, ...]
    drift: Drift
    models: tuple[str, ...]
    languages: tuple[tuple[str | None, int], ...]
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    oldest_open: datetime | None

    @property
    def letters(self) -> int:
        """Return how many letters came in the period."""
        return sum(self.categories.values())

    @property
    def letters_before(self) -> int:
        """Return how many letters came in the period before."""
        return sum(self.categories_before.values())


def report(db: Database, period: Period) -> Report:
    """Return the report of a period, read in one transaction so that its figures agree."""
    db.execute("BEGIN")
    try:
        span = (period.since, period.until)
        before = _arrived(db, period.before)
        arrived = _arrived(db, period)
        return Report(
            period=period,
            steps=steps(arrived, period),
            categories=categories(arrived),
            categories_before=categories(before),
            waits=waits(stored.until_acknowledged(db, *span), stored.until_answered(db, *span)),
            corrections=corrections(arrived),
            sureness=sureness(arrived, period),
            drift=drift(before, arrived),
            models=tuple(sorted({each.model for each in arrived})),
            languages=languages(arrived),
            hours=hours(stored.by_hour(db, piece) for piece in period.pieces()),
            weekdays=weekdays(arrived),
            oldest_open=stored.oldest_open(db),
        )
    finally:
        db.execute("COMMIT")


def _arrived(db: Database, period: Period) -> list[Arrived]:
    return [each for piece in period.pieces() for each in stored.arrived(db, piece)]


def steps(arrived: Iterable[Arrived], period: Period) -> tuple[Step, ...]:
    """Return the letters of each day or week, also of those on which none came."""
    counts = {step: dict.fromkeys(Category, 0) for step in period.steps()}
    for each in arrived:
        counts[period.step_of(each.day)][each.category] += each.letters
    return tuple(Step(day, letters) for day, letters in counts.items())


def categories(arrived: Iterable[Arrived]) -> dict[Category, int]:
    """Return how many letters came of each category."""
    counts = dict.fromkeys(Category, 0)
    for each in arrived:
        counts[each.category] += each.letters
    return counts


def percentile(values: Mapping[int, int], share: float) -> int:
    """Return the smallest value that `share` of them do not exceed; how often each is there.

    By the nearest rank, so it is always one of the values; there must be at least one.
    """
    rank = max(math.ceil(round(sum(values.values()) * share, 6)), 1)
    for value in sorted(values):
        rank -= values[value]
        if rank <= 0:
            break
    return value


def wait(waited: Iterable[Waited]) -> Wait | None:
    """Return median and ninetieth percentile of waiting times; None where nobody waited."""
    seconds: Counter[int] = Counter()
    for each in waited:
        seconds[each.seconds] += each.letters
    if not seconds:
        return None
    return Wait(seconds.total(), percentile(seconds, 0.5), percentile(seconds, 0.9))


def waits(acknowledged: Sequence[Waited], answered: Sequence[Waited]) -> tuple[Waits, ...]:
    """Return the waiting times of all letters, and of each category."""
    return tuple(
        Waits(
            category,
            wait(each for each in acknowledged if category in (None, each.category)),
            wait(each for each in answered if category in (None, each.category)),
        )
        for category in (None, *Category)
    )


def corrections(arrived: Iterable[Arrived]) -> Corrections:
    """Return how often staff changed the category of the letters that they looked at."""
    moves: Counter[tuple[Category, Category]] = Counter()
    for each in arrived:
        if each.looked_at:
            moves[each.was, each.category] += each.looked_at
    return Corrections(
        looked_at=sum(moves.values()),
        corrected=sum(letters for (was, now), letters in moves.items() if was is not now),
        moves=dict(moves),
    )


def sureness(arrived: Iterable[Arrived], period: Period) -> tuple[Sureness, ...]:
    """Return how sure and how right the classifier was, day by day or week by week."""
    found: dict[date, list[Arrived]] = {step: [] for step in period.steps()}
    for each in arrived:
        found[period.step_of(each.day)].append(each)
    return tuple(_sureness(day, batch) for day, batch in found.items())


def _sureness(day: date, batch: list[Arrived]) -> Sureness:
    letters = sum(each.letters for each in batch)
    looked_at = sum(each.looked_at for each in batch)
    corrected = corrections(batch).corrected
    return Sureness(
        day=day,
        letters=letters,
        confidence=_mean(batch),
        unsure=sum(each.unsure for each in batch) / letters if letters else None,
        looked_at=looked_at,
        corrected=corrected / looked_at if looked_at else None,
    )


def _mean(arrived: Sequence[Arrived]) -> float | None:
    letters = sum(each.letters for each in arrived)
    return sum(each.confidence for each in arrived) / letters if letters else None


def drift(before: Sequence[Arrived], now: Sequence[Arrived]) -> Drift:
    """Return how much the letters of two periods differ in confidence and in kind."""
    old, new = categories(before), categories(now)
    of_old, of_new = sum(old.values()), sum(new.values())
    was, is_ = _mean(before), _mean(now)
    if min(of_old, of_new) < ENOUGH or was is None or is_ is None:
        return Drift(None, None)
    mix = sum(abs(old[each] / of_old - new[each] / of_new) for each in Category) / 2
    return Drift(is_ - was, mix)


def hours(counted: Iterable[Mapping[int, int]]) -> tuple[int, ...]:
    """Return how many letters came in each of the 24 hours of the day, added up."""
    counts: Counter[int] = Counter()
    for each in counted:
        counts.update(each)
    return tuple(counts[hour] for hour in range(24))


def weekdays(arrived: Iterable[Arrived]) -> tuple[int, ...]:
    """Return how many letters came on each day of the week, Monday first."""
    counts: Counter[int] = Counter()
    for each in arrived:
        counts[each.day.weekday()] += each.letters
    return tuple(counts[day] for day in range(7))


def languages(arrived: Iterable[Arrived]) -> tuple[tuple[str | None, int], ...]:
    """Return how many letters came in each language, the most frequent first."""
    counts: Counter[str | None] = Counter()
    for each in arrived:
        counts[each.language] += each.letters
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0] or "")))
