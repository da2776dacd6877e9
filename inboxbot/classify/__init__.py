"""Which of the three kinds a letter is, how sure, how pressing, and why."""

from inboxbot.classify.category import Category, Classification
from inboxbot.classify.classifier import Classifier
from inboxbot.classify.evaluate import Evaluation, evaluate
from inboxbot.classify.letters import LabelledLetter, read_lines
from inboxbot.classify.model import Model
from inboxbot.classify.train import train

__all__ = [
    "Category",
    "Classification",
    "Classifier",
    "Evaluation",
    "LabelledLetter",
    "Model",
    "evaluate",
    "read_lines",
    "train",
]
