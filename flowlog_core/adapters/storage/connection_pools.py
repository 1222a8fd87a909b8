"""Connections to storage accounts, kept open; through a proxy and with the certificates that the environment names."""

import ssl
import threading
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import certifi
import requests
from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager, make_headers
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from flowlog_core.errors import StorageError

_KEPT: Final = 32
"""Connections to one host that stay open: of more, those that are at work at the same time are closed after it."""


class ConnectionPools:
    """A pool of connections for each origin, such as ``https://account.blob.core.windows.net``. Thread-safe.

    `requests` says what the environment asks for, once for each origin: a proxy by HTTPS_PROXY, HTTP_PROXY or
    ALL_PROXY, unless NO_PROXY names the host; certificates by REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, else certifi's.
    """

    def __init__(self) -> None:
        """Begin without connections."""
        self._pools: dict[str, HTTPConnectionPool] = {}
        self._lock = threading.Lock()

    def find(self, origin: str) -> HTTPConnectionPool:
        """Return the pool of an origin.

        Raises:
            StorageError: The environment names a proxy or certificates that can't be used.

        """
        pool = self._pools.get(origin)
        if pool is None:
            with self._lock:
                pool = self._pools.get(origin) or _make_pool(origin)
                self._pools[origin] = pool
        return pool

    def close(self) -> None:
        """Close the connections that stay open."""
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.close()


def _make_pool(origin: str) -> HTTPConnectionPool:
    with requests.Session() as session:
        settings = session.merge_environment_settings(origin, {}, None, None, None)
    scheme = urlsplit(origin).scheme
    proxy = settings["proxies"].get(scheme) or settings["proxies"].get("all")
    certificates = certifi.where() if settings["verify"] is True else settings["verify"]
    if proxy:
        manager: PoolManager = _manage_proxied(proxy if "://" in proxy else f"http://{proxy}", certificates)
    else:
        manager = PoolManager(maxsize=_KEPT, ssl_context=_load(certificates) if scheme == "https" else None)
    return manager.connection_from_url(origin)


def _manage_proxied(proxy: str, certificates: str) -> ProxyManager:
    context = _load(certificates)
    try:
        password = unquote(parse_url(proxy).auth or "")
        return ProxyManager(
            proxy,
            proxy_headers=make_headers(proxy_basic_auth=password or None),
            proxy_ssl_context=context,
            ssl_context=context,
            maxsize=_KEPT,
        )
    except (HTTPError, ValueError):  # nothing of it is shown, since it may hold a password
        variables = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
        raise StorageError(f"the proxy of {variables} can't be used; write http://NAME:PASSWORD@HOST:PORT") from None


def _load(file: str) -> ssl.SSLContext:
    context = create_urllib3_context()
    folder = Path(file).is_dir()
    try:
        context.load_verify_locations(cafile=None if folder else file, capath=file if folder else None)
    except OSError as error:  # ssl.SSLError is one
        variables = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
        raise StorageError(f"{file}: no certificates to verify with ({error}); check {variables}") from error
    return context
