"""Hosts of their own on this machine: network namespaces on a bridge, where such may be made."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """address: by which the others reach it. prefix: of the commands that run there."""

    address: str
    prefix: tuple[str, ...] = ()


@contextmanager
def hosts(count: int, slow: int = -1) -> Iterator[list[Host]]:
    """So many hosts, that with the number `slow` behind a slow link; all of them this machine's loopback
    where namespaces cannot be made (without root, or in a container)."""
    with ExitStack() as stack:
        try:
            made = _network(count, slow, stack)
        except (OSError, subprocess.CalledProcessError):
            made = [Host("127.0.0.1")] * count
        yield made


def _network(count: int, slow: int, stack: ExitStack) -> list[Host]:
    if os.geteuid() or not shutil.which("ip"):
        raise OSError("only root makes namespaces")
    number = os.getpid() % 250
    bridge, net = f"study{number}", f"10.213.{number}"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    run("ip", "link", "add", bridge, "type", "bridge")
    stack.callback(run, "ip", "link", "del", bridge)
    run("ip", "addr", "add", f"{net}.1/24", "dev", bridge)
    run("ip", "link", "set", bridge, "up")
    found = []
    for i in range(count):
        name, inner, outer = f"study{number}-{i}", f"in{number}-{i}", f"out{number}-{i}"
        run("ip", "netns", "add", name)
        stack.callback(run, "ip", "netns", "del", name)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
        run("ip", "link", "set", outer, "master", bridge, "up")
        host = Host(f"{net}.{10 + i}", ("ip", "netns", "exec", name))
        run(*host.prefix, "ip", "addr", "add", f"{host.address}/24", "dev", inner)
        for device in (inner, "lo"):
            run(*host.prefix, "ip", "link", "set", device, "up")
        if i == slow:  # 2 Mbit a second
            shape = ("root", "tbf", "rate", "2mbit", "burst", "16kb", "latency", "400ms")
            run(*host.prefix, "tc", "qdisc", "add", "dev", inner, *shape)
        found.append(host)
    return found
