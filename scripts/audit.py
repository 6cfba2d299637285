"""What the image is made of: every licence is one that a company may ship, and no version has a
known vulnerability.

Vulnerabilities are asked of pip-audit's service. Where that cannot be reached nothing is concluded,
which is said.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path("requirements/base.txt")
BIN = Path(sys.executable).parent
# Permissive, or copyleft that ends at the library's own files and is used unchanged (LGPL: psycopg;
# MPL: certifi).
ALLOWED = (
    "0BSD", "3-Clause BSD License", "Apache Software License", "Apache-2.0", "BSD License", "BSD-2-Clause",
    "BSD-3-Clause", "CC0-1.0", "ISC License (ISCL)", "ISC", "LGPL-3.0-only", "MIT License", "MIT", "MIT-0",
    "Mozilla Public License 2.0 (MPL "
    "2.0)", "MPL-2.0", "PSF-2.0", "Python Software Foundation License", "Zlib",
    "ZPL-2.1",
)  # fmt: skip
PATIENCE_S = 120


def locked(lock: str) -> list[str]:
    """The names in a locked requirements file."""
    return sorted(set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)))


def strange(licence: str) -> list[str]:
    """Which parts of a licence expression are not allowed. `A OR B` needs one of them."""
    choices = [
        re.split(r" AND |; ", item[1:-1] if item.startswith("(") else item)
        for item in licence.split(" OR ")
    ]
    wrong = [[part for part in parts if part not in ALLOWED] for parts in choices]
    if [] in wrong:
        return []
    return wrong[0]


def licences(names: list[str]) -> list[str]:
    """Complaints about installed packages, a line each."""
    command = [BIN / "pip-licenses", "--from=mixed", "--format=json", "--packages", *names]
    packages = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return [
        f"{item['Name']} {item['Version']}: licence {', '.join(wrong)} is not among those allowed "
        "in "
        "scripts/audit.py"
        for item in packages
        if (wrong := strange(item["License"]))
    ]


def vulnerabilities() -> tuple[list[str], str]:
    """Complaints, a line each, and how much was looked at."""
    command = [BIN / "pip-audit", "-r", LOCK, "--disable-pip", "--require-hashes", "-f", "json"]
    try:
        ran = subprocess.run(
            [*command, "--progress-spinner", "off"],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        packages = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return [], "pip-audit's data cannot be reached: no version was looked at"
    seen = [package for package in packages if "vulns" in package]
    vulnerable = [
        f"{item['name']} {item['version']}: {bug['id']}, fixed in "
        f"{', '.join(bug['fix_versions']) or 'no version yet'}"
        for item in seen
        for bug in item["vulns"]
    ]
    return (
        vulnerable,
        f"pip-audit: {len(seen)} of {len(packages)} versions looked at (of the others it has no "
        "data here)",
    )


def main() -> None:
    """Ends with 1 where something is wrong."""
    names = locked(LOCK.read_text())
    wrong = licences(names)
    known, message = vulnerabilities()
    print(f"licences: {len(names)} packages; {message}")
    if wrong or known:
        sys.exit("\n".join([*wrong, *known]))


if __name__ == "__main__":
    main()
