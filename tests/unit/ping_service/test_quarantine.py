"""What is set aside: kept with its reason, bounded, the oldest dropped first."""

from pathlib import Path

from hoploom.ping_service.quarantine import Quarantine
from hoploom.ping_service.segment import Name


def segment(folder: Path, place: int, size_bytes: int = 1000) -> Path:
    path = folder / str(Name(place, f"{place:08x}-0000-4000-8000-000000000000"))
    path.write_bytes(bytes(size_bytes))
    return path


def opened(folder: Path, max_bytes: int = 2**20) -> Quarantine:
    found = Quarantine(folder, max_bytes)
    found.open()
    return found


def test_a_segment_is_kept_with_its_reason_beside_it_also_by_the_next_run(tmp_path: Path) -> None:
    found, path = opened(tmp_path), segment(tmp_path, 7)
    found.take(path, "row 3 is wrong (422)")
    assert not path.exists() and len(found) == 1
    assert (found.folder / f"{path.name}.reason").read_text() == "row 3 is wrong (422)\n"
    again = opened(tmp_path)
    assert (len(again), again.last_place) == (1, 7)


def test_an_empty_one_has_no_last_place(tmp_path: Path) -> None:
    assert (len(opened(tmp_path)), opened(tmp_path).last_place) == (0, -1)


def test_when_it_is_full_the_oldest_are_dropped(tmp_path: Path) -> None:
    found = opened(tmp_path, 100_000)
    for place in range(20):
        found.take(segment(tmp_path, place, 10_000), "no")
    kept = sorted(each.name for each in found.folder.glob("*.segment"))
    assert [int(name[:12]) for name in kept] == [15, 16, 17, 18, 19] and len(found) == 5
    assert len(list(found.folder.iterdir())) == 10
    assert len(opened(tmp_path, 50_000)) == 2


def test_many_empty_files_are_bounded_too(tmp_path: Path) -> None:
    found = opened(tmp_path, 100_000)
    for place in range(50):
        found.take(segment(tmp_path, place, 0), "the file is empty")
    assert len(found) == 12


def test_of_what_is_dropped_at_once_nothing_is_left(tmp_path: Path) -> None:
    found = opened(tmp_path, 100_000)
    for place in range(5, 10):
        found.take(segment(tmp_path, place, 10_000), "no")
    found.take(segment(tmp_path, 0, 10_000), "no")
    found.take(segment(tmp_path, 20, 200_000), "no")
    assert list(found.folder.iterdir()) == [] and len(found) == 0
