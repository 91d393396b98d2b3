"""The double of a StarRocks cluster (Tests/Doubles/starrocks) as a target of benches."""

import json
import os
import subprocess
import sys
import time
import urllib.request

from .bench import HERE

DOUBLE = os.path.join(os.path.dirname(HERE), "Tests", "Doubles", "starrocks", "run.py")
TABLE = """CREATE TABLE {name} (
  id BIGINT NOT NULL, n INT NOT NULL, name VARCHAR(180) NOT NULL, flag TINYINT NOT NULL, amount DECIMAL(12,2) NOT NULL,
  ratio DOUBLE NULL, note VARCHAR(800) NULL, seen DATETIME NOT NULL, stamp DATETIME NOT NULL, born DATE NOT NULL,
  payload STRING NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1")"""


def checksum(name):
    """A query for the number of rows and the sum of their values, the same text in MariaDB and in the double."""
    columns = ["id", "n", "name", "flag", "amount", "ratio", "note", "left(seen, 26)", "left(stamp, 19)", "born", "payload"]
    values = ", ".join(f"coalesce({column}, '~')" for column in columns)
    return f"SELECT count(*), sum(crc32(concat_ws('|', {values}))) FROM {name}"


class StarRocks:
    """Two FEs, two BEs and the SQL port; ended by process id, or by itself when this driver is gone."""

    def __init__(self, bench, count_only=False, profile="3.3"):
        self.bench = bench
        # What only counts cannot be read back, which the trial of the load's form does.
        self.settings = {"probe": "off"} if count_only else {}
        command = [sys.executable, DOUBLE, "--profile", profile, "--password", "pw", "--database", "target"]
        self.process = subprocess.Popen(command + (["--count-only"] if count_only else []), stdout=subprocess.PIPE,
                                        stderr=open(bench.file("starrocks.log"), "a"), text=True)
        self.told = json.loads(self.process.stdout.readline())

    def url(self, database="target", **settings):
        parameters = "&".join([f"http={self.told['fe1']['http_port']}"] + [f"{name}={value}" for name, value in {**self.settings, **settings}.items()])
        hosts = ",".join(f"{self.told[name]['host']}:{self.told[name]['sql_port']}" for name in ("fe1", "fe2"))
        return f"starrocks://root:pw@{hosts}/{database}?{parameters}"

    def sql(self, text, database="target", tries=8):
        """Runs SQL; faults meant for the program under test may strike here, too, so that what fails is tried again."""
        for left in reversed(range(tries)):
            try:
                return self.ask(text, database)
            except RuntimeError as error:
                if not left or "already exists" in str(error):
                    raise
                time.sleep(0.2)

    def ask(self, text, database):
        node = self.told["fe1"]
        done = subprocess.run(
            ["mariadb", "--no-defaults", "-h", node["host"], "-P", str(node["sql_port"]), "-uroot", "-B", "-N", "--comments",
             "--default-character-set=utf8mb4", database],
            input=text, capture_output=True, text=True, env={**os.environ, "MYSQL_PWD": "pw"})
        if done.returncode:
            raise RuntimeError(f"starrocks: {done.stderr}")
        return done.stdout.strip()

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.told["control"] + path, data, method=method), timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def cpu(self):
        """CPU seconds of the double itself, without its MariaDB."""
        from .servers import cpu_seconds
        return cpu_seconds(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
