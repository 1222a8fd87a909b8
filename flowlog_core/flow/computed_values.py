"""The values of a flow that are computed from its tuple."""

from binascii import b2a_base64
from hashlib import sha1
from socket import AF_INET6, inet_aton, inet_pton
from struct import Struct
from typing import Final

MOST_COUNT: Final = 2**63 - 1
"""The greatest counter of a tuple, and the greatest sum: readers keep both in 64 bits, with a sign."""

_NUMBERS: Final = {"T": 6, "U": 17} | {str(number): number for number in range(256)}
_ICMP: Final = {1, 58}
_WITHOUT_TYPES: Final = {text: number for text, number in _NUMBERS.items() if number not in _ICMP}
_WITH_PORTS: Final = {6, 17, 132}  # TCP, UDP, SCTP
_SEEDED: Final = sha1(b"\0\0", usedforsecurity=False)  # a copy costs less than a new one
_pack_rest = Struct("!BxHH").pack  # protocol, 0, ports
_PORT_BYTES: Final = 4

COMMUNITY_ID_LENGTH: Final = len("1:kzGQ6nxkXW3h884hGCnHV3h0qmg=")


def add_counters(sent: str, returned: str) -> str:
    """Add two counters; "" where one is not known, or where the sum is over `MOST_COUNT`."""
    if returned == "0":
        return sent
    if not (sent and returned):
        return ""
    total = int(sent) + int(returned)
    return str(total) if total <= MOST_COUNT else ""


def community_id(source: str, destination: str, source_port: str, destination_port: str, protocol: str) -> str:
    """Return the Community ID, version 1 and seed 0, of a tuple whose columns were checked.

    It is "" for ICMP and ICMPv6: their type and code are in the id, and not in a tuple. Ids are not kept from tuple to
    tuple: on traffic of the internet, looking them up in a bounded cache took longer than making them. See
    https://github.com/corelight/community-id-spec.
    """
    number = _WITHOUT_TYPES.get(protocol)
    if number is None:
        return ""
    first = inet_pton(AF_INET6, source) if ":" in source else inet_aton(source)
    second = inet_pton(AF_INET6, destination) if ":" in destination else inet_aton(destination)
    first_port, second_port = int(source_port), int(destination_port)
    if first > second or (first == second and first_port > second_port):
        first, first_port, second, second_port = second, second_port, first, first_port
    data = first + second + _pack_rest(number, first_port, second_port)
    hashed = _SEEDED.copy()
    hashed.update(data if number in _WITH_PORTS else data[:-_PORT_BYTES])
    return "1:" + b2a_base64(hashed.digest(), newline=False).decode("ascii")
