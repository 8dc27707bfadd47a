"""Documents, help, messages, names and template descriptions use the established terms.

Run one area with `pytest tests/docs/test_vocabulary.py -k core`; an area is a document, a subcommand, a template, a
file that configures a tool, or the strings, docstrings, comments or names of a folder.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.documents import ROOT, context_of, documents, generated_text, written_text
from image_pinner.cli.main import command

PACKAGE = ROOT / "macro" / "image_pinner"
CONTEXT = 40


@dataclass(frozen=True)
class Term:
    """A rejected term: its pattern, what to write instead, and texts that it matches and does not match."""

    pattern: str
    instead: str
    example: str
    allowed: str = ""

    @property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)


@dataclass(frozen=True)
class Allowed:
    """A reviewed exception: where it applies, the words around the term, and the reason."""

    area: str
    words: str
    reason: str


TERMS = (
    Term(r"\bask(?:s|ed|ing|ers?)?\b", "query, request, prompt; works offline", "asks nobody", "task"),
    Term(r"\bquestions?\b", "lookup, request", "all questions together"),
    Term(r"\blook[-_]ups?\b|\blook ups\b", "lookup", "a look-up failed", "look up the digest"),
    Term(r"\btell(?:s|ing|er)?\b|\btold\b", "report, print, show", "it cannot be told"),
    Term(
        r"\b(?:give|gives|gave|giving)\b|\bgiven (?:up|by|over)\b|\b(?:is|are|was|were) given\b",
        "pass, provide, set, return",
        "it was given credentials",
        "a given ID",
    ),
    Term(r"\b(?:say|says|said|saying)\b", "set, specify, report", "say Pin: Skip"),
    Term(r"\b(?:stands?|stood|standing)\b(?!-)", "is at, is in", "the mark stands in a list", "stand-alone tasks"),
    Term(r"(?<!\bin )(?<!\bin-)\bplaces?\b", "property path, location", "places of images", "edit in place"),
    Term(r"\bparted\b", "separated", "parted by `;`"),
    Term(r"(?<!/)\barms?\b(?![/\d])", "branch", "both arms of Fn::If", "linux/arm/v7"),
    Term(r"\b(?:comes?|came) to\b(?! be\b)", "evaluates to, resolves to", "what the expression comes to"),
    Term(r"(?<!\bthere )\b(?:is|are|was) no\b(?! longer)", "is not a", "the name is no option", "there is no file"),
    Term(r"\bnames? (?:neither|no)\b", "has no", "names neither tag nor digest", "names the macro"),
    Term(r"\bby (?:plain )?https?\b|(?-i:\bplain http\b)", "over plain HTTP", "asked by plain http", "over plain HTTP"),
    Term(r"(?<!certificate )\bauthorit(?:y|ies)\b", "certificate authority (CA)", "authorities of your own"),
    Term(r"\blogins?\b(?! page)|\blog in\b", "credentials", "a login for the registry", "an HTML login page"),
    Term(r"\bbesides?\b", "in addition to, next to", "beside the system's"),
    Term(r"\b(?:take|takes|taken|taking|took)(?: \w+){0,3} away\b", "remove, uninstall", "Take the macro away"),
    Term(r"\b(?:go|goes|going|went) back\b", "roll back", "go back to it"),
    Term(r"\b(?:bring|brings|brought)(?: \w+){0,5} up to date\b", "upgrade", "bring the macro up to date"),
    Term(r"\bverbs?\b", "subcommand", "each verb", "verbose"),
    Term(r"\blook(?:s|ed|ing)? into\b", "inspect", "templates are looked into"),
    Term(r"\bdefects?\b", "bug, internal error", "this is a defect"),
    Term(r"\bledgers?\b", "EventBridge events", "the ledger"),
    Term(r"\blog(?:'s)? lines?\b|\blines? of (?:the|its) log\b", "log record", "the line of the log"),
    Term(r"\b(?:leave|leaves|leaving|left)(?: \w+)? away\b", "omit", "leave it away"),
    Term(r"(?<!--)\bmaps?\b", "mapping, object", "a list of maps", "--map dev=prod"),
    Term(r"\bbounds\b", "limits", "the bounds of a run", "bound to a registry"),
    Term(r"\bgrave(?:r|st)?\b", "severe", "the gravest first"),
    Term(r"\bwho(?:ever)? deploys\b", "the deploying principal", "whoever deploys"),
    Term(r"\bmend(?:s|ed|ing)?\b", "fix", "what mends it"),
    Term(r"\bthe operator\b|\boperator's\b", "configuration", "settings of the operator", "registry operators"),
    Term(r"\b(?:make|makes|made) (?:\w+ )?up\b", "generate", "made up by CloudFormation"),
    Term(r"\b(?:is|are|was|written|there) twice\b", "duplicate", "the option is written twice"),
    Term(r"\bwaits for\b|\bwaited for\b", "retries after, is blocked on, is polled", "it is waited for", "wait for it"),
    Term(r"\bfaces?\b|\bdoors?\b", "entry point", "one of two doors", "interface"),
    Term(r"\bnearest\b|\bwins\b", "the most specific setting takes precedence", "the nearest wins"),
    Term(r"\bboth ways\b|\bin the end\b|\bfor good\b", "(delete)", "it works both ways"),
    # Of the same kind, but not in the list that this began with.
    Term(r"\bnobody\b|\bwhoever\b|\bone's own\b", "no user; the principal; custom", "nobody reads it"),
    Term(r"\b(?:every|some|any)body\b", "all users; another operation; anyone", "changed by somebody else"),
    Term(r"\bfor ?ever\b", "permanently, always", "503 for ever"),
    Term(r"\bstrangers?\b", "untrusted input; unknown", "strangers' texts"),
    Term(r"\bbeliev(?:e|es|ed|ing)\b", "trust", "its header is believed"),
    Term(r"\bways? (?:a)?round\b|\bway out\b", "override", "a way round the rule"),
    Term(r"\bhand(?:s|ed|ing)? (?:over|on)\b", "pass", "hand over the digest"),
    Term(r"\btries\b", "attempts", "after three tries"),
    Term(r"\b(?:an?|its|no|quoted|stray|the|without) marks?\b", "marker", "the quoted mark", "mark an image"),
    Term(r"\btime-outs?\b", "timeout", "the Lambda's time-out"),
    Term(r"\bremed(?:y|ies)\b", "help", "cause and remedy"),
    Term(r"\bcomplain(?:s|ed|ing|ts?)?\b", "report", "cfn-lint complains"),
    Term(r"\bwants\b|\bdemands\b|\bspeaks?\b", "requires, uses", "the registry wants a password"),
    Term(r"\bunder way\b", "in progress", "requests under way"),
    Term(r"\bfares?\b", "health", "how it fares"),
    Term(r"\b(?:come|comes|came) to be\b", "be created", "a stack that never came to be"),
    Term(r"\b(?:go|goes|going|went) on\b", "continue", "Go on without asking"),
    Term(r"\bshall\b", "must, should", "the log shall go too"),
    Term(r"\bwish(?:es)?\b", "option, request", "the wish for a platform"),
    Term(r"\banew\b", "again", "written anew"),
    Term(r"\b(?:left|leave|leaves|leaving)(?: \w+){0,3} alone\b", "not changed", "it leaves the images alone"),
    Term(r"\ballows? to\b", "allows reading, cannot be read", "it allows to read it", "is allowed to read it"),
    Term(r"\breplaces?(?: \S+){1,5} by\b", "replace with", "replaces the tag by a digest", "replaced by a digest"),
    Term(r"\bwrong use\b", "usage error", "2 wrong use"),
    Term(r"\bsee through\b", "look inside", "see through `Fn::If`"),
    Term(r"\bmetered\b(?![_-])", "that counts pulls", "metered registries", "metered-registries"),
    Term(r"\bsurroundings\b|\boutside world\b|\bworlds?\b", "environment, resolvers", "the world in memory"),
    Term(r"\bcensus\b|\bspots?\b|\bcarriers?\b", "node, property", "spots of a tree"),
)

NAME_TERMS = (
    *TERMS,
    Term(r"\brest\b", "a name that says of what", "rest"),
    Term(r"\bthings?\b|\bstuff\b", "a noun of the domain", "things"),
)
"""Names are matched with underscores and capitals turned into spaces."""

ALLOWED = (
    Allowed(r"README\.md", r"variable, say\)", "the words of a user"),
    Allowed(r"CHANGELOG\.md", r"`(?:asked|remedy|defect|LookUps|ledger: put)`", "the old names of renamed fields"),
    Allowed(
        r"strings core", r"core/lock_text.*: (?:map$|.*\"map\")", "the key of lock files with the mapping of registries"
    ),
    Allowed(r"docs/promotion\.md", r"`\"?map\"?`|\"map\":", "the same"),
    Allowed(r"strings cli/documents", r": map$", "the YAML tag of a mapping is tag:yaml.org,2002:map"),
    Allowed(r"(?:strings|docstrings) cli/credentials", r"docker[/ ]login", "the name of a Docker command"),
    Allowed(
        r"names(?: tests/(?:registry|unit))?",
        r"metered(?: registries)?$",
        "the setting IMAGE_PINNER_METERED_REGISTRIES",
    ),
    Allowed(r"names tests/(?:unit|registry)", r"docker login|registry logins$", "the name of a Docker command"),
    Allowed(r"docstrings tests/edge_cases", r"(?:docker/|amazon-ecr-)login|registry-map", "names of other projects"),
    Allowed(r"names tests/(?:edge_cases|fuzz|registry)", r"\barm\b", "the architecture"),
    Allowed(r"names tests/unit", r"plain http\b", "a proxy for http:// addresses"),
)


Texts = Iterator[tuple[str, str]]
"""Where each text is, and the text."""


def findings(texts: Texts, terms: tuple[Term, ...] = TERMS) -> Iterator[tuple[Term, str]]:
    """Yield each rejected term in `texts`, with its location and the words around it."""
    any_term = re.compile("|".join(term.pattern for term in terms), re.IGNORECASE)
    for location, text in texts:
        for term in terms if any_term.search(text) else ():
            for found in term.regex.finditer(text):
                words = text[max(0, found.start() - CONTEXT) : found.end() + CONTEXT].strip()
                yield term, f"{location}: {words}"


def paragraphs(document: str, text: str) -> Texts:
    """Yield the paragraphs and table rows of a document, each as one line without addresses of links."""
    for part in re.split(r"\n\s*\n|\n(?=\|)", text):
        line = " ".join(re.sub(r"https?://[^\s)>]+|\]\([^)]*\)", " ", part).split())
        if line:
            yield document, line


def written(document: str) -> Texts:
    return paragraphs(document, written_text(document))


def generated(document: str) -> Texts:
    return paragraphs(document, generated_text(document))


def words_of(name: str) -> str:
    """Return the words of an identifier."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()


@cache
def texts_of(folder: str) -> tuple[tuple[str, str], ...]:
    """Return the modules of a folder with their paths: at two levels and deeper, those of its folders too."""
    root = PACKAGE if (PACKAGE / folder).is_dir() else ROOT
    paths = (root / folder).rglob("*.py") if "/" in folder else (root / folder).glob("*.py")
    return tuple((path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in sorted(paths))


@cache
def trees(folder: str) -> tuple[tuple[str, ast.Module], ...]:
    """Return the same modules, parsed."""
    return tuple((path, ast.parse(text)) for path, text in texts_of(folder))


def folders(root: Path, start: Path) -> list[str]:
    """Return the folders with modules below `start`, at most two levels below `root`, which is empty itself."""
    found = {path.parent.relative_to(root).parts[:2] for path in start.rglob("*.py")}
    return sorted("/".join(parts) for parts in found)


def tool_files() -> list[str]:
    """Return the files that configure tools, and the data of the package."""
    named = ("Makefile", "pyproject.toml", "mkdocs.yml", "action.yml", ".pre-commit-hooks.yaml")
    found = [*ROOT.glob(".ci/*"), *ROOT.glob(".github/**/*.yml"), *PACKAGE.rglob("*.toml"), *map(ROOT.joinpath, named)]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def docstring_nodes(tree: ast.Module) -> list[ast.Constant]:
    """Return the docstrings, those under constants and fields included."""
    bodies = [body for node in ast.walk(tree) for body in (getattr(node, "body", None),) if isinstance(body, list)]
    values = [statement.value for body in bodies for statement in body if isinstance(statement, ast.Expr)]
    return [value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def docstrings(package: str) -> Texts:
    for path, tree in trees(package):
        for node in docstring_nodes(tree):
            yield f"{path}:{node.lineno}", " ".join(re.sub(r"https?://\S+", " ", str(node.value)).split())


def strings(package: str) -> Texts:
    """Yield all strings except docstrings; the values in an f-string are `{}`."""
    for path, tree in trees(package):
        seen = {id(node) for node in docstring_nodes(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                seen |= {id(part) for part in node.values}
                parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                yield f"{path}:{node.lineno}", "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen:
                yield f"{path}:{node.lineno}", node.value


def names(package: str) -> Texts:
    """Yield the words of all names: modules, classes, functions, parameters, fields and constants."""
    for path, tree in trees(package):
        yield path, words_of(Path(path).stem)
        for node in ast.walk(tree):
            for name in names_in(node):
                yield f"{path}:{getattr(node, 'lineno', 1)}", words_of(name)


def names_in(node: ast.AST) -> list[str]:
    """Return the names that a node defines."""
    found = []
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        found.append(node.name)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        found += [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
    if isinstance(node, ast.Module | ast.ClassDef):
        targets = [target for part in node.body if isinstance(part, ast.Assign) for target in part.targets]
        targets += [part.target for part in node.body if isinstance(part, ast.AnnAssign)]
        found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def help_text(subcommand: str) -> Texts:
    context = context_of(subcommand)
    yield f"{subcommand} --help".strip(), " ".join(context.command.get_help(context).split())


def comments(package: str) -> Texts:
    """Yield the comments of the modules of a package, those on consecutive lines as one."""
    for path, text in texts_of(package):
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from joined(path, ((token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT))


def template_comments(template: str) -> Texts:
    """Yield the comments of a YAML file that are on lines of their own."""
    lines = enumerate((ROOT / template).read_text("utf-8").splitlines(), 1)
    yield from joined(template, ((number, line) for number, line in lines if line.lstrip().startswith("#")))


def joined(location: str, lines: Iterable[tuple[int, str]]) -> Texts:
    """Yield the texts of comments with their first line; a comment may continue on the next line."""
    parts: list[str] = []
    last = -1
    for number, line in lines:
        if number != last + 1 and parts:
            yield f"{location}:{last - len(parts) + 1}", re.sub(r"https?://\S+", " ", " ".join(parts))
            parts = []
        parts.append(line.strip(" #"))
        last = number
    if parts:
        yield f"{location}:{last - len(parts) + 1}", re.sub(r"https?://\S+", " ", " ".join(parts))


class TagsAsStrings(yaml.SafeLoader):
    """Reads the tags of intrinsic functions as strings."""


TagsAsStrings.add_multi_constructor("!", lambda *_: "")


def descriptions(template: str) -> Texts:
    """Yield the descriptions in a template, with their keys."""

    def walk(node: Any, path: str) -> Texts:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            if str(key).endswith("Description") and isinstance(value, str):
                yield path, " ".join(value.split())
            yield from walk(value, f"{path}.{key}")

    yield from walk(yaml.load((ROOT / template).read_text("utf-8"), TagsAsStrings), template)


def areas() -> dict[str, tuple[Callable[[str], Texts], str, tuple[Term, ...]]]:
    """Return what is checked, by name: how to read it, its argument, and the terms."""
    found: dict[str, tuple[Callable[[str], Texts], str, tuple[Term, ...]]] = {}
    for document in documents():
        found[document] = (written, document, TERMS)
        if generated_text(document):
            found[f"generated in {document}"] = (generated, document, TERMS)
    for subcommand in ("", *command.list_commands(context_of("")), "lock publish"):
        found[f"help {subcommand}".strip()] = (help_text, subcommand, TERMS)
    for path in (*ROOT.glob("deploy/*.yaml"), *ROOT.glob("templates/*.yaml")):
        template = path.relative_to(ROOT).as_posix()
        found[f"descriptions {template}"] = (descriptions, template, TERMS)
        found[f"comments {template}"] = (template_comments, template, TERMS)
    for path in (ROOT / "tests" / "golden" / "refusals.yaml", *ROOT.glob("tests/golden/inputs/*.yaml")):
        template = path.relative_to(ROOT).as_posix()
        found[f"comments {template}"] = (template_comments, template, TERMS)
    found |= {file: (written, file, TERMS) for file in tool_files()}
    package = folders(PACKAGE, PACKAGE)
    # No user reads the strings of tests and tools.
    found |= {f"strings {folder}".strip(): (strings, folder, TERMS) for folder in package}
    for folder in (*package, *folders(ROOT, ROOT / "tests"), *folders(ROOT, ROOT / "tools")):
        for read, terms in ((docstrings, TERMS), (comments, TERMS), (names, NAME_TERMS)):
            found[f"{read.__name__} {folder}".strip()] = (read, folder, terms)
    return found


AREAS = areas()


@cache
def found_in(area: str) -> tuple[tuple[Term, str], ...]:
    read, argument, terms = AREAS[area]
    return tuple(findings(read(argument), terms))


def is_allowed(area: str, excerpt: str, one: Allowed) -> bool:
    return bool(re.fullmatch(one.area, area) and re.search(one.words, excerpt))


@pytest.mark.parametrize("term", NAME_TERMS, ids=lambda term: term.example)
def test_every_pattern_matches_its_example_and_not_the_allowed_one(term: Term) -> None:
    assert term.regex.search(term.example)
    assert not term.allowed or not term.regex.search(term.allowed)


@pytest.mark.parametrize(
    "area",
    [
        "README.md",
        "generated in README.md",
        "help pin",
        "descriptions deploy/macro.yaml",
        "comments tests/golden/refusals.yaml",
        "pyproject.toml",
        *(f"{kind} core" for kind in ("strings", "docstrings", "names")),
        *(f"{kind} tests/unit" for kind in ("docstrings", "comments", "names")),
    ],
)
def test_every_kind_of_area_is_read(area: str) -> None:
    read, argument, _ = AREAS[area]
    assert len("".join(text for _, text in read(argument))) > 100


def test_a_rejected_term_is_found_with_its_location() -> None:
    ((term, excerpt),) = findings(paragraphs("x.md", "One.\n\nIt is\ntold.\n"))
    assert (term.instead, excerpt) == ("report, print, show", "x.md: It is told.")
    assert words_of("JsonMap_of") == "json map of"


@pytest.mark.parametrize("area", AREAS)
def test_the_established_terms_are_used(area: str) -> None:
    rejected = [
        f"{excerpt}  → {term.instead}"
        for term, excerpt in found_in(area)
        if not any(is_allowed(area, excerpt, one) for one in ALLOWED)
    ]
    assert not rejected, f"{area}: {len(rejected)} rejected terms\n" + "\n".join(rejected)


@pytest.mark.parametrize("one", ALLOWED, ids=lambda one: one.words)
def test_every_exception_is_used_and_has_a_reason(one: Allowed) -> None:
    assert one.reason
    areas_of_it = [area for area in AREAS if re.fullmatch(one.area, area)]
    assert any(is_allowed(area, excerpt, one) for area in areas_of_it for _, excerpt in found_in(area))


def test_no_exception_is_listed_more_than_once() -> None:
    assert all(first != second for first, second in pairwise(sorted(ALLOWED, key=repr)))
