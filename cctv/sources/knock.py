"""One DESCRIBE to an RTSP server before FFmpeg opens it.

It tells apart what FFmpeg reports alike (nobody there, wrong password, no such stream), and turns away servers that send their
callers elsewhere: FFmpeg would follow such a redirect to an address that nobody checked.
"""

import socket
import time

from cctv.sources.address import Address
from cctv.sources.errors import SourceError
from cctv.sources.web import AGENT, refused, unreachable

LONGEST_HEAD = 16_384


def knock(address: Address, ip: str, *, timeout_s: float) -> None:
    """Raises `SourceError` where the server at this checked address does not offer the stream."""
    host = f"[{ip}]" if ":" in ip else ip
    lines = (
        f"DESCRIBE rtsp://{host}:{address.port}{address.target} RTSP/1.0",
        "CSeq: 1",
        "Accept: application/sdp",
        f"User-Agent: {AGENT}",
    )
    status = _status("\r\n".join((*lines, "", "")).encode(), address, ip, timeout_s)
    if 300 <= status < 400:
        raise SourceError(
            "redirect_forbidden",
            f"{address.host} sends its callers to another address. Give the stream's last address.",
            host=address.host,
        )
    has_password = bool(address.secrets.user or address.secrets.password)
    if status != 200 and not (status == 401 and has_password):  # a password is only asked for, and sent, by FFmpeg
        raise refused(address, status)


def _status(request: bytes, address: Address, ip: str, timeout_s: float) -> int:
    deadline = time.monotonic() + timeout_s
    head = b""
    try:
        with socket.create_connection((ip, address.port), timeout_s) as connection:
            connection.sendall(request)
            while b"\r\n" not in head and len(head) < LONGEST_HEAD:
                # Each read gets what is left, or a server that sends a byte at a time would hold the caller for ever.
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                piece = connection.recv(4096)
                if not piece:
                    break
                head += piece
                if time.monotonic() > deadline:
                    raise TimeoutError
    except OSError as error:
        raise unreachable(address, error) from error
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"RTSP/") or not words[1].isdigit():
        raise SourceError(
            "not_rtsp",
            f"{address.host}, port {address.port}, does not speak RTSP. Check the port.",
            host=address.host,
            port=address.port,
        )
    return int(words[1])
