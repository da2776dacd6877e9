"""assembly: what the configuration says reaches the parts that it is about."""

from inboxbot.reading import LoadClassifier


def test_the_threshold_of_the_configuration_reaches_the_classifier():
    assert LoadClassifier(kind="light", unsure_below=0.95)().unsure_below == 0.95
    assert LoadClassifier(kind="light")().unsure_below == 0.6
