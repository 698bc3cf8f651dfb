"""Whose log is found by which name."""

from pathlib import Path

import pytest

from hoploom.local.task_logs import find, tasks

ONE, TWO = "1050a651-2c56-e8a9-e8a4-e22ed59adea5", "83ae8ab4-0d1d-0a0f-a0ea-6e36d913699f"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, ONE, "orders.stderr.0", "orders-4faba74e")
    write(tmp_path, TWO, "orders.stderr.0", "orders-ebb89771")
    write(tmp_path, TWO, "orders-stock.stdout.1", "orders-stock-4fab0000")
    write(tmp_path, TWO, "orders.stdout.0", "")
    return tmp_path


def write(root: Path, allocation: str, name: str, instance: str) -> None:
    folder = root / "nomad-client" / "alloc" / allocation / "alloc" / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    text = f'{{"level": "info", "instance_id": "{instance}", "event": "registered"}}\n' if instance else ""
    (folder / name).write_text(text, encoding="utf-8")


FOUND = [
    ("a service", "orders", [ONE, TWO]),
    ("another whose name begins so", "orders-stock", [TWO]),
    ("an instance", "orders-ebb89771", [TWO]),
    ("how an instance begins", "orders-4fab", [ONE]),
    ("an instance of the other", "orders-stock-4f", [TWO]),
    ("an allocation", TWO, [TWO, TWO]),
    ("how an allocation begins", "1050a651", [ONE]),
    ("nobody", "stock", []),
    ("an instance that is none", "orders-0000", []),
    ("too little of an allocation", "83a", []),
    ("a way out of the folder", "../../etc", []),
]


@pytest.mark.parametrize(("name", "expected"), [each[1:] for each in FOUND], ids=[each[0] for each in FOUND])
def test_a_log_is_found_by_the_name_of(root: Path, name: str, expected: list[str]) -> None:
    assert sorted(path.parents[2].name for path in find(root, name)) == expected


def test_a_log_without_a_word_is_none_and_what_has_one_is_named(root: Path) -> None:
    assert tasks(root) == ["orders", "orders-stock"]
    assert not [path for path in find(root, "orders") if path.name == "orders.stdout.0"]
