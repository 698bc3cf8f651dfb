"""The script that makes a machine a worker: what it says before anything is installed, and what cannot get into it."""

import os
import subprocess
from pathlib import Path

import jinja2
import pytest

from hoploom.kit.errors import BadRequest
from hoploom.manager.joining import script
from hoploom.manager.joining.archives import Archive
from hoploom.manager.joining.attaching import TEMPLATES

ARCHIVES = [
    Archive(f"hoploom-worker-0.1.0-linux-{arch}-cp3{minor}.tar.gz", "0.1.0", arch, f"3.{minor}", True, "ab" * 32)
    for arch in ("aarch64", "x86_64")
    for minor in (11, 13)
]
URL = "https://map.example.org"


def rendered(*, authority: str = "", archives: list[Archive] | None = None, folder: str = "/srv/a b's") -> str:
    offer = script.Offer(URL, ARCHIVES if archives is None else archives, folder, authority)
    return script.render(script.templates(jinja2.FileSystemLoader(TEMPLATES)), offer)


def ran(text: str, fakes: Path, **programs: str) -> "subprocess.CompletedProcess[str]":
    """Run a script where these programs answer by these lines of shell."""
    for name, body in programs.items():
        (fakes / name).write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
        (fakes / name).chmod(0o755)
    path = f"{fakes}:{os.environ['PATH']}"
    return subprocess.run(["sh"], input=text, capture_output=True, text=True, check=False, env={"PATH": path})


@pytest.mark.parametrize("text", [rendered(), rendered(authority="-----BEGIN CERTIFICATE-----\nx\n"),
                                  rendered(archives=[])])
def test_it_is_a_shell_script_without_a_hole(text: str) -> None:
    assert subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False).stderr == ""
    assert "{{" not in text and "{%" not in text


GETCONF = 'case $1 in LONG_BIT) echo {bits} ;; *) {libc} ;; esac'
MACHINES = [
    ("a Raspberry Pi with a 32-bit system", "echo armv7l", GETCONF.format(bits=32, libc="echo glibc 2.36"),
     "needs a 64-bit system, x86_64 or aarch64, and this one is armv7l"),
    ("a 32-bit system under a 64-bit kernel", "echo aarch64", GETCONF.format(bits=32, libc="echo glibc 2.36"),
     "here only the kernel is one"),
    ("musl", "echo x86_64", GETCONF.format(bits=64, libc="exit 1"), "needs glibc 2.28 or newer"),
    ("an old glibc", "echo x86_64", GETCONF.format(bits=64, libc="echo glibc 2.27"), "this system has glibc 2.27"),
]


@pytest.mark.parametrize(
    ("uname", "getconf", "said"), [each[1:] for each in MACHINES], ids=[each[0] for each in MACHINES]
)
def test_a_machine_that_cannot_be_a_worker_hears_it_before_anything_is_fetched(
    uname: str, getconf: str, said: str, tmp_path: Path
) -> None:
    touched = f"touch {tmp_path}/touched"
    found = ran(rendered(), tmp_path, uname=uname, getconf=getconf, curl=touched, useradd=touched, mkdir=touched)
    assert (found.returncode, found.stdout) == (2, "")
    assert said in found.stderr and found.stderr.endswith("; nothing was installed\n")
    assert len(found.stderr.splitlines()) == 1 and not (tmp_path / "touched").exists()


@pytest.mark.parametrize(("folder", "said"), [("/srv/a b's", "/srv/a b's"), ("", "--archive-dir")])
def test_without_archives_it_says_one_sentence(folder: str, said: str, tmp_path: Path) -> None:
    found = ran(rendered(archives=[], folder=folder), tmp_path)
    assert (found.returncode, found.stdout, len(found.stderr.splitlines())) == (2, "", 1)
    assert said in found.stderr and found.stderr.endswith("; nothing was installed\n")


def test_half_of_it_does_nothing(tmp_path: Path) -> None:
    whole = rendered()
    cut = whole[: whole.index("start() {")]
    found = ran(cut, tmp_path, **dict.fromkeys(("uname", "curl", "mkdir"), f"touch {tmp_path}/touched"))
    assert found.stdout == "" and not (tmp_path / "touched").exists()


def test_the_sums_and_the_authority_stand_in_it() -> None:
    text = rendered(authority="-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----")
    assert all(each.name in text and each.sha256 in text for each in ARCHIVES)
    assert "-----END CERTIFICATE-----\nAUTHORITY\n" in text and text.count("--cacert") == 1
    assert "--cacert" not in rendered() and "--proto =https" in rendered()


ADDRESSES = [
    (("https", "map.example.org", ""), "https://map.example.org"),
    (("http", "127.0.0.1:9999", "/hoploom/"), "http://127.0.0.1:9999/hoploom"),
    (("https", "[fd71:1::11]:443", ""), "https://[fd71:1::11]:443"),
    (("https", "x$(id)", ""), None),
    (("https", "x'; id; '", ""), None),
    (("https", "a\nb", ""), None),
    (("https", "-rf", ""), None),
    (("ftp", "map.example.org", ""), None),
]


@pytest.mark.parametrize(("given", "expected"), ADDRESSES)
def test_nothing_but_an_address_gets_into_it(given: tuple[str, str, str], expected: str | None) -> None:
    if expected:
        assert script.address(*given) == expected
        return
    with pytest.raises(BadRequest, match="address"):
        script.address(*given)
