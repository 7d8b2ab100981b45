"""HTTP for progressive and segmented (HLS) streams, each request to a checked and pinned address.

FFmpeg's own HTTP would follow redirects, and the addresses inside a playlist, to anywhere. Here every one of them is taken
apart, resolved and held to the same networks first.
"""

import base64
import http.client
import socket
import ssl
from typing import Any
from urllib.parse import urljoin

from cctv.sources.address import Address, Kind, Reach, Resolve, Secrets, pin, read_address
from cctv.sources.errors import SourceError

MOST_REDIRECTS = 3
AGENT = "Haechi"
MOVED = (301, 302, 303, 307, 308)


class Web:
    """Opens what FFmpeg asks for while it reads one stream. `failure`: the first refusal, which FFmpeg would swallow."""

    def __init__(self, address: Address, reach: Reach, *, timeout_s: float, resolve: Resolve = socket.getaddrinfo):
        self._address = address
        self._reach = reach
        self._timeout_s = timeout_s
        self._resolve = resolve
        self.failure: SourceError | None = None

    def open(self, url: str, flags: Any, options: Any) -> http.client.HTTPResponse:
        """PyAV's `io_open`. Raises OSError; why is in `failure`."""
        try:
            return self._get(url)
        except SourceError as error:
            self.failure = self.failure or error
            raise OSError(error.sentence) from error

    def _get(self, url: str) -> http.client.HTTPResponse:
        for _ in range(MOST_REDIRECTS + 1):
            address = read_address(url)
            if address.kind is not Kind.HTTP:
                raise SourceError(
                    "redirect_forbidden",
                    f"{self._address.host} names {address} inside its stream; only http:// and https:// may stand there.",
                    host=self._address.host,
                )
            response = self._ask(address)
            if response.status not in MOVED:
                return _checked(response, address)
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
        raise SourceError(
            "redirect_forbidden",
            f"{self._address.host} sends from one address to the next without end. Give the stream's last address.",
            host=self._address.host,
        )

    def _ask(self, address: Address) -> http.client.HTTPResponse:
        ip = pin(address, self._reach, resolve=self._resolve)
        connection = _Pinned(address, ip, self._timeout_s)
        headers = {"User-Agent": AGENT, "Accept": "*/*"}
        secrets = self._secrets_for(address)
        if secrets.user or secrets.password:
            pair = f"{secrets.user}:{secrets.password}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        try:
            connection.request("GET", address.target, headers=headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(address, error) from error

    def _secrets_for(self, address: Address) -> Secrets:
        """The stream's own, and only for its own host: another one must not learn them."""
        own = (self._address.scheme, self._address.host, self._address.port)
        return self._address.secrets if own == (address.scheme, address.host, address.port) else Secrets()


class _Pinned(http.client.HTTPConnection):
    """A connection to one checked address under the name that was asked for."""

    def __init__(self, address: Address, ip: str, timeout_s: float):
        super().__init__(address.host, address.port, timeout=timeout_s)
        self._ip = ip
        self._tls = ssl.create_default_context() if address.scheme == "https" else None

    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), self.timeout)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def unreachable(address: Address, error: Exception) -> SourceError:
    """What a failed connection means."""
    if isinstance(error, TimeoutError):
        return SourceError(
            "timeout",
            f"{address.host} does not answer. Check that the camera is switched on and reached from this network.",
            host=address.host,
        )
    if isinstance(error, ssl.SSLError):
        return SourceError(
            "untrusted",
            f"{address.host} has no certificate that this server trusts. Add its issuer to the system's store, or use http://.",
            host=address.host,
        )
    return SourceError(
        "unreachable",
        f"Nothing answers at {address.host}, port {address.port}. Check the port and that the camera is switched on.",
        host=address.host,
        port=address.port,
    )


def refused(address: Address, status: int) -> SourceError:
    """What an answer other than 200 means, in RTSP and HTTP alike."""
    if status in (401, 403):
        return SourceError(
            "unauthorised",
            f"{address.host} refuses the user name or password. Correct them.",
            host=address.host,
        )
    if status in (404, 410):
        sentence = f"{address.host} knows no stream {address.path}. Correct the path."
        return SourceError("not_found", sentence, host=address.host, path=address.path)
    return SourceError(
        "server_error",
        f"{address.host} answers with error {status}. Look at the camera; it is asked again.",
        host=address.host,
        status=status,
    )


def _checked(response: http.client.HTTPResponse, address: Address) -> http.client.HTTPResponse:
    if response.status == 200:
        return response
    response.close()
    raise refused(address, response.status)
