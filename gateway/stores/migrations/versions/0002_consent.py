"""Each binding knows which consent text was agreed to, and when. Older ones: the audit knows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From 0001."""
    op.add_column("bindings", sa.Column("consent", sa.String(64)))
    op.add_column("bindings", sa.Column("consented_at", sa.BigInteger))
