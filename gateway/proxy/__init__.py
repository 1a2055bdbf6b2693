"""The door that carries requests: a decision becomes bytes upstream, or an answer of our own."""
