"""Which addresses may be called: loopback always, any other only where its owner listed it in a file that no workflow can write.

A workflow, an API call or pasted generation parameters can carry any address, so the list is kept outside of the host's own folders: in the file
that the environment variable PRENOISE_ALLOWED_HOSTS names, else `allowed_hosts` in the user's folder of settings for prenoise.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import Iterable, List, NamedTuple, Optional

from .errors import TargetNotAllowed

DEFAULT_TARGET = "127.0.0.1:50551"
DEFAULT_PORT = 50551
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")


class Target(NamedTuple):
    """A host and a port; no other kind of address, unix sockets among them, is called."""

    host: str  # a name in lower case, or an address without brackets
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """By its name alone: what a name server says about it is not asked."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback and "%" not in self.host
        except ValueError:
            return False


def parse(text: str) -> Target:
    """Reads "host", "host:port", "[::1]:port". Raises ValueError for anything else."""
    host, port = _split(text)
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"target: {text!r} (expected: a port from 1 to 65535)")
    return Target(host, DEFAULT_PORT if port is None else int(port))


def _split(text: str) -> "tuple[str, Optional[str]]":
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(.*))?", text)
    if bracketed:
        host, port = bracketed.groups()
        try:
            return ipaddress.IPv6Address(host).compressed, port
        except ValueError as error:
            raise ValueError(f"target: {text!r} (expected: an IPv6 address in the brackets)") from error
    host, colon, port = text.partition(":")
    if not _NAME.fullmatch(host):
        raise ValueError(f"target: {text!r} (expected: host:port, such as {DEFAULT_TARGET})")
    return host.lower(), port if colon else None


def allow_file() -> Path:
    """Where the list of allowed hosts is read from."""
    named = os.environ.get("PRENOISE_ALLOWED_HOSTS")
    if named:
        return Path(named)
    if sys.platform == "win32":
        home = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    else:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "prenoise" / "allowed_hosts"


def _lines() -> List[str]:
    try:
        return allow_file().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def allowed(target: Target, entries: Iterable[str]) -> bool:
    """Whether a list names the target: one host or host:port each; a host alone allows its every port; # begins a remark."""
    for entry in entries:
        entry = entry.partition("#")[0].strip()
        if not entry:
            continue
        try:
            host, port = _split(entry)
        except ValueError:
            continue  # a line that names no host allows none
        if host == target.host and (port is None or port == str(target.port)):
            return True
    return False


def may_have_token(target: Target, allow: Optional[Iterable[str]] = None, configured: str = "") -> bool:
    """Whether a token that stands in the environment, not in the call, may be sent to a target that passed `check`.

    Beyond this machine it was listed, and the call goes over TLS. On this machine any program may listen on the port that a workflow names, so the
    port must be the usual one, that of PRENOISE_TARGET in the same environment, of `configured` (what the user set for the program), or listed.
    """
    if not target.is_loopback:
        return True
    own = [DEFAULT_TARGET, os.environ.get("PRENOISE_TARGET", ""), configured]
    with contextlib.suppress(OSError, UnicodeDecodeError):  # a list that cannot be read lists nothing
        own += _lines() if allow is None else allow
    for entry in own:
        with contextlib.suppress(ValueError):  # nor does a line that names no host
            host, port = _split(entry.partition("#")[0].strip())
            if Target(host, target.port).is_loopback and (port is None or port == str(target.port)):
                return True
    return False


def check(text: str, allow: Optional[Iterable[str]] = None) -> Target:
    """The target, if it may be called.

    `allow` stands in for the file's lines where a program, not a workflow, decides. Raises ValueError where the text is no address,
    TargetNotAllowed where it is neither loopback nor listed.
    """
    target = parse(text)
    if target.is_loopback:
        return target
    if allow is not None:
        if not allowed(target, allow):
            raise TargetNotAllowed(f"target: {target} (expected: loopback, or one of those allowed)")
        return target
    file = allow_file()
    try:
        lines = _lines()
    except (OSError, UnicodeDecodeError) as error:
        raise TargetNotAllowed(f"target: {target} is not loopback, and the list of allowed hosts, {file}, cannot be read: {error}") from error
    if not allowed(target, lines):
        raise TargetNotAllowed(f"target: {target} (expected: loopback, or a host listed in {file}, one host or host:port a line)")
    return target
