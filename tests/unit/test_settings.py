"""store.settings, modes: who the installation is, and whether it sends."""

from inboxbot import modes
from inboxbot.store import audit, settings
from inboxbot.store.database import connect
from inboxbot.store.settings import Mode


def test_a_new_installation_is_in_shadow_mode(db):
    assert settings.mode(db) is Mode.SHADOW


def test_the_mode_stays_and_the_audit_knows_who_set_it(db, now, store_path):
    modes.set_mode(db, Mode.LIVE, who="jo", now=now)
    assert settings.mode(connect(store_path)) is Mode.LIVE
    (entry,) = audit.entries(db)
    assert (entry.who, entry.what, entry.detail) == ("jo", "mode", "shadow -> live")


def test_the_instance_is_made_once(db, store_path):
    first = settings.instance(db)
    assert settings.instance(connect(store_path)) == first
    assert len(first.secret) == 32


def test_two_installations_differ(db, tmp_path):
    from inboxbot.store.database import create
    from inboxbot.store.migrations import migrate

    other = create(tmp_path / "other" / "db.sqlite3")
    migrate(other)
    assert settings.instance(other) != settings.instance(db)
