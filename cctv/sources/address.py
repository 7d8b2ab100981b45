"""Addresses of sources: taken apart, told from their secrets, and held to the networks and the folder that may be reached.

A camera's address is typed by a person and opened by a server that reaches much that the person does not: without this check it
would be a way to ask any service of the centre's own network (server-side request forgery). So a host is resolved once, every
address it has must be allowed, and the connection goes to the very address that was checked: a name that changes its mind in
between (DNS rebinding) gains nothing.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from cctv.sources.errors import SourceError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[..., Sequence[tuple[Any, ...]]]

PORTS = {"rtsp": 554, "http": 80, "https": 443}
LONGEST = 2000
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")

# Reached only where a network inside the range is named: "everything" (0.0.0.0/0) must not open the machine itself, the link,
# or the address at which a cloud hands out its machine's keys.
_GUARDED = tuple(
    ipaddress.ip_network(text)
    for text in (
        *(
            "0.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "fe80::/10",
            "ff00::/8",
        ),
        *("100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SECRET_WORD = re.compile(r"pass|pwd|token|secret|key|auth|sig|cred|user|login", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x20\x7f\\<>\"^`{|}]")


class Kind(StrEnum):
    """What stands at an address."""

    RTSP = "rtsp"
    HTTP = "http"
    FILE = "file"
    IMAGES = "images"


@dataclass(frozen=True)
class Secrets:
    """What an address must not show: user name, password, and the query where it holds a secret."""

    user: str = ""
    password: str = ""
    query: str = ""

    def __bool__(self) -> bool:
        return bool(self.user or self.password or self.query)

    def __repr__(self) -> str:  # a log line or a traceback must not tell them
        return "Secrets(…)"


@dataclass(frozen=True)
class Address:
    """One source. `path` of a network address begins with a slash; that of a file or folder is a path of this machine."""

    kind: Kind
    scheme: str
    host: str
    port: int
    path: str
    query: str = field(default="", repr=False)
    secrets: Secrets = Secrets()

    def __str__(self) -> str:
        """The address without its secrets: for tables, pages and logs."""
        if self.kind in (Kind.FILE, Kind.IMAGES):
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        query = _hidden(self.query) if self.secrets.query else self.query
        return f"{self.scheme}://{host}{port}{self.path}{'?' + query if query else ''}"

    def with_secrets(self, secrets: Secrets) -> "Address":
        """The same address with these secrets put back."""
        return replace(self, secrets=secrets, query=secrets.query or self.query)

    def url(self, ip: str) -> str:
        """What FFmpeg is given: the checked address in place of the name, secrets and all."""
        host = f"[{ip}]" if ":" in ip else ip
        user = ""
        if self.secrets.user or self.secrets.password:
            user = f"{quote(self.secrets.user, safe='')}:{quote(self.secrets.password, safe='')}@"
        return f"{self.scheme}://{user}{host}:{self.port}{self.target}"

    @property
    def target(self) -> str:
        """Path and query, as a request names them."""
        return self.path + ("?" + self.query if self.query else "")


@dataclass(frozen=True)
class Reach:
    """What may be opened: networks, and the one folder below which files lie (None: no files at all)."""

    networks: tuple[Network, ...]
    folder: Path | None = None

    @classmethod
    def of(cls, networks: Sequence[str] = PRIVATE, folder: Path | None = None) -> "Reach":
        """From texts like 10.0.0.0/8. Raises ValueError for one that is no network."""
        return cls(tuple(ipaddress.ip_network(text.strip()) for text in networks), folder)

    def allows(self, ip: IpAddress) -> bool:
        """Whether a connection may go there."""
        ip = _unwrapped(ip)
        guard = next((network for network in _GUARDED if ip in network), None)
        named = [network for network in self.networks if ip in network]
        return any(guard is None or _within(network, guard) for network in named)


def read_address(text: str) -> Address:
    """Take an address apart: rtsp://, http://, https://, file:// or a plain path. Nothing is looked up.

    Raises `SourceError` with the codes address_malformed and scheme_unknown.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise _malformed("It is empty." if not text else f"It is longer than {LONGEST} characters.")
    if "://" not in text:
        return _file(text)
    if _UNFIT.search(text):
        raise _malformed("It holds a space or a character that no address may hold; write those of a password as %40 and so on.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _malformed("Its host or port is not one.") from None
    scheme = parts.scheme.lower()
    if scheme == "file":
        return _file(unquote(parts.path))
    if scheme not in PORTS:
        raise SourceError(
            "scheme_unknown",
            f"Addresses that start with {scheme[:20]}:// cannot be opened. Use rtsp://, http://, https:// or a file.",
            scheme=scheme[:20],
        )
    if not parts.hostname or port == 0 or "%" in parts.hostname or parts.fragment:
        raise _malformed("Its host or port is not one.")
    return _of_network(parts, scheme, port or PORTS[scheme])


def pin(address: Address, reach: Reach, *, resolve: Resolve = socket.getaddrinfo) -> str:
    """The one IP address that a connection to this host goes to. Raises `SourceError`: host_unknown, address_forbidden."""
    try:
        found = resolve(address.host, address.port, type=socket.SOCK_STREAM)
        ips = [ipaddress.ip_address(str(entry[4][0])) for entry in found]
    except (OSError, UnicodeError, ValueError):
        ips = []
    if not ips:
        raise SourceError(
            "host_unknown",
            f"The host {address.host} cannot be found. Check its name, or write its IP address.",
            host=address.host,
        )
    # All of them: a name that has one allowed and one forbidden address is not to be trusted with either.
    for ip in ips:
        if not reach.allows(ip):
            raise SourceError(
                "address_forbidden",
                f"{address.host} lies at {ip}, outside the networks that streams may come from. "
                "If it is a camera, name its network in HAECHI_STREAM_NETWORKS.",
                host=address.host,
                ip=str(ip),
            )
    return str(ips[0])


def locate(address: Address, reach: Reach) -> Path:
    """The file or folder of an address, which must lie below the folder of streams, links followed.

    Raises `SourceError`: path_forbidden, file_missing.
    """
    if reach.folder is None:
        raise SourceError("path_forbidden", "No folder is named that clips may be read from.", path=address.path)
    folder = reach.folder.resolve()
    path = (folder / address.path).resolve()
    if not path.is_relative_to(folder):
        raise SourceError(
            "path_forbidden",
            f"{address.path} lies outside the folder of clips. Put it below {folder}, or name another in HAECHI_STREAM_DIR.",
            path=address.path,
            folder=str(folder),
        )
    if not path.exists():
        raise SourceError("file_missing", f"{path} is not there. Check the name, or put the file there.", path=str(path))
    return path


# --- Parts ------------------------------------------------------------------------------------------
def _of_network(parts: SplitResult, scheme: str, port: int) -> Address:
    holds_secret = any(_SECRET_WORD.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    secrets = Secrets(
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        query=parts.query if holds_secret else "",
    )
    kind = Kind.RTSP if scheme == "rtsp" else Kind.HTTP
    return Address(kind, scheme, str(parts.hostname), port, parts.path or "/", parts.query, secrets)


def _file(path: str) -> Address:
    if "\x00" in path or not path.strip():
        raise _malformed("It names no file.")
    kind = Kind.IMAGES if path.endswith("/") else Kind.FILE
    return Address(kind, "file", "", 0, path)


def _hidden(query: str) -> str:
    """A query whose secret values are stars."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(f"{name}{sign}{'***' if _SECRET_WORD.search(name) else value}" for name, sign, value in pairs)


def _malformed(why: str) -> SourceError:
    return SourceError("address_malformed", f"This is not an address of a stream. {why}", why=why)


def _unwrapped(ip: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    return ip


def _within(network: Network, guard: Network) -> bool:
    return network.version == guard.version and network.subnet_of(guard)  # type: ignore[arg-type]
