"""The organisation's own articles, from `config/knowledge.toml`.

Pure. An article that was withdrawn, or whose review day has passed, is never linked by
itself: what was right when it was written may be wrong now.
"""

import datetime
import tomllib
from difflib import get_close_matches

from inboxbot.errors import ConfigError, Problem
from inboxbot.frozen import dataclass

_KEYS = {
    "title": str,
    "date": datetime.date,
    "url": str,
    "medicine": str,
    "review_by": datetime.date,
    "withdrawn": bool,
}
_NEEDED = ("title", "date", "medicine", "review_by")
_WORDS = {str: "text in quotes", datetime.date: "a day such as 2027-12-31", bool: "true or false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article, and until when it may be linked without a person."""

    title: str
    date: datetime.date
    medicine: str
    review_by: datetime.date
    url: str = ""
    withdrawn: bool = False

    def may_be_linked(self, today: datetime.date) -> bool:
        """Say whether an acknowledgement may point to it on this day."""
        return bool(self.url) and not self.withdrawn and today <= self.review_by


def read_knowledge(text: str) -> tuple[Article, ...]:
    """Return the articles; raises ConfigError with every problem at once."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((Problem("knowledge.toml", f"This is not TOML: {error}."),)) from error
    problems = [
        Problem(key, f"“{key}” is not known. Write [[article]].")
        for key in data
        if key != "article"
    ]
    tables = data.get("article", [])
    if not isinstance(tables, list):
        problems.append(Problem("article", "Write [[article]], with two brackets on each side."))
        tables = []
    for index, table in enumerate(tables):
        problems += _problems(f"article[{index}]", table)
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(
        Article(
            title=table["title"],
            date=table["date"],
            medicine=table["medicine"],
            review_by=table["review_by"],
            url=table.get("url", ""),
            withdrawn=table.get("withdrawn", False),
        )
        for table in tables
    )


def article_for(
    medicines: tuple[str, ...], articles: tuple[Article, ...], today: datetime.date
) -> Article | None:
    """Return the newest article that may be linked on any of these medicines."""
    fitting = [
        article
        for article in articles
        if article.medicine in medicines and article.may_be_linked(today)
    ]
    return max(fitting, key=lambda article: article.date, default=None)


def _problems(place: str, table: object) -> list[Problem]:
    if not isinstance(table, dict):
        return [Problem(place, "Write [[article]], and below it one line for each value.")]
    found = [Problem(f"{place}.{key}", "This is needed.") for key in _NEEDED if key not in table]
    for key, value in table.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            found.append(Problem(f"{place}.{key}", f"“{key}” is not known.{hint}"))
        elif type(value) is not _KEYS[key]:
            text = f"This must be {_WORDS[_KEYS[key]]}."
            found.append(Problem(f"{place}.{key}", text))
        elif isinstance(value, str) and key != "url" and not value.strip():
            found.append(Problem(f"{place}.{key}", "This is empty."))
        elif isinstance(value, str) and key == "url" and value[:8] not in ("", "https://"):
            found.append(Problem(f"{place}.url", "A link must begin with https://."))
    return found
