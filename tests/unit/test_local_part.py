"""What a local part says of whoever is behind an address."""

import pytest

from inboxbot.mail.local_part import looks_like_a_person


@pytest.mark.parametrize("address", ["ana@example.net", "1234567890@qq.com", "13800138000@163.com"])
def test_a_person_may_have_a_number_where_people_have_numbers(address: str) -> None:
    assert looks_like_a_person(address)


@pytest.mark.parametrize("address", ["1234567890@example.net", "noreply@qq.com", "info@163.com"])
def test_elsewhere_a_number_is_a_programs(address: str) -> None:
    assert not looks_like_a_person(address)
