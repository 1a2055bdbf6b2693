"""Mobile numbers of the countries that the gateway knows."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Country:
    """Mobile numbers of one country: its calling code (ITU-T E.164), what stands before a number dialled within the
    country, and the form of the number itself. Forms are wide: who has a number is the resolver's to say.
    """

    code: str
    trunk: str
    mobile: str


COUNTRIES: Final = {
    "CN": Country("86", "", r"1[3-9][0-9]{9}"),
    "HK": Country("852", "", r"[4-9][0-9]{7}"),
    "MO": Country("853", "", r"6[0-9]{7}"),
    "TW": Country("886", "0", r"9[0-9]{8}"),
    "SG": Country("65", "", r"[89][0-9]{7}"),
    "MY": Country("60", "0", r"1[0-9]{8,9}"),
    "TH": Country("66", "0", r"[689][0-9]{8}"),
    "VN": Country("84", "0", r"[35789][0-9]{8}"),
    "PH": Country("63", "0", r"9[0-9]{9}"),
    "ID": Country("62", "0", r"8[0-9]{8,11}"),
    "JP": Country("81", "0", r"[789]0[0-9]{8}"),
    "KR": Country("82", "0", r"10[0-9]{8}"),
    "AU": Country("61", "0", r"4[0-9]{8}"),
    "NZ": Country("64", "0", r"2[0-9]{7,9}"),
    "GB": Country("44", "0", r"7[1-9][0-9]{8}"),
    "FR": Country("33", "0", r"[67][0-9]{8}"),
    "DE": Country("49", "0", r"1[5-7][0-9]{8,9}"),
    "US": Country("1", "", r"[2-9][0-9]{2}[2-9][0-9]{6}"),  # and Canada: one numbering plan
}
