"""Install tritonserver for the local plane, once per machine.

tritonserver comes in the nvidia-pytriton wheel and needs numpy < 2, which the services must not be
bound to; so it gets a virtual environment of its own in the cache, named by the hash of its locked
requirements. It is built beside its final name and renamed, under a lock: an aborted or a second
install leaves nothing half.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate.folders import cache_dir
from tidegate_local.home import locked

# A copy of requirements/triton.txt: a wheel carries no files from outside the package (a test
# compares them).
REQUIREMENTS = Path(__file__).with_name("triton-requirements.txt")
_PYTHONS = ((3, 11), (3, 12))
_GLIBC = (2, 35)


class ToolchainError(TidegateError):
    """tritonserver cannot be installed; says why and what to do."""


@dataclass(frozen=True, slots=True)
class TritonInstall:
    """An installed tritonserver: the root of its virtual environment."""

    root: Path

    @property
    def site_packages(self) -> Path:
        """Where its wheels are."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.root / "lib" / version / "site-packages"

    @property
    def server(self) -> Path:
        """The tritonserver program."""
        return self.site_packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"

    @property
    def backends(self) -> Path:
        """Triton's --backend-directory."""
        return self.root / "backends"

    @property
    def library_path(self) -> str:
        """LD_LIBRARY_PATH: the wheel's libraries (without them the server hangs while loading) and
        the interpreter's (the backend's stub links libpython; a uv or pyenv Python keeps its
        own)."""
        libpython = dict.fromkeys(
            [str(sysconfig.get_config_var("LIBDIR")), f"{sys.base_prefix}/lib"]
        )
        return ":".join([str(self.site_packages / "nvidia_pytriton.libs"), *libpython])


def unsupported(
    system: str = sys.platform,
    machine: str = platform.machine(),
    libc: tuple[str, str] = platform.libc_ver(),
    python: tuple[int, int] = sys.version_info[:2],
) -> str | None:
    """Why tritonserver cannot run on this machine, in one line; None where it can."""
    if system != "linux" or machine not in ("x86_64", "AMD64"):
        return f"the tritonserver wheel is for x86-64 Linux; this is {system} on {machine}"
    name, version = libc
    if name != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < _GLIBC:
        return f"tritonserver needs glibc 2.35 or newer; this is {name or 'no glibc'} {version}".rstrip()
    if python not in _PYTHONS:
        return f"tritonserver's Python backend needs Python 3.11 or 3.12; this is {python[0]}.{python[1]}"
    if not _has_libpython(python):
        return f"tritonserver's Python backend needs libpython{python[0]}.{python[1]}.so: install that package"
    return None


def _has_libpython(python: tuple[int, int]) -> bool:
    name = f"python{python[0]}.{python[1]}"
    folders = (Path(str(sysconfig.get_config_var("LIBDIR"))), Path(sys.base_prefix) / "lib")
    return any((folder / f"lib{name}.so.1.0").exists() for folder in folders) or bool(
        find_library(name)
    )


def location(cache: Path | None = None) -> TritonInstall:
    """Where the install for these requirements and this Python is, or will be."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    name = f"triton-{digest}-py{sys.version_info.major}.{sys.version_info.minor}"
    return TritonInstall((cache or cache_dir()) / name)


def ensure(say: Callable[[str], None] = lambda _: None, cache: Path | None = None) -> TritonInstall:
    """Install tritonserver unless it is there. About 74 MB to download, 250 MB on disk. `say` gets
    progress lines. Raises ToolchainError."""
    reason = unsupported()
    if reason:
        raise ToolchainError(reason)
    install = location(cache)
    if install.backends.exists():
        return install
    with locked(install.root.with_name(f"{install.root.name}.lock")):
        if not install.backends.exists():
            _build(install, say)
    return install


def _build(install: TritonInstall, say: Callable[[str], None]) -> None:
    beside = install.root.with_name(f"{install.root.name}.building")
    for stale in (beside, install.root):
        shutil.rmtree(stale, ignore_errors=True)
    say(f"installing tritonserver into {install.root} (74 MB, once)")
    _run([sys.executable, "-m", "venv", str(beside)])
    pip = [
        str(beside / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
    ]
    _run([*pip, "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)])
    _link_backend(TritonInstall(beside))
    beside.rename(install.root)
    say("tritonserver is installed")


def _link_backend(install: TritonInstall) -> None:
    """Put the Python backend and the stub for this Python into one folder, where the backend looks
    for it."""
    triton = install.server.parent.parent
    stubs = triton / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}"
    target = install.backends / "python"
    target.mkdir(parents=True)
    files = [
        *(triton / "backends" / "python").glob("*triton_python*"),
        stubs / "triton_python_backend_stub",
    ]
    for file in (install.server, *files):
        if not file.exists():
            raise ToolchainError(
                f"the nvidia-pytriton wheel brought no {file.name}: its layout has changed"
            )
    for file in files:
        (target / file.name).symlink_to(os.path.relpath(file, target))


def _run(command: list[str]) -> None:
    environ = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ToolchainError(f"{' '.join(command)} failed with {done.returncode}:\n{tail}")


def main() -> int:
    """`python -m tidegate_local.processes.toolchain`: install and print where."""
    try:
        install = ensure(say=lambda line: print(line, file=sys.stderr))  # noqa: T201
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(install.root)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
