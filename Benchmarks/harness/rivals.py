"""Other tools, installed on demand: DuckDB with its extensions and sling from PyPI into a virtual environment of the
bench folder; pgloader, mydumper and myloader where Debian's packages are installed."""

import glob
import os
import shutil
import subprocess
import sys

PACKAGES = ["duckdb==1.5.5", "duckdb-extension-mysql-scanner==1.5.5", "duckdb-extension-postgres-scanner==1.5.5", "sling-linux-amd64"]

DUCKDB_SCRIPT = """
import duckdb, sys
db = duckdb.connect()
for extension in {extensions!r}: db.execute(f"LOAD '{{extension}}'")
db.execute("ATTACH 'host=127.0.0.1 port={my} user=root password=pw database=bench' AS my (TYPE mysql_scanner)") if {my} else None
db.execute("ATTACH 'host=127.0.0.1 port={pg} user=postgres password=pw dbname={pgdb}' AS pg (TYPE postgres_scanner)") if {pg} else None
db.execute(sys.argv[1])
"""

PGLOADER_FILE = """LOAD DATABASE
  FROM mysql://root:pw@127.0.0.1:{my}/bench
  INTO pgsql://postgres:pw@127.0.0.1:{pg}/target
WITH data only, truncate, workers = 2, concurrency = 1
INCLUDING ONLY TABLE NAMES MATCHING 'bench'
ALTER SCHEMA 'bench' RENAME TO 'public';
"""


class Rivals:
    def __init__(self, bench):
        self.bench = bench
        self.folder = bench.file("venv")
        self._ready = None

    def _environment(self):
        """The virtual environment with the packages; tried once, quietly absent when there is no registry."""
        if self._ready is None:
            python = os.path.join(self.folder, "bin/python")
            if not os.path.exists(python):
                subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
            self._ready = True
            for package in PACKAGES:
                done = subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", package],
                                      capture_output=True, text=True)
                if done.returncode:
                    self.bench.say(f"  cannot install {package}: {done.stderr.strip()[-200:]}")
        return self.folder

    def _inside(self, pattern):
        found = glob.glob(os.path.join(self._environment(), "lib/python3*/site-packages", pattern))
        return found[0] if found else None

    def duckdb(self, sql, mysql=None, postgres=None, postgres_database="target"):
        extensions = [self._inside(f"duckdb_extension_{name}_scanner/extensions/*/{name}_scanner.duckdb_extension")
                      for name in (["mysql"] if mysql else []) + (["postgres"] if postgres else [])]
        if None in extensions or not self._inside("duckdb/__init__.py"):
            return None
        path = self.bench.file("duckdb-" + "-".join(["job"] + ["mysql"] * bool(mysql) + ["postgres"] * bool(postgres)) + ".py")
        with open(path, "w") as file:
            file.write(DUCKDB_SCRIPT.format(extensions=extensions, my=mysql or 0, pg=postgres or 0, pgdb=postgres_database))
        return [os.path.join(self.folder, "bin/python"), path, sql]

    def sling(self, *arguments):
        program = self._inside("sling_linux_amd64/bin/sling-linux-amd64")
        return [program, "run", *arguments] if program else None

    def sling_environment(self):
        bench = self.bench
        return {"MY": bench.mariadb.url("bench"), "PG": bench.postgres.url("target") + "?sslmode=disable"}

    def pgloader(self):
        if not shutil.which("pgloader"):
            return None
        path = self.bench.file("bench.load")
        with open(path, "w") as file:
            file.write(PGLOADER_FILE.format(my=self.bench.mariadb.port, pg=self.bench.postgres.port))
        return ["pgloader", "--no-ssl-cert-verification", path]

    def mydumper(self, threads):
        """mydumper, then myloader into the database `target`; one command for the clock."""
        if not (shutil.which("mydumper") and shutil.which("myloader")):
            return None
        server, dump = self.bench.mariadb, self.bench.file("dump")
        login = f"-h 127.0.0.1 -P {server.port} -u root -p pw -t {threads}"
        return (f"rm -rf {dump} && mydumper {login} -B bench -T bench -o {dump} --rows 500000 --no-locks && "
                f"myloader {login} -d {dump} -B target -o")

    def versions(self):
        lines = {}
        if os.path.isdir(self.folder):
            python = os.path.join(self.folder, "bin/python")
            listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
                                    capture_output=True, text=True).stdout
            lines |= {name: version for name, _, version in (line.partition("==") for line in listed.split())
                      if name.startswith(("duckdb", "sling"))}
        for package in ("pgloader", "mydumper", "mariadb-server", "postgresql-15", "libmariadb3", "libpq5"):
            shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
            if shown.returncode == 0 and shown.stdout:
                lines[package] = shown.stdout
        return lines
