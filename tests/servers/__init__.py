"""Real servers from Debian's packages, each in a temporary folder of its own, on loopback."""
