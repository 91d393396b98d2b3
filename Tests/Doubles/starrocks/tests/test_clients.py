"""Public programs against the double, by their own calls: dbt-starrocks, starrocks-br, doris-stream-load."""

import json
import os
import subprocess
import tempfile
import textwrap

from .support import PASSWORD, Case
from .test_drivers import environment


class Clients(Case):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
        return path

    def run_program(self, *command, **variables):
        # The environments' scripts name the folder that they were made in, so they are run as modules.
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=self.folder.name, env={**os.environ, **variables})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        return done.stdout

    def test_doris_stream_load(self):
        program = os.path.join(environment("doris-stream-load", "doris_stream_load", "doris-stream-load", "requests"), "bin", "python")
        self.play("doris-3")
        self.sql("CREATE TABLE t (k int, v varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        told = self.double.told["be1"]
        answer = self.run_program(program, "-c", textwrap.dedent(f"""
            import json
            from doris_stream_load import stream_load
            load = stream_load({told['host']!r}, "root", {PASSWORD!r}, {told['http_port']}, {self.db!r}, "t", ",")
            print(json.dumps(load.sendData(["1,a", '2,say "hi"', "3,雨燕"])))"""))
        self.assertEqual((json.loads(answer)["Status"], json.loads(answer)["NumberLoadedRows"]), ("Success", 3), answer)
        self.assertEqual(self.sql("SELECT * FROM t ORDER BY k"), [["1", "a"], ["2", 'say "hi"'], ["3", "雨燕"]])

    def test_starrocks_br_makes_its_tables(self):
        program = os.path.join(environment("starrocks-br", "starrocks_br.cli", "starrocks-br"), "bin", "python")
        self.sql("CREATE TABLE t (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.sql("CREATE REPOSITORY backups WITH BROKER ON LOCATION 's3://bucket/path' PROPERTIES ('aws.s3.region' = 'x')")
        self.addCleanup(self.sql, "DROP REPOSITORY backups; DROP DATABASE ops_of_br", "")
        told = self.double.told["fe1"]
        config = self.write("br.yaml", f"""
            host: {told['host']}
            port: {told['sql_port']}
            user: root
            database: {self.db}
            repository: backups
            ops_database: ops_of_br
            table_inventory:
              - group: nightly
                tables:
                  - database: {self.db}
                    table: t
            """)
        self.run_program(program, "-c", "from starrocks_br.cli import cli; cli()", "init", "--config", config, STARROCKS_PASSWORD=PASSWORD)
        self.assertEqual(self.sql("SELECT inventory_group, database_name, table_name FROM ops_of_br.table_inventory"),
                         [["nightly", self.db, "t"]])
        self.assertEqual(len(self.sql("SHOW TABLES FROM ops_of_br")), 5)

    def test_dbt_builds_tables_and_views(self):
        program = os.path.join(environment("dbt", "dbt.cli.main, dbt.adapters.starrocks", "dbt-core<1.11", "dbt-starrocks<1.11",
                                           "mysql-connector-python==8.4.0"), "bin", "python")
        told = self.double.told["fe1"]
        self.write("dbt_project.yml", "name: p\nversion: '1.0'\nprofile: p\nmodel-paths: [models]\nseed-paths: [seeds]\n")
        self.write("profiles.yml", f"""
            p:
              target: dev
              outputs:
                dev:
                  type: starrocks
                  host: {told['host']}
                  port: {told['sql_port']}
                  schema: {self.db}
                  username: root
                  password: "{PASSWORD}"
                  version: 3.3.14
            """)
        self.write("seeds/s.csv", 'k,v\n1,a\n2,"say ""hi"""\n3,雨燕\n')
        self.write("models/m.sql", "{{ config(materialized='table', table_type='DUPLICATE', keys=['k'], distributed_by=['k'], buckets=1) }}\n"
                                   "select k, v from {{ ref('s') }} where k > 1\n")
        self.write("models/w.sql", "{{ config(materialized='view') }}\nselect k, v from {{ ref('m') }}\n")
        self.run_program(program, "-c", "from dbt.cli.main import cli; cli()", "build", "--profiles-dir", self.folder.name,
                         "--project-dir", self.folder.name, DBT_SEND_ANONYMOUS_USAGE_STATS="0")
        self.assertEqual(self.sql("SELECT * FROM w ORDER BY k"), [["2", 'say "hi"'], ["3", "雨燕"]])
        self.assertIn("DUPLICATE KEY(`k`)", self.mariadb("SHOW CREATE TABLE m").stdout)
