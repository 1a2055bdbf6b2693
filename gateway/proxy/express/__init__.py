"""The fast path: a request of one read that repeats the fields of one before, answered by one whole response.

Removable: without it every request is a Carry, with the same outcome (every service test runs with it and without).
It decides nothing by itself: what it remembers was parsed, routed and authorised the whole way, and is used again
for as long as that verdict stands. At the first surprise a Carry takes the exchange over.
"""

from .finding import Express

__all__ = ["Express"]
