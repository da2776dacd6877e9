"""Everything that must hold before a template is used, and what is worth a second look.

Pure. A template is used when `problems` is empty: its language, its HTML, what it has to
contain, all sample people, the guard, and the rule that a subject never tells what a letter
is about. `advice` is what a good editor would say; it stops nobody.
"""

import re
from functools import lru_cache

from inboxbot.errors import TemplateError
from inboxbot.frozen import dataclass
from inboxbot.reply import guard, markup, template
from inboxbot.reply.language import Language
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.source import place
from inboxbot.reply.template import TemplateProblem, Variables

MAX_WORDS = 260
MAX_GRADE = 8.0
_URGENT_START = 500
_SHORTENERS = re.compile(r"\b(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|buff\.ly)\b", re.I)
_TELLTALE = re.compile(
    r"(?-i:\b(?:ALS|MND|ELA|SLA)\b)|motor neur|medic|medik|médic|remed|remèd|lek[ióu]|leków"
    r"|geneesmiddel|profil|profiel|perfil|bereave|condol|beileid|kondol|loss\b|deuil|trauer|luto"
    r"|lutto|\brouw|żałob|urgent|dringend|emergency|notfall|urgen|disease|krank|malad|enferm|malatt"
    r"|ziekte|chorob|hastal|ilaç|ilaç|دواء|مرض|عاجل|दवा|रोग|आपात|薬|病|緊急|药|紧急",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A template as it is edited: the text, and the HTML where there is one of its own."""

    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class PartProblem:
    """A problem and the part that has it: `text` or `html`."""

    part: str
    problem: TemplateProblem


@lru_cache(maxsize=1024)
def problems(name: str, language: Language, source: Source) -> tuple[PartProblem, ...]:
    """Return everything that keeps this template from being used, in the order of its parts."""
    found = [PartProblem("text", p) for p in template.problems(source.text, name=name)]
    if source.html is not None:
        found += [
            PartProblem("html", p) for p in template.problems(source.html, html=True, name=name)
        ]
    if not found:
        found += [PartProblem("text", p) for p in _subject_problems(source.text)]
        found += _problems_of_what_comes_out(name, language, source)
    return tuple(dict.fromkeys(found))


def our_words(text: str, variables: Variables) -> str:
    """Return what the guard looks at: all but the title and the link of an article of ours.

    They are published and dated by the organisation; the guard is for the words around them.
    """
    for published in (variables.article_title, variables.article_url):
        if published:
            text = text.replace(published, "…")
    return text


def _subject_problems(text: str) -> list[TemplateProblem]:
    match = re.search(r"^Subject:(.*)$", text, re.MULTILINE)
    telltale = _TELLTALE.search(match[1]) if match else None
    if match is None or telltale is None:
        return []
    where = place(text, match.start(1) + telltale.start())
    message = "A subject never tells what a letter is about: others see it on the screen."
    return [TemplateProblem(*where, message, "Write “We have received your message”.")]


def _problems_of_what_comes_out(name: str, language: Language, source: Source) -> list[PartProblem]:
    """Fill the template for all sample people and look at each result."""
    found: list[PartProblem] = []
    last = source.text.rstrip().count("\n") + 1
    for sample in SAMPLES:
        try:
            filled = template.render(
                source.text, sample.variables, html=source.html, language=language.code
            )
        except TemplateError as error:
            message = f"It cannot be filled for the sample “{sample.label}”: {error}"
            found.append(PartProblem("text", TemplateProblem(last, 1, message)))
            continue
        values = sample.variables
        for value, what in (
            (values.phone, "the telephone number"),
            (values.organisation, "our name"),
        ):
            if name in template.NAMES and value not in filled.text:
                message = f"For the sample “{sample.label}” {what} is missing."
                found.append(PartProblem("text", TemplateProblem(last, 1, message)))
        found += _emergency_problems(name, language, filled.text, last)
        for part, words in (("text", filled.text), ("html", markup.words(filled.html))):
            if part == "text" or source.html is not None:
                found += _guard_problems(part, our_words(words, values), language, source)
    return found


def _emergency_problems(name: str, language: Language, text: str, last: int) -> list[PartProblem]:
    words = [word.casefold() for word in language.emergency]
    if not words or name not in ("urgent", "medication_question", "short", "short_urgent"):
        return []
    first = name in ("urgent", "short_urgent")
    where = text[:_URGENT_START] if first else text
    if any(word in where.casefold() for word in words):
        return []
    message = (
        "What to do in an emergency has to stand at the start."
        if first
        else "What to do in an emergency is missing."
    )
    hint = f"Use the words “{language.emergency[0]}”."
    return [PartProblem("text", TemplateProblem(1 if first else last, 1, message, hint))]


def _guard_problems(part: str, words: str, language: Language, source: Source) -> list[PartProblem]:
    text = source.text if part == "text" else source.html or ""
    return [
        PartProblem(
            part,
            TemplateProblem(
                *_where(text, violation),
                f"{violation.kind.sentence} (“{violation.found}”)",
                "Take the sentence out.",
            ),
        )
        for violation in guard.violations(words, language.code)
    ]


def _where(source: str, violation: guard.Violation) -> tuple[int, int]:
    """Find the sentence in the source by the longest run of its words that stands there."""
    words = violation.sentence.split()
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            run = r"\s+".join(re.escape(word) for word in words[start : start + length])
            if match := re.search(run, source):
                return place(source, match.start())
    return 1, 1


def advice(name: str, language: Language, source: Source) -> tuple[str, ...]:
    """Return what could be better: length, reading grade, links. Each is one sentence."""
    filled = template.render(source.text, SAMPLES[0].variables, language=language.code)
    count = len(filled.text.split())
    said = []
    if count > MAX_WORDS:
        said.append(f"It has {count} words; tired readers are glad of fewer than {MAX_WORDS}.")
    if language.code == "en" and (grade := reading_grade(filled.text)) > MAX_GRADE:
        said.append(f"Its reading grade is {grade:.1f}; aim for {MAX_GRADE:.0f} or lower.")
    if "http://" in source.text:
        said.append("A link begins with http://; write https://.")
    if _SHORTENERS.search(source.text):
        said.append("A shortened link looks like fraud; write the whole address.")
    if "!" in filled.text:
        said.append("An exclamation mark can sound too cheerful to someone who is afraid.")
    if name != "bereavement" and "hours_to_answer" not in source.text:
        said.append("It does not say when a person will answer.")
    if language.code not in guard.languages():
        said.append("The guard does not know this language: a person has to read every word.")
    return tuple(said)


def reading_grade(text: str) -> float:
    """Return the Flesch-Kincaid grade of an English text; links and addresses do not count."""
    # Greeting, signature and address are no sentences; counted as such they would flatter.
    lines = [line for line in text.splitlines() if line.rstrip().endswith((".", "?", "!", ":"))]
    plain = re.sub(r"https?://\S+|\S+@\S+|[\d-]{4,}", " ", "\n".join(lines))
    sentences = [s for s in re.split(r"[.!?:]+(?:\s|$)", plain) if re.search(r"[A-Za-z]", s)]
    words = re.findall(r"[A-Za-z']+", plain)
    if not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59


def _syllables(word: str) -> int:
    word = word.lower().strip("'")
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and groups > 1
    past = word.endswith("ed") and not word.endswith(("ted", "ded")) and groups > 1
    return max(groups - int(silent or past), 1)
