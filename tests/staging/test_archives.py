"""Archives that somebody else made: good ones arrive whole, hostile ones are refused with the
reason."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.staging.archives import Limits, unpack
from tidegate.staging.sources import SourceError

GOOD = {"add_sub/config.pbtxt": b"c", "add_sub/1/model.py": b"pass"}


def tar(path: Path, *members: tuple[str | tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as out:  # type: ignore[call-overload]
        for name, data in members:
            info = name
            if not isinstance(name, tarfile.TarInfo):
                info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members:
            out.writestr(name, data)
    return path


def raw(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def special(kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo("add_sub/1/model.py")
    info.type = kind
    info.linkname = link
    return info


def linked() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("add_sub/1/model.py")
    info.external_attr = 0o120777 << 16
    return info


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_arrives_whole_whatever_it_is_called(mode: str, tmp_path: Path) -> None:
    big = {
        "add_sub/1/weights": bytes(range(256)) * 6_000,
        f"add_sub/1/{'long' * 40}": b"pax",
        **GOOD,
    }
    unpack(tar(tmp_path / "blob", *big.items(), mode=mode), tmp_path / "out", "m.tar")
    assert files(tmp_path / "out") == big


def test_a_zip_arrives_whole(tmp_path: Path) -> None:
    unpack(
        zipped(tmp_path / "m.zip", *GOOD.items(), ("__MACOSX/x", b"")), tmp_path / "out", "m.zip"
    )
    assert files(tmp_path / "out") == GOOD


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "leaves the folder": (
        lambda p: tar(p, ("add_sub/../../evil", b"x")),
        "names must stay below the folder",
    ),
    "is absolute": (lambda p: tar(p, ("/etc/evil", b"x")), "names must stay below the folder"),
    "zip leaves the folder": (
        lambda p: zipped(p, ("../evil", b"x")),
        "names must stay below the folder",
    ),
    "zip with backslashes": (
        lambda p: zipped(p, ("a\\..\\..\\evil", b"x")),
        "names must stay below the folder",
    ),
    "steers a terminal": (lambda p: tar(p, ("a/\x1b[2Jx", b"x")), "control characters"),
    "a link": (
        lambda p: tar(p, (special(tarfile.SYMTYPE, "/etc/passwd"), b"")),
        "a link, a device",
    ),
    "a hard link": (
        lambda p: tar(p, (special(tarfile.LNKTYPE, "../../x"), b"")),
        "a link, a device",
    ),
    "a device": (lambda p: tar(p, (special(tarfile.CHRTYPE), b"")), "a link, a device"),
    "a fifo": (lambda p: tar(p, (special(tarfile.FIFOTYPE), b"")), "a link, a device"),
    "zip with a link": (lambda p: zipped(p, (linked(), b"/etc/passwd")), "a link or a device"),
    "twice the same name": (
        lambda p: tar(p, ("a/1/m", b"x"), ("a/1/m", b"y")),
        "cannot be unpacked: File exists",
    ),
    "a file and its folder": (lambda p: tar(p, ("a", b"x"), ("a/1/m", b"y")), "cannot be unpacked"),
    "too many files": (
        lambda p: tar(p, *((f"a/1/{n}", b"x") for n in range(11))),
        "more than 10 files",
    ),
    "too large": (
        lambda p: tar(p, ("a/1/m", bytes(5_000_001))),
        "larger than 5000000 bytes when unpacked",
    ),
    "too large a zip": (
        lambda p: zipped(p, ("a/1/m", bytes(5_000_001))),
        "larger than 5000000 bytes when unpacked",
    ),
    "no archive": (lambda p: raw(p, b"<html>"), "no archive that can be read"),
    "broken off": (lambda p: raw(p, tar(p, *GOOD.items()).read_bytes()[:-30]), "no archive"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing_outside(case: str, tmp_path: Path) -> None:
    make, message = HOSTILE[case]
    archive = make(tmp_path / "blob")
    with pytest.raises(SourceError, match="blob") as raised:
        unpack(archive, tmp_path / "a" / "b" / "out", "blob.tar", Limits(files=10, size=5_000_000))
    assert message in str(raised.value)
    assert not list(tmp_path.rglob("evil"))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A pax header tells its own size, and tarfile would read all of it."""
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    header.size = 1 << 33
    (tmp_path / "blob").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(SourceError, match=r"header of \d+ bytes"):
        unpack(tmp_path / "blob", tmp_path / "out", "blob.tar")


def test_headers_that_only_lead_to_headers_are_refused(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.GNUTYPE_LONGNAME
    header.size = 1
    (tmp_path / "blob").write_bytes((header.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 5000)
    with pytest.raises(SourceError, match="headers upon headers"):
        unpack(tmp_path / "blob", tmp_path / "out", "blob.tar")


def test_a_small_archive_that_grows_out_of_proportion_is_a_bomb(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "m.zip", ("a/1/m", bytes(4 << 20)))
    with pytest.raises(SourceError, match="looks like an archive bomb"):
        unpack(bomb, tmp_path / "out", "m.zip", Limits(small=1 << 20))
