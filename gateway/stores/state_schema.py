"""The tables of the state database. There are no migrations: a new shape comes as a new table."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()
tickets = Table(
    "tickets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key_hash", String(43), nullable=False, unique=True),
    Column("sid_hash", String(43), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("sealed", Text, nullable=False),  # the rest: whose it is must not be readable here
    Index("tickets_by_sid", "sid_hash"),
    Index("tickets_by_expiry", "expires"),
)
attempts = Table(
    "attempts",
    metadata,
    Column("state_hash", String(64), primary_key=True),
    Column("result", Text),  # null: somebody is at it
    Column("expires", BigInteger, nullable=False),
    Index("attempts_by_expiry", "expires"),
)
spent_codes = Table(
    "spent_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Index("spent_codes_by_expiry", "expires"),
)
codes = Table(
    "codes",
    metadata,
    Column("slot", String(128), primary_key=True),
    Column("code_hash", String(64), nullable=False),
    Column("tries", Integer, nullable=False),  # that are left
    Column("expires", BigInteger, nullable=False),
    Index("codes_by_expiry", "expires"),
)
counters = Table(
    "counters",
    metadata,
    Column("bucket", String(128), primary_key=True),
    Column("events", Integer, nullable=False),
    Column("expires", BigInteger, nullable=False),  # the window's end
    Index("counters_by_expiry", "expires"),
)
lockouts = Table(
    "lockouts",
    metadata,
    Column("bucket", String(128), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("ready", BigInteger, nullable=False),  # no try before
    Column("expires", BigInteger, nullable=False),  # the end of the window, or of the lock
    Index("lockouts_by_expiry", "expires"),
)
