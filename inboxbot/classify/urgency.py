"""The time-critical flags: what cannot wait until somebody opens the queue.

Pure. Words of many languages find what is said plainly, a trained head what is said quietly.
"""

from inboxbot.classify.category import Flag, Urgent
from inboxbot.classify.text import Letter

THRESHOLD = 0.35


def flags(letter: Letter, score: float) -> tuple[Flag, ...]:
    """Return the urgent flags of `letter`, whose trained head gave `score`."""
    if score < THRESHOLD or not letter.segments:
        return ()
    return (Flag(Urgent.BREATHING, score, "reads like an emergency that is happening now"),)
