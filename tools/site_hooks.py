"""MkDocs hooks: publish Markdown files from outside of docs/ as pages, and make their links work on the site."""

from __future__ import annotations

import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "report-a-vulnerability.md",
    "deploy/README.md": "install.md",
}
"""Files outside of docs/, and the pages of the site that they become."""

_FENCE = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s]+)(?=[)\s])")


def on_files(files: Any, config: Any) -> Any:
    """Add the files outside of docs/ to the site."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - the tests of this module run without MkDocs

    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite the links of a page for the site."""
    return rewrite_links(markdown, page.file.src_uri)


def rewrite_links(markdown: str, page: str) -> str:
    """Rewrite the relative links in `markdown`, the text of `page`, outside of code blocks."""
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(lambda link: site_link(link["target"], page), markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(lambda link: site_link(link["target"], page), markdown[end:])])


def site_link(target: str, page: str) -> str:
    """Return the link on `page` to what `target` links to in the repository.

    A file that is a page of the site becomes a relative link, any other file a link to the repository.
    """
    path, hash_sign, anchor = target.partition("#")
    if not path or re.match(r"[a-z][a-z0-9+.-]*:", path, re.IGNORECASE):
        return target
    source = {published: name for name, published in PAGES.items()}.get(page, f"docs/{page}")
    linked = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    published = PAGES.get(linked, linked.removeprefix("docs/") if linked.startswith("docs/") else "")
    if not published.endswith(".md"):
        return f"{repository_url()}/blob/main/{linked}{hash_sign}{anchor}"
    return f"{posixpath.relpath(published, posixpath.dirname(page) or '.')}{hash_sign}{anchor}"


def repository_url() -> str:
    """Return the URL of the repository, which only pyproject.toml and the README name."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"])
