"""tritonserver's install: where it can run, and that the wheel carries the locked requirements."""

from pathlib import Path

from tidegate_local.processes import toolchain


def test_the_packaged_requirements_are_the_locked_ones() -> None:
    locked = Path(__file__).parents[2] / "requirements" / "triton.txt"
    assert toolchain.REQUIREMENTS.read_text() == locked.read_text()


def test_each_unsupported_machine_gets_its_reason() -> None:
    good = {"system": "linux", "machine": "x86_64", "libc": ("glibc", "2.36"), "python": (3, 11)}
    assert toolchain.unsupported(**good) is None  # type: ignore[arg-type]
    cases = {
        "this is darwin on arm64": {"system": "darwin", "machine": "arm64"},
        "this is glibc 2.31": {"libc": ("glibc", "2.31")},
        "this is no glibc": {"libc": ("", "")},
        "this is 3.13": {"python": (3, 13)},
    }
    for reason, change in cases.items():
        assert reason in str(toolchain.unsupported(**{**good, **change}))  # type: ignore[arg-type]


def test_the_install_is_named_by_what_it_holds(tmp_path: Path) -> None:
    install = toolchain.location(tmp_path)
    assert install.root.parent == tmp_path
    assert install.root.name.startswith("triton-")
    assert install.server.name == "tritonserver"
