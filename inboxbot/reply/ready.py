"""Ready-made replies: pieces of text that staff put into their own answers.

Pure. They are written in the same small language as the acknowledgements and checked the
same way. A person reads each before it leaves, so the guard only points at what to look at.
"""

from dataclasses import asdict

from inboxbot.errors import TemplateError
from inboxbot.reply import guard, syntax, template
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import VARIABLE_NAMES, TemplateProblem, Variables


def problems(source: str) -> tuple[TemplateProblem, ...]:
    """Return everything that keeps a ready-made reply from being used."""
    if not source.strip():
        return (TemplateProblem(1, 1, "The reply is empty.", "Write its text."),)
    found = syntax.syntax_problems(source.replace("\r\n", "\n"), VARIABLE_NAMES)
    if found:
        return found
    for sample in SAMPLES:
        try:
            fill(source, sample.variables)
        except TemplateError as error:
            return (TemplateProblem(1, 1, f"For the sample “{sample.label}”: {error}"),)
    return ()


def fill(source: str, variables: Variables) -> str:
    """Return the text with its values in. Raises `TemplateError` like `template.render`."""
    return template.fill(source.replace("\r\n", "\n"), asdict(variables), html=False).strip() + "\n"


def unfilled(source: str, variables: Variables) -> tuple[str, ...]:
    """Return the values that a ready-made reply shows and this letter does not have."""
    shown = syntax.names_in(source)
    return tuple(name for name in VARIABLE_NAMES if name in shown and not asdict(variables)[name])


def advice(source: str, language: str) -> tuple[str, ...]:
    """Return what a person should look at twice before sending it."""
    return tuple(
        f"{violation.kind.sentence} (“{violation.found}”)"
        for violation in guard.violations(fill(source, SAMPLES[0].variables), language)
        if violation.kind is not guard.Forbidden.MEDICINE
    )
