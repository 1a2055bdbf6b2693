"""One module a step, in order. A released step never changes."""
