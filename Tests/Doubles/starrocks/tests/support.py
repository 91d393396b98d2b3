"""One double for all tests of a run, and the clients that nobody here wrote: curl and mariadb."""

import atexit
import itertools
import json
import os
import subprocess
import sys
import unittest
import urllib.request

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSWORD = "s3cret:pw"
_numbers = itertools.count(1)
_double = None


class Double:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(FOLDER, "run.py"), "--password", PASSWORD, *arguments],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the double did not start")
        self.told = json.loads(line)
        atexit.register(self.stop)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.process.stdout.close()

    def place(self, node):
        told = self.told[node]
        return f"{told['host']}:{told['http_port']}"

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            self.told["control"] + path, method=method, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


def double():
    global _double
    if _double is None:
        _double = Double()
    return _double


class Case(unittest.TestCase):
    """A database of its own, profile 3.3, no faults, nothing recorded."""

    profile = "3.3"

    def setUp(self):
        self.double = double()
        self.control("DELETE", "/faults")
        self.control("DELETE", "/requests")
        self.control("POST", "/leader", {"name": "fe1"})
        self.play(self.profile)
        self.db = f"t{next(_numbers)}"
        self.sql(f"CREATE DATABASE {self.db}", database="")

    def tearDown(self):
        self.control("DELETE", "/faults")
        self.sql(f"DROP DATABASE {self.db}", database="")

    def control(self, method, path, body=None):
        return self.double.control(method, path, body)

    def play(self, profile):
        self.control("POST", "/profile", {"name": profile})

    def fault(self, name, **rules):
        self.control("POST", "/faults", {"name": name, **rules})

    # --- the mariadb client
    def mariadb(self, sql, database=None, node="fe1", password=PASSWORD):
        told = self.double.told[node]
        database = self.db if database is None else database
        return subprocess.run(
            ["mariadb", "--no-defaults", f"--host={told['host']}", f"--port={told['sql_port']}", "--user=root", "--batch", "--raw",
             "--comments", "--default-character-set=utf8mb4"] + ([f"--database={database}"] if database else []),
            env={**os.environ, "MYSQL_PWD": password}, input=sql, capture_output=True, text=True, timeout=180)

    def sql(self, sql, database=None, node="fe1"):
        """The rows as lists of text, without the heading."""
        done = self.mariadb(sql, database, node)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()[1:]]

    def sql_error(self, sql, database=None, node="fe1"):
        done = self.mariadb(sql, database, node)
        self.assertNotEqual(done.returncode, 0, f"{sql} went through")
        return done.stderr

    # --- curl
    def curl(self, *arguments, data=None, follow=True, timeout=120):
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", str(timeout)] + (["--location-trusted"] if follow else []) + list(arguments),
            input=data, capture_output=True, timeout=180)
        return done

    def load(self, table, data, node="fe1", user=f"root:{PASSWORD}", expect=True, **headers):
        """Stream Load as the manual says it; the answer as a dictionary."""
        body = data if isinstance(data, bytes) else data.encode()
        arguments = ["-u", user] + (["-H", "Expect:100-continue"] if expect else ["-H", "Expect:"])
        for name, value in headers.items():
            arguments += ["-H", f"{name}: {value}"]
        done = self.curl(*arguments, "-T", "-", "-XPUT", f"http://{self.double.place(node)}/api/{self.db}/{table}/_stream_load", data=body)
        self.last = done
        return json.loads(done.stdout) if done.stdout.startswith(b"{") else None

    def state(self, label, node="fe1"):
        done = self.curl("-u", f"root:{PASSWORD}", f"http://{self.double.place(node)}/api/{self.db}/get_load_state?label={label}")
        return json.loads(done.stdout)["state"]

    def transaction(self, operation, label, table="t", data=None, node="fe1", **headers):
        arguments = ["-u", f"root:{PASSWORD}", "-H", f"label:{label}", "-H", "Expect:100-continue", "-H", f"db:{self.db}"]
        if table:
            arguments += ["-H", f"table:{table}"]
        for name, value in headers.items():
            arguments += ["-H", f"{name}: {value}"]
        if operation == "load":
            arguments += ["-T", "-", "-X", "PUT"]
        else:
            arguments += ["-X", "POST"]
        done = self.curl(*arguments, f"http://{self.double.place(node)}/api/transaction/{operation}", data=(data or "").encode())
        return json.loads(done.stdout) if done.stdout else None

    def requests(self, node=None):
        return [r for r in self.control("GET", "/requests") if node is None or r["node"] == node]
