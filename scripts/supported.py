"""Say in one line why this machine cannot run Tidegate's local plane; silent where it can."""

import os
import platform
import sys

if sys.platform != "linux" or platform.machine() != "x86_64":
    sys.exit(
        f"Tidegate's local plane needs Linux on x86-64, this is {sys.platform} on "
        f"{platform.machine()}."
    )
if not (3, 11) <= sys.version_info[:2] < (3, 13):
    sys.exit(f"Tidegate needs Python 3.11 or 3.12, this is {platform.python_version()}.")
try:
    LIBC = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (ValueError, OSError):
    LIBC = ""
NAME, _, VERSION = LIBC.partition(" ")
if NAME != "glibc" or tuple(map(int, VERSION.split(".")[:2])) < (2, 35):
    sys.exit(
        "Tidegate's local plane needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04), this is "
        f"{LIBC or 'another libc'}."
    )
