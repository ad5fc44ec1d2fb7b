"""A TCP proxy that can be cut: passes, refuses (nobody listens), or resets (accepts, lets a little through, then sends RST)."""

import asyncio
import random
import socket
import struct
import threading

from . import ports


class Proxy:
    """`address` leads to `target` (host:port) while the mode is "pass"."""

    def __init__(self, target):
        self.host, port = target.rsplit(":", 1)
        self.target_port, self.port = int(port), ports.free()
        self.mode, self.server, self.open = "pass", None, set()
        self.cuts = 0
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self._do(self._listen())

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def set(self, mode):
        """Takes effect at once: connections that are open are reset unless the new mode is "pass"."""
        self._do(self._set(mode))

    def close(self):
        self._do(self._set("refuse"))
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _listen(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _set(self, mode):
        self.mode = mode
        if mode == "refuse" and self.server:
            self.server.close()
            self.server = None
        elif mode != "refuse" and not self.server:
            await self._listen()
        if mode != "pass":
            for writer in list(self.open):
                self._reset(writer)

    def _reset(self, writer):
        self.cuts += 1
        with_linger = writer.get_extra_info("socket")
        if with_linger is not None:
            try:
                with_linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        writer.transport.abort()

    async def _accept(self, reader, writer):
        self.open.add(writer)
        away = None
        try:
            if self.mode == "reset":
                self.loop.call_later(random.uniform(0.0, 0.15), self._reset, writer)
            there, away = await asyncio.open_connection(self.host, self.target_port)
            self.open.add(away)
            await asyncio.gather(self._copy(reader, away), self._copy(there, writer))
        except OSError:
            pass
        finally:
            for end in (writer, away):
                if end is not None:
                    self.open.discard(end)
                    end.transport.abort()

    @staticmethod
    async def _copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
