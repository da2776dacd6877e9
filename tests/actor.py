"""A classifier that goes wrong as it is told to, and what makes it in the process that reads.

It is a module of its own so that this process has nothing to load but what the program needs.
"""

import os
import signal
import time

from inboxbot.classify.category import Category, Classification
from inboxbot.mail import parse as parsing
from inboxbot.mail.message import Message


class Actor:
    """A classifier that does what the subject says: the ways in which one can go wrong."""

    def classify(self, message: Message) -> Classification:
        match message.subject:
            case "spin":
                while True:
                    pass
            case "sleep":
                time.sleep(60)
            case "bomb":
                return len(bytearray(8 << 30))  # type: ignore[return-value]
            case "raise":
                raise ValueError(message.text)
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(3)
        return Classification(
            category=Category.MEDICATION_QUESTION,
            confidence=0.9,
            runner_up=Category.GENERAL_INQUIRY,
            runner_up_confidence=0.1,
        )


def actor() -> Actor:
    return Actor()


def no_model() -> Actor:
    raise FileNotFoundError("model")


def parser_that_fails() -> Actor:
    """Made in the worker: puts a parser there that acts up on one subject, as a bug would."""
    honest = parsing.parse

    def parse(raw: bytes) -> Message:
        if b"poison" in raw:
            Actor().classify(Message(subject=os.environ["INBOXBOT_TEST_PARSER"]))
        return honest(raw)

    parsing.parse = parse
    return Actor()
