"""A minute of fuzzing, coverage-guided, from a new seed each time; what it ever found is in test_findings.py.

FUZZ_SECONDS is the time in all, FUZZ_SEED repeats a run. `make chaos` runs this for twenty minutes.
"""

from collections.abc import Callable, Sequence

import pytest

from . import corpus, promises
from .engine import SECONDS, SEED, Check, fuzz

FOLDERS = ("gateway/core/", "gateway/wire/", "gateway/proxy/")

# promise → what to begin with, and its share of the time
TARGETS: list[tuple[Check, Callable[[], Sequence[bytes]], float]] = [
    (promises.a_request_head, corpus.requests, 0.3),
    (promises.a_sequence_of_heads, corpus.requests, 0.1),
    (promises.a_chunked_body, corpus.bodies, 0.15),
    (promises.a_target, corpus.targets, 0.2),
    (promises.a_cookie_field, corpus.cookies, 0.1),
    (promises.a_response, corpus.responses, 0.15),
]


@pytest.mark.parametrize(("promise", "begin", "share"), TARGETS, ids=[each[0].__name__ for each in TARGETS])
def test_no_input_breaks_the_promise(promise: Check, begin: Callable[[], Sequence[bytes]], share: float) -> None:
    """The promise's own docstring says it."""
    run = fuzz(promise, begin(), FOLDERS, SEED, SECONDS * share)
    print(f"{promise.__name__}: {run.executions} inputs, {run.kept} kept, {run.arcs} arcs; FUZZ_SEED={SEED}")
    assert run.executions >= len(begin())
    assert run.arcs > 10, "the coverage is not measured"
