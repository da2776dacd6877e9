"""web.spreadsheet: a file that no program takes for formulas."""

import csv
import io

import pytest

from inboxbot.web import spreadsheet

DANGEROUS = (
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM",
    "  =1",
    '=HYPERLINK("http://evil.example","x")',
)


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_looks_like_a_formula_gets_an_apostrophe(text):
    assert spreadsheet.harmless(text).startswith("'")
    assert "\0" not in spreadsheet.harmless(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [("plain", "plain"), ("a=b", "a=b"), (-5, "-5"), (0.25, "0.25"), (None, ""), ("", "")],
)
def test_everything_else_stays_as_it_is(value, text):
    assert spreadsheet.harmless(value) == text


def test_every_value_is_quoted_and_comes_back_as_it_was():
    rows = [("a,b", 'say "x"', "two\nlines"), ("", 3, None)]
    text = "".join(spreadsheet.lines(("one", "two", "three"), rows))
    assert text.startswith('"one","two","three"\r\n')
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["a,b", 'say "x"', "two\nlines"],
        ["", "3", ""],
    ]


def test_a_long_table_comes_in_pieces_and_whole():
    rows = ((number,) for number in range(1234))
    pieces = list(spreadsheet.lines(("number",), rows))
    assert len(pieces) == 3
    assert [int(row[0]) for row in list(csv.reader(io.StringIO("".join(pieces))))[1:]] == list(
        range(1234)
    )
