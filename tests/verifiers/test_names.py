"""One spelling for all names that a database may take for one, measured against the collations of a real MariaDB."""

import string
import sys
import unicodedata
from typing import Any

import asyncmy
import pytest

from gateway.verifiers.names import folded
from tests.servers.fixtures import _certificate, database_authority, mariadb
from tests.servers.mariadb import DATABASE, PASSWORD, USER

__all__ = ["_certificate", "database_authority", "mariadb"]

COLLATIONS = ["utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "uca1400_ai_ci"]
# Currency numerators, and letters of mediaeval manuscripts, which one collation takes for another letter than we do.
KNOWN = set("৵৶৷ꞚꞛꞜꞝꞞꞟꟀꟁ\u1cf2\u1cf3\ufe73")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("ＺＨÄNG ", "zhang"),
        ("łukász", "lukasz"),
        ("Røðt", "rodt"),
        ("ŧæœ", "taeoe"),
        ("१٠〇❶", "1001"),
        ("🅰\u202edm\u0131n", "admin"),
        ("strasse", folded("Straße")),
        ("a\u3164b·ـ", "ab"),
    ],
)
def test_spellings_of_a_name_are_one(spelling: str, name: str) -> None:
    """Strokes, ligatures, dotless letters, digits of other scripts, letters in circles, and what nobody sees."""
    assert folded(spelling) == name


@pytest.mark.parametrize("name", ["张三", "李四", "o'hara", "zhang.san@example.com", "10001", "иван", "😀", "\u0301"])
def test_a_name_stays_a_name(name: str) -> None:
    """Nothing is lost that tells two people apart, and none is left without a name: that would have no budget."""
    assert folded(name) == name


async def test_no_spelling_that_a_database_takes_for_a_letter_has_a_budget_of_its_own(mariadb: Any) -> None:
    """Each character that compares like a letter, a digit or nothing, in any of its usual collations."""
    letters = [
        letter
        for letter in map(chr, range(0x80, sys.maxunicode + 1))
        if letter.isprintable()
        and not unicodedata.name(letter, "CJK").startswith(("CJK", "HANGUL", "CUNEIFORM", "YI "))
    ]
    connection: Any = await asyncmy.connect(
        host="127.0.0.1", port=mariadb.port, user=USER, password=PASSWORD, db=DATABASE, charset="utf8mb4"
    )
    apart: set[str] = set()
    try:
        async with connection.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE c (c VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)")
            await cursor.executemany("INSERT INTO c VALUES (%s)", letters)
            for collation in COLLATIONS:
                for plain in ("", *string.ascii_lowercase, *string.digits, "ae", "oe", "ss"):
                    same = f"SELECT c FROM c WHERE CONCAT('.', c, '.') COLLATE {collation} = '.{plain}.'"
                    await cursor.execute(same)
                    apart |= {c for (c,) in await cursor.fetchall() if folded(f"x{c}y") != folded(f"x{plain}y")}
    finally:
        await connection.ensure_closed()
    assert apart <= KNOWN
