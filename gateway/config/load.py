"""From files and the environment to settings, policies and routes; or to every problem in one report."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.core.policy import Policy, Route

from .advice import advice_on
from .checks import Draft, check_all, check_policy
from .context import Context, Section
from .document import Document, read_document
from .lines import KeyPath, Lines
from .outside import hosts_of
from .policies import PolicyFile, is_policy_name, policy_of
from .problems import ConfigurationError, Problem, dotted, message_of, told
from .routes import route_of
from .schema import json_schema, policy_json_schema
from .settings import TABLES, Settings

S = TypeVar("S", bound=Section)
Check = Callable[[Draft], Iterable[Problem]]


@dataclass(frozen=True)
class Loaded:
    """A configuration that can be used. `warnings` are sentences for the operator, without secrets."""

    file: str
    lines: Lines
    settings: Settings
    policies: dict[str, Policy]
    routes: tuple[Route, ...]
    warnings: tuple[str, ...]

    def problem(self, key: KeyPath, message: str) -> Problem:
        """What showed only in use: told like any other problem, with the line of its key."""
        return Problem(self.file, self.lines[key], dotted(key), message)


def load(path: Path, *, env: Mapping[str, str], more: Iterable[Check] = ()) -> Loaded:
    """Read gateway.toml at `path`, its policy files and secrets. Raises ConfigurationError with all problems.

    `more`: checks by rooms that know what a value is for, so that their problems are in the same report.
    """
    problems: list[Problem] = []
    document = read_document(path)
    if isinstance(document, Problem):
        raise ConfigurationError((document,))
    for name in TABLES:  # an absent table is an empty one: what it must hold is then said key by key
        document.data.setdefault(name, {})
    server = document.data.get("server")
    server = server if isinstance(server, dict) else {}
    base = Path(os.path.abspath(path)).parent  # not resolved: Kubernetes links each file elsewhere
    context = Context(base, env, development=server.get("development") is True)

    whole, of_policy = json_schema(), policy_json_schema()
    settings = _validated(Settings, document, context, whole, {"a policy (policies/NAME.toml)": of_policy}, problems)
    files: dict[str, PolicyFile | None] = {}
    documents: dict[str, Document] = {}
    folder = server.get("policies", "policies")
    for name, found in _policy_documents(path.parent / folder) if isinstance(folder, str) else ():
        files[name] = None
        if isinstance(found, Problem):
            problems.append(found)
            continue
        documents[name] = found
        files[name] = _validated(PolicyFile, found, context, of_policy, {document.file: whole}, problems)

    draft = Draft(document, context, files)
    problems += [_problem(document, key, message) for key, message in check_all(draft)]
    for name, file in files.items():
        if file:
            problems += [_problem(documents[name], key, message) for key, message in check_policy(file, draft)]
    for check in more:
        problems += check(draft)
    if settings is None or problems:
        problems.sort(key=lambda problem: (problem.file != document.file, problem.file, problem.line))
        raise ConfigurationError(tuple(problems))
    policies = {name: policy_of(name, file) for name, file in files.items() if file}
    settings = _completed(settings)
    warnings = dict.fromkeys([*context.warnings, *advice_on(settings)])
    return Loaded(document.file, document.lines, settings, policies, _routes(settings, policies), tuple(warnings))


def _validated(
    kind: type[S],
    document: Document,
    context: Context,
    schema: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    problems: list[Problem],
) -> S | None:
    try:
        return kind.model_validate(document.data, context=context)
    except ValidationError as error:
        details = told(error.errors(include_url=False))
        problems += [_problem(document, detail["loc"], message_of(detail, schema, others)) for detail in details]
        return None


def _problem(document: Document, key: KeyPath, message: str) -> Problem:
    return Problem(document.file, document.lines[key], dotted(key), message)


def _policy_documents(folder: Path) -> Iterator[tuple[str, Document | Problem]]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except OSError as error:
        yield "", Problem(str(folder), 0, "", f"policies cannot be read: {error.strerror}")
        return
    for path in paths:
        if is_policy_name(path.stem):
            yield path.stem, read_document(path)
        else:
            yield path.stem, Problem(str(path), 0, "", "is not a policy's name: lower-case letters, digits, _ and -")


def _completed(settings: Settings) -> Settings:
    """With the defaults that follow from public_url."""
    public_url = settings.server.public_url
    apps = tuple(app.model_copy(update={"hosts": hosts_of(app, public_url)}) for app in settings.apps)
    identity = settings.identity.model_copy(update={"issuer": settings.identity.issuer or public_url})
    return settings.model_copy(update={"apps": apps, "identity": identity})


def _routes(settings: Settings, policies: Mapping[str, Policy]) -> tuple[Route, ...]:
    return tuple(route_of(rule, policies[rule.policy], settings.server.prefix) for rule in settings.routes)
