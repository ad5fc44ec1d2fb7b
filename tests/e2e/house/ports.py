"""Free loopback ports, below the range the kernel gives to outgoing connections, each handed out once."""

import random
import socket

_given = set()


def free():
    """A port nobody listens on now and nobody was given before."""
    for _ in range(1000):
        port = random.randrange(20_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no free port on loopback")
