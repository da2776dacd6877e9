"""Which medicines a letter names."""

import time

import pytest

from inboxbot.classify import medicines
from inboxbot.classify.letters import shipped
from inboxbot.classify.text import read_fields


def generics(body: str, subject: str = "") -> set[str]:
    return {m.generic for m in medicines.find(read_fields(subject, body), medicines.load())}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Can I take Rilutek with milk?", {"riluzole"}),
        ("Is Nuedexta for crying?", {"dextromethorphan", "quinidine"}),
        ("They stopped Relyvrio.", {"sodium phenylbutyrate", "taurursodiol"}),
        ("glycopyrrolate or atropine drops?", {"glycopyrronium", "atropine"}),
        ("Tylenol and Advil", {"paracetamol", "ibuprofen"}),
        ("MN-166 and CNM-Au8", {"ibudilast", "cnm-au8"}),
        ("He uses CBD oil and coenzyme Q10.", {"cannabidiol", "coenzyme q10"}),
    ],
)
def test_brands_codes_and_supplements_have_generic_names(body: str, expected: set[str]) -> None:
    assert generics(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Побочные эффекты рилузола", "riluzole"),
        ("Όταν παίρνει ριλουζόλη", "riluzole"),
        ("Korvaako Kela rilutsolin?", "riluzole"),
        ("Riluzolu nie ma w aptece", "riluzole"),
        ("ما هي جرعة الريلوزول؟", "riluzole"),
        ("क्या रिलुज़ोल खाली पेट लें?", "riluzole"),
        ("リルゾールを飲んでいます", "riluzole"),
        ("请问利鲁唑有什么副作用", "riluzole"),
        ("바클로펜을 먹어도 되나요", "baclofen"),
        ("Combien coûte l'édaravone ?", "edaravone"),
        ("Vier Fentanylpflaster auf einmal", "fentanyl"),
        ("baklofen i gabapentyna", "gabapentin"),
    ],
)
def test_names_are_found_in_other_languages_and_scripts(body: str, expected: str) -> None:
    assert expected in generics(body)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mexilitine", "mexiletine"),
        ("gabapentine", "gabapentin"),
        ("amitryptaline", "amitriptyline"),
        ("edarovone", "edaravone"),
        ("bacolfen", "baclofen"),
        ("rilluzole", "riluzole"),
        ("glycopyrolate", "glycopyrronium"),
    ],
)
def test_a_slip_of_the_pen_is_understood(written: str, expected: str) -> None:
    assert generics(f"Should she take {written} at night?") == {expected}


@pytest.mark.parametrize(
    "body",
    [
        "Your support program in the magazine reached the approval of everybody since forty.",
        "Das Konzert und die Reaktion auf das Programm",
        "El trabajo con mi madre y el concierto de socorro",
        "Les concerts, la réaction, une amie brillante",
        "The lithium battery of the chair and its lithium-ion charger",
        "Her oxygen is dropping and the iron gate is shut",
        "концерт, программа, женщина, мастер",
    ],
)
def test_ordinary_words_are_no_medicines(body: str) -> None:
    assert generics(body) == set()


def test_an_unlisted_name_is_known_by_its_ending() -> None:
    assert generics("What is fosprazole? And newazepam?") == {"fosprazole", "newazepam"}


def test_places_are_those_of_the_letter() -> None:
    body = "My mother takes riluzole, and ラジカット since May."
    found = medicines.find(read_fields("Baclofen", body), medicines.load())
    assert [(m.generic, m.field) for m in found] == [
        ("baclofen", "subject"),
        ("riluzole", "text"),
        ("edaravone", "text"),
    ]
    for medicine in found[1:]:
        assert body[medicine.start : medicine.end] == medicine.written


def test_an_administrator_adds_names() -> None:
    names = medicines.load(("prosetin = pro-set, prosetyn", "zenthera"))
    found = medicines.find(read_fields("", "Is Prosetyn like Zenthera?"), names)
    assert [m.generic for m in found] == ["prosetin", "zenthera"]


def test_a_long_text_takes_a_bounded_time() -> None:
    letter = read_fields("", "gabapentinoid mexilitina " * 5000)
    names = medicines.load()
    start = time.process_time()
    medicines.find(letter, names)
    assert time.process_time() - start < 0.5


def test_most_names_in_the_shipped_letters_are_found() -> None:
    hits = wanted = given = 0
    for letter in shipped():
        true = set(letter.medications or ())
        found = generics(letter.message.text, letter.subject)
        hits, wanted, given = hits + len(true & found), wanted + len(true), given + len(found)
    assert hits / wanted >= 0.9
    assert hits / given >= 0.9
