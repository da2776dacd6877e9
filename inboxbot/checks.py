"""Everything that can be known to be wrong without asking a server.

`inboxbot check` prints it; `inboxbot doctor` begins with it.
"""

import os
import ssl
import stat
from importlib.util import find_spec
from pathlib import Path

from inboxbot import assembly, config, opening, servers
from inboxbot.config import Config
from inboxbot.errors import AS_THE_SERVICE, ConfigError, InboxbotError, Problem
from inboxbot.mail.message import Message
from inboxbot.reading import LoadClassifier
from inboxbot.reply.knowledge import read_knowledge
from inboxbot.reply.library import Library
from inboxbot.reply.template import NAMES
from inboxbot.store import migrations
from inboxbot.store.database import unwritable

_NAMES = ", ".join(NAMES)


def offline(configuration: Config) -> tuple[Problem, ...]:
    """Return every problem of settings, credentials, templates, files and schema."""
    found: list[Problem] = []
    for look in (
        config.placeholders,
        _credentials,
        _authorities,
        _templates,
        _replies,
        _knowledge,
        _classifier,
        _store,
    ):
        try:
            found += look(configuration)
        except PermissionError as error:
            what = f"It may not be used by whoever runs this. {AS_THE_SERVICE}"
            found.append(Problem(str(error.filename), what))
    return tuple(dict.fromkeys(found))


def _credentials(configuration: Config) -> list[Problem]:
    found: list[Problem] = []
    names = dict.fromkeys(
        server.credential
        for box in configuration.mailbox
        for server in (box.imap, box.smtp)
        # A relay on this machine that is given no name asks for no password.
        if server.auth == "password" and server.username
    )
    for box in filter(lambda box: box.uses_tokens, configuration.mailbox):
        if box.oauth.credential:
            names[box.oauth.credential] = None
        if not servers.token_file(configuration, box).is_private():
            found.append(Problem(f"tokens of {box.name}", "Others can read them: chmod 600."))
    for name in names:
        try:
            config.credential(name)
        except ConfigError as error:
            found += error.problems
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    try:
        files = sorted(Path(folder).iterdir()) if folder else []
    except FileNotFoundError:
        files = []
    except OSError as error:
        what = f"It cannot be read ({error.strerror}): the passwords were not handed over."
        return [*found, Problem(f"credentials folder {folder}", what)]
    for file in files:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            found.append(Problem(str(file), f"Others can read this secret: chmod 600 {file.name}."))
    return found


def _authorities(configuration: Config) -> list[Problem]:
    """Find the files of own certificate authorities that no server can be checked with."""
    files: dict[str, str] = {}
    for number, box in enumerate(configuration.mailbox):
        for name, server in (("imap", box.imap), ("smtp", box.smtp)):
            if server.security != "none":
                files[f"mailbox[{number}].{name}.ca_file"] = server.ca_file
        if box.uses_tokens:
            files[f"mailbox[{number}].oauth.ca_file"] = box.oauth.ca_file
    found = []
    for place, file in files.items():
        try:
            if file:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            found.append(Problem(place, f"There is no certificate in {file}: name a PEM file."))
        except OSError as error:
            found.append(Problem(place, f"{file} cannot be read ({error.strerror})."))
    return found


def _templates(configuration: Config) -> list[Problem]:
    folder = configuration.templates_path
    if not folder.is_dir():
        return [
            Problem(
                "replies.templates",
                f"There is no folder {folder}; the built-in templates are used. "
                "`inboxbot init` writes a copy to edit.",
            )
        ]
    return list(Library(folder).alarms())


def _replies(configuration: Config) -> list[Problem]:
    """Find the languages and the kinds of reply that are named and are not there."""
    known = {language.code for language in assembly.library(configuration).languages()}
    own = (
        (f"mailbox[{number}].replies", box.replies)
        for number, box in enumerate(configuration.mailbox)
    )
    found = []
    for place, replies in (("replies", configuration.replies), *own):
        named = {"default_language": (replies.default_language,), "languages": replies.languages}
        for key, codes in named.items():
            found += [
                Problem(f"{place}.{key}", f'"{code}" has no section in languages.toml: add it.')
                for code in codes
                if code not in known
            ]
        found += [
            Problem(f"{place}.disabled", f'No reply has the name "{name}"; there are: {_NAMES}.')
            for name in replies.disabled
            if name not in NAMES
        ]
    return found


def _knowledge(configuration: Config) -> list[Problem]:
    path = configuration.knowledge_path
    try:
        read_knowledge(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return []
    except ConfigError as error:
        return [Problem(f"{path}: {problem.place}", problem.text) for problem in error.problems]
    except (OSError, UnicodeDecodeError):
        return [Problem(str(path), "It cannot be read as UTF-8 text.")]
    return []


def _classifier(configuration: Config) -> list[Problem]:
    """Load what classifies, and let it classify: a part that is missing shows only then."""
    kind = configuration.classify.model
    found = assembly.model_in_force(configuration)
    if found.problem:
        return [Problem("classify.model", found.problem)]
    if configuration.classify.learn == "nightly" and find_spec("sklearn") is None:
        return [Problem("classify.learn", "Training needs scikit-learn, which is not installed.")]
    try:
        LoadClassifier(kind=kind)().classify(Message(subject="Hello", text="A question."))
    except InboxbotError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  (around one job: whatever it is, letters suffer)
        why = f"It cannot be used ({type(error).__name__}): install inboxbot again."
    else:
        return []
    return [
        Problem(
            "classify.model",
            f'The classifier "{kind}": {why} Until then every letter counts as a general inquiry.',
        )
    ]


def _store(configuration: Config) -> list[Problem]:
    path, found = configuration.store_path, []
    try:
        opening.key(configuration)
    except ConfigError as error:
        return list(error.problems)
    if not path.exists():
        folder = next((parent for parent in path.parents if parent.exists()), Path("/"))
        if not os.access(folder, os.W_OK):
            found.append(
                Problem(
                    "store.path", f"{folder} cannot be written: run as its owner, or change it."
                )
            )
        return found
    for file in path.parent.glob(f"{path.name}*"):
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            found.append(Problem(str(file), f"Others can read it: chmod 600 {file}."))
    if sentence := unwritable(path):
        found.append(Problem("store.path", sentence))
    try:
        db = opening.connect(configuration)
        migrations.check_not_newer(db)
        if migrations.pending(db):
            found.append(
                Problem("store.path", "The schema is older than the program: `inboxbot migrate`.")
            )
        db.close()
    except InboxbotError as error:
        found.append(Problem("store.path", str(error)))
    return found
