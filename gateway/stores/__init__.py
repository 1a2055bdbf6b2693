"""What must be remembered: bindings for ever, state for minutes, sessions for days."""
