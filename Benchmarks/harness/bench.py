"""One bench run: its folder, servers and data; paired, interleaved measurements; bars."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from . import rivals, servers
from .data import Data

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Tool:
    """One command under measurement.

    kind: "ours", "floor" (what the systems alone need) or "rival".
    prepare: run before each measured run, outside the clock. check: after the first run of each tool, returns the
    checksum of what arrived, which must equal `expect`. command: a list, or a string for the shell.
    """

    def __init__(self, name, kind, command, prepare=None, check=None, expect=None, environment=None):
        self.name, self.kind, self.command = name, kind, command
        self.prepare, self.check, self.expect = prepare, check, expect
        self.environment = environment or {}


class Bench:
    def __init__(self):
        default = os.path.join(os.environ.get("TMPDIR", "/tmp"), "apus-bench")
        self.folder = os.path.abspath(os.environ.get("BENCH_DIR", default))
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.rows = int(os.environ.get("ROWS", 5_000_000))
        self.runs = int(os.environ.get("RUNS", 5))
        self.rival_runs = int(os.environ.get("RIVAL_RUNS", self.runs))
        self.apus = self.find_apus()
        self.rivals = rivals.Rivals(self)
        self._servers = {}
        self._data = None

    # What a question asks for

    def find_apus(self):
        named = os.environ.get("APUS")
        root = os.path.dirname(HERE)
        for path in [named] if named else [os.path.join(root, ".build/release/apus")]:
            if os.access(path, os.X_OK):
                return os.path.abspath(path)
        return None

    @property
    def mariadb(self):
        return self._server("mariadb", servers.MariaDB)

    @property
    def postgres(self):
        return self._server("postgres", servers.Postgres)

    @property
    def data(self):
        self._data = self._data or Data(self)
        return self._data

    def file(self, name):
        return os.path.join(self.folder, name)

    def program(self, name):
        """A C program of ours, compiled when its source is newer."""
        source, target = os.path.join(HERE, "programs", name + ".c"), self.file(name)
        if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
            flags = []
            if name == "read-mariadb":
                flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libmariadb"], check=True, capture_output=True,
                                       text=True).stdout.split()
            subprocess.run(["cc", "-O2", "-o", target, source, *flags], check=True)
        return target

    def copy(self, source, target, *arguments):
        """Our command line, or None while there is no program."""
        return [self.apus, "copy", source, target, *arguments, "--progress", "never"] if self.apus else None

    def home(self):
        """A home folder of the benches' own: no ledger or settings of the person who runs them."""
        home = self.file("home")
        os.makedirs(home, exist_ok=True)
        return {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "XDG_DATA_HOME": home,
                "NO_COLOR": "1", "SLING_DISABLE_TELEMETRY": "TRUE", "PGPASSWORD": "pw"}

    # Measuring

    def run_once(self, tool, timeout=3600):
        if tool.prepare:
            tool.prepare()
        command = tool.command if isinstance(tool.command, list) else ["bash", "-o", "pipefail", "-c", tool.command]
        before = {name: server.cpu() for name, server in self._servers.items()}
        result = self.file("measured")
        with tempfile.TemporaryFile() as output:
            subprocess.run(
                [self.program("measure"), result, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **self.home(), **tool.environment}, timeout=timeout, cwd=self.folder)
            output.seek(0)
            said = output.read().decode(errors="replace")
        time.sleep(0.2)  # a PostgreSQL backend hands in its account when it ends
        after = {name: server.cpu() for name, server in self._servers.items()}
        status, wall, user, system, rss = open(result).read().split()
        return {"status": int(status), "wall": float(wall), "cpu": float(user) + float(system), "rss": int(rss) / 1024,
                "servers": {name: after[name] - before[name] for name in before}, "said": said}

    def compare(self, tools, rows, runs=None):
        """Interleaved runs of all tools; returns one entry per tool with medians, and the checksum's verdict."""
        entries = {}
        tools = [tool for tool in tools if tool is not None]
        for tool in tools:
            command = tool.command if isinstance(tool.command, str) else " ".join(tool.command or [])
            entries[tool.name] = {"kind": tool.kind, "command": self.anonymous(command), "rows": rows, "runs": [], "values": "not compared"}
            if tool.command is None:
                entries[tool.name]["failed"] = "not built (set APUS to the program)" if tool.kind == "ours" else "not available here"
        for number in range(runs or self.runs):
            for tool in tools:
                entry = entries[tool.name]
                if "failed" in entry or (tool.kind == "rival" and number >= self.rival_runs):
                    continue
                try:
                    measured = self.run_once(tool)
                except subprocess.TimeoutExpired:
                    entry["failed"] = "took over an hour"
                    continue
                said = measured.pop("said")
                if measured.pop("status") != 0:
                    entry["failed"] = "failed: " + self.anonymous(said.strip()[-600:])
                    self.say(f"  {tool.name}: {entry['failed']}")
                    continue
                self.say(f"  {number + 1}. {tool.name:<44} {measured['wall']:8.2f} s  cpu {measured['cpu']:7.2f} s  {measured['rss']:6.0f} MB")
                entry["runs"].append(measured)
                if number == 0 and tool.check:
                    found = tool.check()
                    entry["values"] = "equal" if found == tool.expect else "DIFFERENT: " + f"{found} instead of {tool.expect}".replace("\t", " ")
                    if entry["values"] != "equal":
                        self.say(f"  {tool.name}: {entry['values']}")
        for entry in entries.values():
            self.summarize(entry)
        return entries

    def summarize(self, entry):
        runs = entry.get("runs")
        if runs:
            for name in ("wall", "cpu", "rss"):
                entry[name] = statistics.median(run[name] for run in runs)
            entry["fastest"], entry["slowest"] = min(r["wall"] for r in runs), max(r["wall"] for r in runs)
            entry["servers"] = {name: statistics.median(run["servers"].get(name, 0) for run in runs) for name in runs[0]["servers"]}

    # Small things

    def anonymous(self, text):
        """Ports, folders and the program's place out of a command, so that the page reads the same everywhere."""
        for name, server in self._servers.items():
            text = text.replace(f"127.0.0.1:{server.port}", "127.0.0.1:" + {"mariadb": "3306", "postgres": "5432"}[name])
            text = text.replace(f"-P{server.port}", "-P3306").replace(f" {server.port} ", " 3306 ")
        if self.apus:
            text = text.replace(self.apus, "apus")
        return text.replace(self.folder + "/", "").replace(self.folder, ".")

    def say(self, text):
        print(text, flush=True)

    def _server(self, name, kind):
        if name not in self._servers:
            server = kind(self.file(name))
            self._servers[name] = server
            server.start()
        return self._servers[name]

    def close(self):
        for server in self._servers.values():
            server.stop()
        self._servers = {}
        if os.environ.get("BENCH_KEEP", "1") == "0":
            shutil.rmtree(self.folder, ignore_errors=True)


def bar(text, value, limit, unit="×", at_most=True):
    """One bar of a question: what was asked, what was measured, whether it holds. value None: not measured."""
    holds = None if value is None else (value <= limit if at_most else value >= limit)
    return {"bar": text, "value": value, "limit": limit, "unit": unit, "holds": holds, "at_most": at_most}


def ratio(entries, one, other, what="wall"):
    """entries[one] / entries[other], or None when either was not measured."""
    first, second = entries.get(one, {}).get(what), entries.get(other, {}).get(what)
    return first / second if first and second else None


def log(text):
    print(text, file=sys.stderr, flush=True)
