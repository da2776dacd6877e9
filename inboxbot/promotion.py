"""Which model sorts the letters: see it, put one in force, put it back, forget one.

A model is put in force only where nothing got worse beyond chance and no urgent letter is missed
that was found before. One that cannot be used is replaced by the shipped one until it can.
Nothing here loads the numbers of a model: the process that classifies does.
"""

from datetime import datetime

from inboxbot import events
from inboxbot.classify.shipped import shipped_fingerprint
from inboxbot.errors import DataError, PermanentError
from inboxbot.frozen import dataclass
from inboxbot.store import alerts, audit, models, settings
from inboxbot.store.alerts import Code
from inboxbot.store.database import write
from inboxbot.store.models import SHIPPED, Stored
from inboxbot.store.sqlite import Database

# Set where a model in force was removed: the daemon trains again without those letters.
LEARN_AGAIN = "learn_again"


@dataclass(frozen=True, slots=True)
class InForce:
    """The model in force; `content` is None for the shipped one.

    `problem` says why the promoted one is not used; then `number` is SHIPPED all the same.
    """

    number: int = SHIPPED
    content: bytes | None = None
    problem: str = ""


def in_force(db: Database, kind: str) -> InForce:
    """Return the model of `kind` that letters are to be sorted with."""
    stored = models.in_force(db, kind)
    if stored is None:
        return InForce()
    try:
        return InForce(stored.id, usable(db, stored, kind))
    except PermanentError as error:
        return InForce(
            problem=f"{error} The shipped model is used meanwhile. Train again with "
            "`inboxbot train`, or go back with `inboxbot model rollback`."
        )


def of_number(db: Database, kind: str, number: int) -> InForce:
    """Return the model of this number, in force or not; SHIPPED is the shipped one.

    Raises PermanentError where there is none, or it cannot sort letters.
    """
    return InForce() if number == SHIPPED else InForce(number, usable(db, _known(db, number), kind))


class Watch:
    """The model in force as a process that goes on sees it: looked at again when it changes.

    While the promoted one cannot be used, an alert is open.
    """

    def __init__(self, db: Database, kind: str) -> None:
        self._db = db
        self._kind = kind
        self._seen: object = None

    def changed(self, now: datetime) -> InForce | None:
        """Return the model in force where it is another one than at the last call."""
        seen = self._state()
        if seen == self._seen:
            return None
        self._seen = seen
        found = in_force(self._db, self._kind)
        with write(self._db):
            if found.problem:
                alerts.open_alert(self._db, Code.MODEL, now)
            else:
                alerts.end(self._db, Code.MODEL, now)
        if found.problem:
            events.model_unusable()
        return found

    def _state(self) -> object:
        stored = models.in_force(self._db, self._kind)
        if stored is None:
            return SHIPPED
        try:
            file = (models.folder_of(self._db) / stored.file_name).stat()
        except OSError:
            return stored.id, None
        return stored.id, file.st_mtime_ns, file.st_size


def promote(db: Database, kind: str, number: int, *, who: str, now: datetime) -> None:
    """Put a model in force, or the shipped one (0).

    Raises PermanentError where it cannot be used, where it was compared with another model than
    the present one, or where something got worse.
    """
    with write(db):
        present = models.in_force(db, kind)
        before = present.id if present else SHIPPED
        if before == number:
            raise PermanentError(f"{name(number)} is in force already.")
        if number != SHIPPED:
            stored = _known(db, number)
            usable(db, stored, kind)
            _check_better(stored, before)
        models.promote(db, kind, number, now)
        audit.add(db, who, "promoted model", now, detail=f"{before} -> {number}")
    events.model_promoted(number, before)


def roll_back(db: Database, kind: str, *, who: str, now: datetime) -> int:
    """Put in force what was so before; return its number, which is 0 for the shipped one.

    Raises PermanentError where nothing was ever put in force.
    """
    with write(db):
        present = models.in_force(db, kind)
        if not models.roll_back(db, kind):
            raise PermanentError("The shipped model is in force, and none was before it.")
        found = models.in_force(db, kind)
        before, after = present.id if present else SHIPPED, found.id if found else SHIPPED
        audit.add(db, who, "rolled back model", now, detail=f"{before} -> {after}")
    events.model_promoted(after, before)
    return after


def forget(db: Database, who: str, now: datetime) -> tuple[int, ...]:
    """Remove every model that learned from words which were erased, within the transaction.

    Returns their numbers; `models.sweep` follows the transaction and removes the files. Where
    one was in force, the daemon is asked to train again.
    """
    gone = models.stale(db)
    if not gone:
        return ()
    present = {found.id for kind in ("encoder", "light") if (found := models.in_force(db, kind))}
    models.remove(db, gone)
    if present & set(gone):
        settings.put(db, LEARN_AGAIN, "1")
    audit.add(db, who, "removed models", now, detail=", ".join(map(str, gone)))
    return tuple(gone)


def forget_now(db: Database, who: str, now: datetime) -> tuple[int, ...]:
    """Remove, rows and files, every model that learned from words which were erased."""
    with write(db):
        gone = forget(db, who, now)
    sweep(db, gone)
    return gone


def sweep(db: Database, gone: tuple[int, ...] = ()) -> None:
    """Remove the files of models that are no more; `gone` were removed just now."""
    with write(db):
        models.sweep(db)
    if gone:
        events.models_removed(len(gone))


def name(number: int) -> str:
    """Return how a model is called in a sentence."""
    return "The shipped model" if number == SHIPPED else f"Model {number}"


def what_got_worse(stored: Stored) -> list[str]:
    """Return what a model does worse than the one that it was compared with."""
    changes = stored.comparison.get("changes", [])
    # What compares models is loaded only where one was trained.
    from inboxbot.classify.comparison import Outcome

    return [str(each["what"]) for each in changes if each["outcome"] == Outcome.WORSE]


def usable(db: Database, stored: Stored, kind: str) -> bytes:
    """Return the bytes of a model; raises PermanentError where it cannot sort letters now."""
    if stored.kind != kind:
        raise PermanentError(
            f'Model {stored.id} is of the kind "{stored.kind}", and classify.model is "{kind}".'
        )
    if stored.shipped != shipped_fingerprint(kind):
        raise PermanentError(f"Model {stored.id} was trained beside another version of inboxbot.")
    return models.content(db, stored)


def _known(db: Database, number: int) -> Stored:
    stored = models.find(db, number)
    if stored is None:
        raise DataError(f"There is no model {number}: `inboxbot model list`.")
    return stored


def _check_better(stored: Stored, present: int) -> None:
    """Refuse a model that is worse, or of which nobody knows; one that was in force is known."""
    if stored.promoted:
        return
    if stored.compared_with != present:
        raise PermanentError(
            f"Model {stored.id} was compared with {name(stored.compared_with).lower()}, which is "
            "no longer in force: run `inboxbot train` again."
        )
    worse = what_got_worse(stored)
    if worse:
        raise PermanentError(
            f"Model {stored.id} is not put in force, because this got worse: {'; '.join(worse)}."
        )
