"""The bindings database's tables, as the newest migration leaves them. Times are whole Unix seconds."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()
Serial = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER numbers itself in SQLite

# One row. Every bind increments it first: versions never repeat, and binds wait for each other on any database.
binding_sequence = Table(
    "binding_sequence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)

bindings = Table(
    "bindings",
    metadata,
    Column("id", Serial, primary_key=True),  # ascending in the order of binding
    Column("app", String(64), nullable=False),
    Column("openid", String(128), nullable=False),
    Column("union_id", String(128)),
    Column("user_id", String(255), nullable=False),
    Column("claims", Text, nullable=False),  # JSON, canonical
    Column("method", String(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("bound_at", BigInteger, nullable=False),
    Column("consent", String(64)),  # null: nobody was asked
    Column("consented_at", BigInteger),
    UniqueConstraint("app", "openid", name="one_user_per_wechat"),
    Index("bindings_by_user", "user_id"),
    sqlite_autoincrement=True,
)

# Subjects are named by a keyed hash here and below: these rows outlive the binding and are read by more people.
audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("event", String(16), nullable=False),
    Column("detail", String(16), nullable=False),
    Column("app", String(64), nullable=False),
    Column("subject", String(43), nullable=False),
    Column("user_id", String(255)),
    Column("method", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("ip", String(64), nullable=False),
    Column("user_agent", String(256), nullable=False),
    Column("consent", String(64), nullable=False),
    Index("audit_by_subject", "subject"),
    Index("audit_by_time", "at"),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("sid_hash", String(43), primary_key=True),
    Column("subject", String(43), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("device", String(64), nullable=False),
    Index("sessions_by_subject", "subject", "created"),
    Index("sessions_by_expiry", "expires"),
)

revoked_sessions = Table(
    "revoked_sessions",
    metadata,
    Column("sid_hash", String(43), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index("revoked_sessions_by_expiry", "until"),
)

revoked_subjects = Table(
    "revoked_subjects",
    metadata,
    Column("subject", String(43), primary_key=True),
    Column("not_before", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("revoked_subjects_by_expiry", "until"),
)
