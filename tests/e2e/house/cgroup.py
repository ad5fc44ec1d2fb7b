"""A memory cgroup (version 1 or 2) for one child process."""

import os
import pathlib

ROOT = pathlib.Path("/sys/fs/cgroup")


class Cgroup:
    """Made on construction (OSError when this machine does not allow it), removed by `remove`."""

    def __init__(self, name, limit):
        self.two = (ROOT / "cgroup.controllers").exists()
        self.folder = (ROOT if self.two else ROOT / "memory") / f"{name}-{os.getpid()}"
        if self.two:
            (ROOT / "cgroup.subtree_control").write_text("+memory")
        elif not (ROOT / "memory" / "memory.limit_in_bytes").exists():
            raise OSError("no memory controller is mounted")
        self.folder.mkdir()
        try:
            self._file("memory.max", "memory.limit_in_bytes").write_text(str(limit))
        except OSError:
            self.remove()
            raise

    def _file(self, two, one):
        return self.folder / (two if self.two else one)

    def enter(self):
        """Moves the calling process in: for preexec_fn."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak(self):
        """The most bytes ever charged to it, page cache included; None where the kernel does not say."""
        file = self._file("memory.peak", "memory.max_usage_in_bytes")
        return int(file.read_text()) if file.exists() else None

    def kills(self):
        """Processes the kernel killed in it; None where it does not say."""
        text = self._file("memory.events", "memory.oom_control").read_text()
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), None)

    def remove(self):
        if self.folder.exists():
            self.folder.rmdir()
