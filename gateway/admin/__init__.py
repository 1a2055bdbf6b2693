"""The admin listener: health, readiness, metrics. Never public."""
