"""One file of a package as a document: which domain it belongs to, and its text without markup; None for what is no document."""
import gzip, html, re

MAX_FILE = 200_000  # characters; generated bundles say little per byte
DOMAINS = {".md": "markdown", ".markdown": "markdown", ".rst": "docs", ".txt": "docs", ".html": "docs", ".py": "python",
           ".ts": "typescript", ".js": "javascript", ".mjs": "javascript", ".c": "c", ".h": "c", ".json": "config",
           ".yml": "config", ".yaml": "config", ".toml": "config", ".cfg": "config", ".ini": "config", ".conf": "config"}

TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.S | re.I)
MAN_NOISE = re.compile(r'^[.\'](\\"|ie|el|if|de|ds|nr|\.$).*$', re.M)


def read_text(path):
    """The document's text and domain, or None: binary, minified, generated or not a document."""
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    name = path.name[:-3] if path.suffix == ".gz" else path.name
    name = re.sub(r"\.html\.en$", ".html", name)  # apache2-doc says the language last
    suffix = "." + name.rsplit(".", 1)[-1].lower() if "." in name else ""
    domain = DOMAINS.get(suffix)
    if "/man/man" in str(path):
        domain = "manuals"
    elif name.upper().startswith("README") and domain in (None, "docs"):
        domain = "docs"
    if domain is None or re.search(r"\.min\.|package-lock|changelog|\.map$|copying|licen[cs]e|bundle\.|\.generated\.", name, re.I):
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if suffix == ".html":
        text = re.sub(r"\n\s*\n\s*", "\n\n", html.unescape(TAGS.sub("", text)))
    if domain == "manuals":
        if text.startswith(".so "):
            return None
        text = re.sub(r"\\f[BIRP]|\\&|\\/", "", MAN_NOISE.sub("", text)).replace("\\-", "-").strip() + "\n"
    if not 200 <= len(text) <= MAX_FILE:
        return None
    lines = text.split("\n")
    if len(text) / len(lines) > 160 or max(map(len, lines)) > 2_000:  # minified or data
        return None
    if domain == "config" and len(text) > 20_000:
        return None
    return domain, text
