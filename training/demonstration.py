"""The documents that `npm start` and the quality study read, where they are installed: path in node_modules → text."""
import pathlib

MODULES = pathlib.Path(__file__).parent.parent / "node_modules"


def demonstration(modules=MODULES):
    documents = {}
    for path in sorted(modules.rglob("*")):
        if path.name.lower().endswith((".md", ".d.ts", ".d.mts", ".d.cts")) and path.is_file() and not path.is_symlink():
            text = path.read_text(errors="replace")
            if 200 <= len(text) <= 200_000:
                documents[str(path.relative_to(modules))] = text
    return documents
