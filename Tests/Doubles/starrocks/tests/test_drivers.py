"""Drivers from PyPI, in a virtual environment of the test: PyMySQL on the text protocol, Connector/Python on prepared statements."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
import venv

from .support import PASSWORD, Case

_trouble = {}


def environment(name, imports, *packages):
    """The folder of a virtual environment with these packages; kept for the next run. Skips the test where PyPI cannot be reached."""
    folder = os.path.join(tempfile.gettempdir(), f"apus-double-{name}-{sys.version_info[0]}.{sys.version_info[1]}")
    probe = [os.path.join(folder, "bin", "python"), "-c", f"import {imports}"]

    def ready():
        return os.path.exists(probe[0]) and subprocess.run(probe, capture_output=True).returncode == 0

    if ready():
        return folder
    if name not in _trouble:
        made = tempfile.mkdtemp(prefix=f"apus-double-{name}-")
        try:
            venv.create(made, with_pip=True)
            done = subprocess.run(
                [os.path.join(made, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "0",
                 "--timeout", "10", *packages], capture_output=True, text=True, timeout=240)
            if done.returncode == 0:
                # Another run may do the same at the same time; the first to be ready gives its folder to all.
                if not ready():
                    shutil.rmtree(folder, ignore_errors=True)
                    os.rename(made, folder)
                return folder
            _trouble[name] = done.stderr.strip().splitlines()[-1]
        except (OSError, subprocess.SubprocessError) as problem:
            if ready():
                return folder
            _trouble[name] = str(problem)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    raise unittest.SkipTest(f"{packages[0]} cannot be installed here: {_trouble[name]}")


def python():
    """The interpreter with the drivers."""
    folder = environment("drivers", "pymysql, mysql.connector", "pymysql", "mysql-connector-python")
    return os.path.join(folder, "bin", "python")


class Drivers(Case):
    def run_python(self, code):
        told = self.double.told["fe1"]
        done = subprocess.run(
            [python(), "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=180,
            env={**os.environ, "H": told["host"], "P": str(told["sql_port"]), "W": PASSWORD, "D": self.db})
        self.assertEqual(done.returncode, 0, done.stderr)

    def setUp(self):
        super().setUp()
        self.sql('''CREATE TABLE t (k bigint, l largeint, b boolean, n decimal(38,9), f float, d date, ts datetime, s string, x varbinary)
            DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)''')
        told = self.load("t", "1|170141183460469231731687303715884105727|true|12345678901234567890123456789.123456789|0.1|2024-02-29|"
                              "2024-02-29 01:02:03.5|雨燕|raw\n2|-1|false|-1|2|2024-01-01|2024-01-01 00:00:00||\\N\n", column_separator="|")
        self.assertEqual(told["NumberLoadedRows"], 2)

    def test_pymysql(self):
        self.run_python('''
            import os, pymysql, datetime, decimal
            c = pymysql.connect(host=os.environ["H"], port=int(os.environ["P"]), user="root", password=os.environ["W"],
                                database=os.environ["D"], charset="utf8mb4", autocommit=True)
            assert c.server_version == "8.0.33", c.server_version
            with c.cursor() as q:
                q.execute("SET query_timeout = %s", (77,))
                q.execute("SELECT @@query_timeout, k, l, b, n, f, d, ts, s, x FROM t WHERE s = %s OR k = %s ORDER BY k", ("雨燕", 2))
                rows = q.fetchall()
                assert rows[0] == (77, 1, "170141183460469231731687303715884105727", 1,
                    decimal.Decimal("12345678901234567890123456789.123456789"), 0.1, datetime.date(2024, 2, 29),
                    datetime.datetime(2024, 2, 29, 1, 2, 3, 500000), "雨燕", b"raw"), rows[0]
                assert rows[1][7] == datetime.datetime(2024, 1, 1) and rows[1][8:] == ("", None), rows[1]
                assert len(q.description) == 10
                q.execute("SHOW PARTITIONS FROM t")
                assert q.fetchone()[2] == "2"
                try:
                    q.execute("SELECT nothing FROM t")
                    raise SystemExit("no error")
                except pymysql.MySQLError as problem:
                    assert problem.args[0] == 1064, problem
                assert c.ping() is None
                c.select_db("information_schema")
                q.execute("SELECT TABLE_ROWS FROM tables WHERE TABLE_SCHEMA = %s", (os.environ["D"],))
                assert q.fetchall() == ((2,),)
            s = pymysql.connect(host=os.environ["H"], port=int(os.environ["P"]), user="root", password=os.environ["W"],
                                database=os.environ["D"], cursorclass=pymysql.cursors.SSCursor)
            with s.cursor() as q:
                q.execute("SELECT a.k FROM t a CROSS JOIN t b")
                assert sorted(q) == [(1,), (1,), (2,), (2,)]
        ''')

    def test_the_error_of_query_timeout(self):
        self.fault("slow_scan", table="t", rows_per_second=0.001, times=-1)
        self.run_python('''
            import os, pymysql
            c = pymysql.connect(host=os.environ["H"], port=int(os.environ["P"]), user="root", password=os.environ["W"],
                                database=os.environ["D"])
            try:
                c.cursor().execute("SELECT * FROM t")
                raise SystemExit("no error")
            except pymysql.MySQLError as problem:
                assert problem.args == (5024, "Query reached its timeout of 300 seconds, please increase the 'query_timeout' session "
                                        "variable and retry"), problem
            c.cursor().execute("SELECT 1")
        ''')

    def test_prepared_statements(self):
        self.run_python('''
            import os, mysql.connector, datetime, decimal
            c = mysql.connector.connect(host=os.environ["H"], port=int(os.environ["P"]), user="root", password=os.environ["W"],
                                        database=os.environ["D"], use_pure=True, ssl_disabled=True)
            q = c.cursor(prepared=True)
            q.execute("SELECT k, n, d, ts, s FROM t WHERE k = ? AND s = ?", (1, "雨燕"))
            rows = q.fetchall()
            assert rows[0][0] == 1 and rows[0][1] == decimal.Decimal("12345678901234567890123456789.123456789"), rows
            assert rows[0][3] == datetime.datetime(2024, 2, 29, 1, 2, 3, 500000) and rows[0][4] == "雨燕", rows
            try:
                q.execute("INSERT INTO t (k) VALUES (?)", (1,))
                raise SystemExit("no error")
            except mysql.connector.Error:
                pass
        ''')

    def test_no_prepared_statements_before_3_2(self):
        self.play("3.1")
        self.run_python('''
            import os, mysql.connector
            c = mysql.connector.connect(host=os.environ["H"], port=int(os.environ["P"]), user="root", password=os.environ["W"],
                                        database=os.environ["D"], use_pure=True, ssl_disabled=True)
            try:
                c.cursor(prepared=True).execute("SELECT 1")
                raise SystemExit("no error")
            except mysql.connector.Error as problem:
                assert problem.errno == 1047, problem
        ''')
