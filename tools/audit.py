"""Look up every locked version among the known vulnerabilities, and say plainly what came of it.

Usage: audit.py PIP-AUDIT LOCK...   Exit code 0: none is known; 1: some are; 69: nobody could be
asked about some of the versions, which is no good news.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# Asked in this order: both know the same advisories, and either may be out of reach.
SERVICES = {"pypi": "the package index", "osv": "the OSV database"}
UNAVAILABLE = 69


def main(pip_audit: str, *locks: str) -> int:
    """Ask the first service that answers about all versions; return the exit code."""
    said = []
    for service, name in SERVICES.items():
        found, trouble = _asked(pip_audit, service, locks)
        unknown = [each["name"] for each in found if "skip_reason" in each]
        if found and not unknown:
            return _tell(found, name)
        missing = f"it knows nothing of {len(unknown)} of {len(found)}, such as {unknown[:3]}"
        said.append(f"{name}: {trouble or missing}")
    print("The versions could not be looked up:", *said, sep="\n  ", file=sys.stderr)  # noqa: T201
    print(  # noqa: T201
        "Nothing is known of them, good or bad. Run it where one of these can be reached "
        "(behind a proxy set HTTPS_PROXY), at best once a week.",
        file=sys.stderr,
    )
    return UNAVAILABLE


def _asked(
    pip_audit: str, service: str, locks: tuple[str, ...]
) -> tuple[list[dict[str, Any]], str]:
    """Return what is known of each version, or in a line why nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "audit.json"
        asked = [each for lock in locks for each in ("--requirement", lock)]
        done = subprocess.run(  # noqa: S603  (our own tool)
            [pip_audit, "--vulnerability-service", service, "--require-hashes", "--disable-pip",
             "--format", "json", "--output", str(report), "--progress-spinner", "off", *asked],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if report.exists() and report.stat().st_size:
            return json.loads(report.read_text())["dependencies"], ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return [], (lines[-1] if lines else f"exit code {done.returncode}")[:200]


def _tell(found: list[dict[str, Any]], name: str) -> int:
    bad = [each for each in found if each["vulns"]]
    for each in bad:
        for known in each["vulns"]:
            mended = ", ".join(known["fix_versions"]) or "no version yet"
            print(f"{each['name']} {each['version']}: {known['id']}, mended in {mended}")  # noqa: T201
    print(f"{len(found)} locked versions, {len(bad)} with known vulnerabilities ({name}).")  # noqa: T201
    if bad:
        print("Raise them in pyproject.toml, then: make lock, make test")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
