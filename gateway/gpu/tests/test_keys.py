"""Where the accepted keys come from; a file that should hold some and does not must never open the server to everybody."""

import pytest
from sift_gpu.keys import KeysError, keys_of


def test_a_variable_or_a_file(tmp_path):
    file = tmp_path / "keys"
    file.write_text("one\ntwo, three\n")
    assert keys_of({}) == []
    assert keys_of({"SIFT_GPU_KEYS": "one two,three"}) == ["one", "two", "three"]
    assert keys_of({"SIFT_GPU_KEYS_FILE": str(file)}) == ["one", "two", "three"]


def test_refusals(tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for env in (
        {"SIFT_GPU_KEYS": "a", "SIFT_GPU_KEYS_FILE": str(empty)},
        {"SIFT_GPU_KEYS_FILE": str(empty)},
        {"SIFT_GPU_KEYS_FILE": str(tmp_path / "none")},
    ):
        with pytest.raises(KeysError):
            keys_of(env)
