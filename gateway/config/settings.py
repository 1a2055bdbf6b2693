"""The whole of gateway.toml as one value."""

from typing import Literal

from .apps import App
from .bind import Bind
from .context import Section, key
from .pages import Pages
from .routes import RouteRule
from .server import Admin, Limits, Log, Secrets, Server
from .stores import Bindings, Identity, Session, State
from .upstreams import Upstream


class Settings(Section):
    """gateway.toml."""

    version: Literal[1] = key(description="The version of this format: 1.")
    server: Server = key(description="Where the gateway listens and how the world reaches it.")
    secrets: Secrets = key(description="Keys that seal cookies and other values.")
    admin: Admin = key(default={}, description="The admin API.")
    apps: tuple[App, ...] = key(min_length=1, description="WeChat apps, one table each.")
    session: Session = key(default={}, description="How long a login lasts.")
    state: State = key(default={}, description="Where short-lived state is kept.")
    bindings: Bindings = key(default={}, description="Where bindings are kept, and their rules.")
    identity: Identity = key(description="The signed header that upstreams read.")
    bind: Bind = key(default={}, description="The bind page and who checks what people prove there.")
    upstreams: tuple[Upstream, ...] = key(min_length=1, description="Legacy systems, one table each.")
    routes: tuple[RouteRule, ...] = key(min_length=1, description="Rules, one table each.")
    limits: Limits = key(default={}, description="What one client may take.")
    log: Log = key(default={}, description="What is logged.")
    pages: Pages = key(default={}, description="How the gateway's own pages look.")


TABLES = tuple(
    name
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
)
