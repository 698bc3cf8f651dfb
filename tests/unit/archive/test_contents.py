"""`archive.contents`: what of a wheel belongs into the archive."""

import pytest

from hoploom.archive.contents import place


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("aiohttp/client.py", "lib/aiohttp/client.py"),
        ("numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so",
         "lib/numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so"),
        ("numpy.libs/libopenblas.so", "lib/numpy.libs/libopenblas.so"),
        ("numpy/testing/overrides.py", "lib/numpy/testing/overrides.py"),
        ("rich-15.0.0.dist-info/METADATA", "lib/rich-15.0.0.dist-info/METADATA"),
        ("rich-15.0.0.dist-info/licenses/LICENSE", "lib/rich-15.0.0.dist-info/licenses/LICENSE"),
        ("x-1.data/purelib/x/a.py", "lib/x/a.py"),
        ("x-1.data/scripts/x", None),
        ("rich-15.0.0.dist-info/RECORD", None),
        ("numpy/ma/tests/test_core.py", None),
        ("numpy/_core/include/numpy/arrayobject.h", None),
        ("numpy/__init__.pyi", None),
        ("zstandard/_cffi.cpython-311-x86_64-linux-gnu.so", None),
        ("zstandard/backend_c.cpython-311-x86_64-linux-gnu.so",
         "lib/zstandard/backend_c.cpython-311-x86_64-linux-gnu.so"),
        ("x/", None),
        ("/etc/passwd", None),
        ("x/../../etc/passwd", None),
        ("x-1.data/purelib/../../etc/passwd", None),
    ],
)
def test_each_file_of_a_wheel_has_its_place_or_none(name: str, where: str | None) -> None:
    assert place(name) == where
