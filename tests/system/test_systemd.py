"""The units, held to systemd's own judgement of them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
WITH_PASSWORDS = {"inboxbot.service"}


def settings(unit: Path) -> dict[str, list[str]]:
    """Return the values of every setting of a unit, in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if line and line[0] not in "#[":
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def test_there_is_a_unit_for_each_process():
    names = [unit.name for unit in SERVICES]
    assert names == ["inboxbot-backup.service", "inboxbot-web.service", "inboxbot.service"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_unit_is_hardly_exposed(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    score = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert score
    assert float(score.group(1)) <= 1.5


def test_systemd_finds_nothing_to_say_about_the_units(tmp_path):
    # The program of the installation is not here; that of this environment is.
    program = Path(sys.executable).with_name("inboxbot")
    files = []
    for unit in (*SERVICES, *UNITS.glob("*.timer")):
        file = tmp_path / unit.name
        file.write_text(unit.read_text().replace("/opt/inboxbot/bin/inboxbot", str(program)))
        files.append(str(file))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True
    )
    # An unknown setting is only a line on standard error, with exit code 0.
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "inboxbot" in line] == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_only_the_daemon_is_given_passwords_and_the_others_are_kept_out(unit):
    found = settings(unit)
    if unit.name in WITH_PASSWORDS:
        assert found["LoadCredential"] == [
            "imap-password:/etc/inboxbot/credentials/imap-password",
            "smtp-password:/etc/inboxbot/credentials/smtp-password",
        ]
    else:
        assert "LoadCredential" not in found
        assert found["InaccessiblePaths"] == ["-/run/credentials", "-/etc/inboxbot/credentials"]


def with_key(unit: Path, folder: Path) -> Path:
    """Return a unit with the drop-in that hands it the key of the database."""
    file = folder / unit.name
    text = unit.read_text() + (UNITS.parent / "docs/operations/store-key.conf").read_text()
    program = Path(sys.executable).with_name("inboxbot")
    file.write_text(text.replace("/opt/inboxbot/bin/inboxbot", str(program)))
    return file


def test_a_unit_that_is_handed_the_key_is_as_well_and_as_little_exposed(tmp_path):
    files = [str(with_key(unit, tmp_path)) for unit in SERVICES]
    for command in (["security", "--offline=true", "--threshold=15"], ["verify", "--man=no"]):
        done = subprocess.run(["systemd-analyze", *command, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [line for line in done.stderr.splitlines() if "inboxbot" in line] == []
    for file in files:
        found = settings(Path(file))
        assert found["LoadCredential"][-1] == "store-key:/etc/inboxbot/credentials/store-key"
        # An empty value takes back those before it: what follows is all that is hidden.
        hidden = found["InaccessiblePaths"]
        assert hidden[len(hidden) - hidden[::-1].index("") :] == ["-/etc/inboxbot/credentials"]


def test_the_daemon_speaks_to_systemd_and_is_watched():
    found = settings(UNITS / "inboxbot.service")
    assert found["Type"] == ["notify"]
    assert "AF_UNIX" in found["RestrictAddressFamilies"][0]
    assert found["WatchdogSec"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_no_letter_is_put_down_on_another_disk_than_that_of_the_database(unit):
    found = settings(unit)
    assert found["Environment"] == ["SQLITE_TMPDIR=/var/lib/inboxbot"]
    assert found["StateDirectory"] == ["inboxbot"]
    assert "--setenv=SQLITE_TMPDIR" in (UNITS / "inboxbot.sh").read_text()


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_every_block_of_settings_says_why_it_is_there(unit):
    blocks = unit.read_text().split("\n\n")
    bare = [block for block in blocks if "=" in block and "#" not in block and "[" not in block]
    assert bare == []


def test_what_only_a_person_can_mend_is_not_tried_again():
    from inboxbot.cli import common

    lasting = {common.USAGE, common.DATA, common.PERMISSION, common.CONFIGURATION}
    for name in ("inboxbot.service", "inboxbot-web.service"):
        (codes,) = settings(UNITS / name)["RestartPreventExitStatus"]
        assert {int(code) for code in codes.split()} == lasting


def test_user_and_folders_are_made_as_described(tmp_path):
    (tmp_path / "etc").mkdir()
    for command in (
        ["systemd-sysusers", f"--root={tmp_path}", str(UNITS / "inboxbot.sysusers.conf")],
        [
            "systemd-tmpfiles",
            f"--root={tmp_path}",
            "--create",
            str(UNITS / "inboxbot.tmpfiles.conf"),
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert re.search(r"^inboxbot:", (tmp_path / "etc/passwd").read_text(), re.MULTILINE)
    modes = {
        "etc/inboxbot": 0o750,
        "etc/inboxbot/credentials": 0o700,
        "etc/inboxbot/templates": 0o750,
        "var/lib/inboxbot": 0o700,
        "var/lib/inboxbot/backups": 0o700,
    }
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in modes} == modes


def install_files(root: Path) -> None:
    done = subprocess.run(
        [UNITS / "install.sh", "files"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DESTDIR": str(root)},
    )
    assert done.returncode == 0, done.stderr


def test_an_installation_has_its_files_in_their_places_and_an_upgrade_keeps_edits(tmp_path):
    install_files(tmp_path)
    settings_file = tmp_path / "etc/inboxbot/inboxbot.toml"
    template = tmp_path / "etc/inboxbot/templates/en/urgent.txt.j2"
    unit = tmp_path / "etc/systemd/system/inboxbot.service"
    assert unit.read_text() == (UNITS / "inboxbot.service").read_text()
    assert (tmp_path / "usr/local/bin/inboxbot").stat().st_mode & 0o777 == 0o755
    assert settings_file.stat().st_mode & 0o777 == 0o640
    assert template.stat().st_mode & 0o777 == 0o640
    settings_file.write_text("edited")
    template.write_text("edited")
    unit.write_text("old")
    install_files(tmp_path)
    assert settings_file.read_text() == "edited"
    assert template.read_text() == "edited"
    assert unit.read_text() == (UNITS / "inboxbot.service").read_text()


def test_a_python_in_a_home_folder_is_refused_and_the_old_program_stays(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho /home/ana/python3\n")
    python.chmod(0o755)
    old = tmp_path / "opt/inboxbot/bin/inboxbot"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    done = subprocess.run(
        [UNITS / "install.sh", "program", "a.whl", "lock"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "DESTDIR": str(tmp_path), "PYTHON": str(python)},
    )
    assert done.returncode == 1
    assert "PYTHON=/usr/bin/python3" in done.stderr
    assert old.read_text() == "old"


FAKE_PYTHON = """\
#!/bin/sh
case "$*" in
    *sys.executable*) echo /usr/bin/python3 ;;
    "-m venv"*)
        mkdir -p "$3/bin"
        cp "$0" "$3/bin/python"
        echo "#!$3/bin/python" >"$3/bin/tool" ;;
    *{refused}*) exit 1 ;;
esac
"""


def upgrade(root: Path, refused: str) -> subprocess.CompletedProcess[str]:
    """Put a new program over an old one; what pip is asked with the word `refused` fails."""
    python = root / "python"
    python.write_text(FAKE_PYTHON.format(refused=refused))
    python.chmod(0o755)
    old = root / "opt/inboxbot/bin/inboxbot"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    return subprocess.run(
        [UNITS / "install.sh", "program", "a.whl", "lock"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "DESTDIR": str(root), "PYTHON": str(python)},
    )


@pytest.mark.parametrize("refused", ["--require-hashes", "a.whl"])
def test_a_program_that_cannot_be_installed_leaves_the_old_one_in_its_place(tmp_path, refused):
    done = upgrade(tmp_path, refused)
    assert done.returncode == 1
    assert done.stderr
    assert (tmp_path / "opt/inboxbot/bin/inboxbot").read_text() == "old"
    assert [each.name for each in (tmp_path / "opt").iterdir()] == ["inboxbot"]


def test_a_new_program_names_the_place_where_it_lies_and_not_where_it_was_made(tmp_path):
    assert upgrade(tmp_path, "nothing").returncode == 0
    assert (tmp_path / "opt/inboxbot/bin/tool").read_text() == "#!/opt/inboxbot/bin/python\n"
    assert [each.name for each in (tmp_path / "opt").iterdir()] == ["inboxbot"]


def test_asking_how_a_word_goes_on_takes_no_detour_over_systemd(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho completed\n")
    program.chmod(0o755)
    command = tmp_path / "inboxbot"
    command.write_text(
        (UNITS / "inboxbot.sh").read_text().replace("/opt/inboxbot/bin/inboxbot", str(program))
    )
    command.chmod(0o755)
    done = subprocess.run(
        [command],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "_INBOXBOT_COMPLETE": "bash_complete"},
    )
    assert done.stdout == "completed\n"
