"""The first schema: bindings, their audit, the session registry and its revocations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """From nothing."""
    sequence = op.create_table(
        "binding_sequence",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(sequence, [{"id": 1, "last": 0}])
    op.create_table(
        "bindings",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("openid", sa.String(128), nullable=False),
        sa.Column("union_id", sa.String(128)),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("bound_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("app", "openid", name="one_user_per_wechat"),
        sqlite_autoincrement=True,
    )
    op.create_index("bindings_by_user", "bindings", ["user_id"])
    op.create_table(
        "audit",
        sa.Column("id", Serial, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(16), nullable=False),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(43), nullable=False),
        sa.Column("user_id", sa.String(255)),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("ip", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(256), nullable=False),
        sa.Column("consent", sa.String(64), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_subject", "audit", ["subject"])
    op.create_index("audit_by_time", "audit", ["at"])
    op.create_table(
        "sessions",
        sa.Column("sid_hash", sa.String(43), primary_key=True),
        sa.Column("subject", sa.String(43), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
    )
    op.create_index("sessions_by_subject", "sessions", ["subject", "created"])
    op.create_index("sessions_by_expiry", "sessions", ["expires"])
    op.create_table(
        "revoked_sessions",
        sa.Column("sid_hash", sa.String(43), primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("revoked_sessions_by_expiry", "revoked_sessions", ["until"])
    op.create_table(
        "revoked_subjects",
        sa.Column("subject", sa.String(43), primary_key=True),
        sa.Column("not_before", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_index("revoked_subjects_by_expiry", "revoked_subjects", ["until"])
