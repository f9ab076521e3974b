"""The API keys that the server accepts: in SIFT_GPU_KEYS, or in the file that SIFT_GPU_KEYS_FILE names, as container and
service managers hand secrets out. Without either only loopback is served, and all callers are one."""

from collections.abc import Mapping
from pathlib import Path


class KeysError(ValueError):
    pass


def keys_of(env: Mapping[str, str]) -> list[str]:
    """Keys are separated by blanks, line breaks or commas."""
    text, file = env.get("SIFT_GPU_KEYS", ""), env.get("SIFT_GPU_KEYS_FILE", "")
    if text and file:
        raise KeysError("SIFT_GPU_KEYS and SIFT_GPU_KEYS_FILE are both set: give one of them")
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeysError(f"SIFT_GPU_KEYS_FILE cannot be read: {error}") from error
    keys = text.replace(",", " ").split()
    if file and not keys:
        raise KeysError(f"SIFT_GPU_KEYS_FILE: {file} holds no key")
    return keys
