"""tools/audit: what `make audit` says where versions are well, are not, or cannot be looked up."""

import json

import pytest

from tools import audit

WELL = {"name": "flask", "version": "3.1", "vulns": []}
ILL = {
    "name": "jinja2",
    "version": "3.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"], "aliases": []}],
}
UNKNOWN = {"name": "flask", "skip_reason": "not found"}


@pytest.fixture
def tool(tmp_path):
    """Return a pip-audit that answers for each service as told: a list, or a line of an error."""

    def made(**answers):
        cases = ""
        for service, answer in answers.items():
            if isinstance(answer, str):
                cases += f"{service}) echo '{answer}' >&2; exit 1;;\n"
            else:
                (tmp_path / service).write_text(json.dumps({"dependencies": answer}))
                cases += f"{service}) cp {tmp_path / service} $8;;\n"
        script = tmp_path / "pip-audit"
        script.write_text(f"#!/bin/sh\n[ $7 = --output ] || exit 3\ncase $2 in\n{cases}esac\n")
        script.chmod(0o755)
        return str(script)

    return made


def test_no_known_vulnerability_is_said_with_the_number_of_versions(tool, capsys):
    assert audit.main(tool(pypi=[WELL, WELL]), "lock") == 0
    assert "2 locked versions, 0 with known" in capsys.readouterr().out


def test_a_known_one_names_version_advisory_and_what_mends_it(tool, capsys):
    assert audit.main(tool(pypi=[WELL, ILL]), "lock") == 1
    said = capsys.readouterr().out
    assert "jinja2 3.0: PYSEC-1, mended in 3.1" in said
    assert "make lock" in said


@pytest.mark.parametrize("first", ["ConnectionError: no such name", [WELL, UNKNOWN]])
def test_where_the_first_does_not_know_all_of_them_the_second_is_asked(tool, capsys, first):
    assert audit.main(tool(pypi=first, osv=[WELL]), "lock") == 0
    assert "(the OSV database)" in capsys.readouterr().out


def test_where_nobody_can_be_asked_that_is_no_good_news(tool, capsys):
    asked = tool(pypi=[UNKNOWN], osv="ConnectionError: no such name")
    assert audit.main(asked, "lock") == audit.UNAVAILABLE
    said = capsys.readouterr().err
    assert "the package index: it knows nothing of 1 of 1" in said
    assert "the OSV database: ConnectionError: no such name" in said
    assert "HTTPS_PROXY" in said
