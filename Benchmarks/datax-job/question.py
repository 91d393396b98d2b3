import json

from harness.bench import Tool, bar, ratio

QUESTION = "What does a DataX job cost, against `apus copy`, as ten rows, and eighty times one after another?"


def job(bench, name, reader, writer):
    """A job file as DataX teams have them; returns the command that runs it."""
    path = bench.file(name + ".json")
    content = {"reader": {"name": "mysqlreader", "parameter": reader}, "writer": {"name": "postgresqlwriter", "parameter": writer}}
    setting = {"speed": {"channel": 1}, "errorLimit": {"record": 0}}
    with open(path, "w") as file:
        json.dump({"job": {"setting": setting, "content": [content]}}, file)
    return [bench.apus, "datax", path] if bench.apus else None


def table(bench, source, target, **more):
    my = {"username": "root", "password": "pw", "column": ["*"],
          "connection": [{"table": [source], "jdbcUrl": [f"jdbc:mysql://127.0.0.1:{bench.mariadb.port}/bench"]}]}
    pg = {"username": "postgres", "password": "pw", "column": ["*"], **more,
          "connection": [{"table": [target], "jdbcUrl": f"jdbc:postgresql://127.0.0.1:{bench.postgres.port}/target"}]}
    return my, pg


def run(bench):
    data, my, pg = bench.data, bench.mariadb, bench.postgres
    expect = data.mariadb_source()
    into = {"prepare": data.empty_postgres_target, "check": data.postgres_target_checksum, "expect": expect}
    whole = bench.compare([
        Tool("apus datax, 1 channel", "ours", job(bench, "whole", *table(bench, "bench", "public.bench")), **into),
        Tool("apus copy, 1 channel", "ours", bench.copy(
            my.url(), pg.url("target"), "--table", "bench", "--to", "public.bench", "--mode", "append", "--channels", "1"), **into),
    ], data.rows)

    my.sql("DROP TABLE IF EXISTS ten, thousand; CREATE TABLE ten (id INT PRIMARY KEY, name VARCHAR(20)); CREATE TABLE thousand LIKE ten; "
           "INSERT INTO ten SELECT seq, CONCAT('row ', seq) FROM seq_1_to_10; "
           "INSERT INTO thousand SELECT seq, CONCAT('row ', seq) FROM seq_1_to_1000")
    pg.sql("DROP TABLE IF EXISTS ten; CREATE TABLE ten (id int PRIMARY KEY, name varchar(20))", "target")
    pg.sql("".join(f"DROP TABLE IF EXISTS thousand{n}; CREATE TABLE thousand{n} (id int PRIMARY KEY, name varchar(20));" for n in range(80)), "target")
    ten = job(bench, "ten", *table(bench, "ten", "ten", preSql=["truncate table @table"]))
    eighty = [job(bench, f"thousand{n}", *table(bench, "thousand", f"thousand{n}", preSql=["truncate table @table"])) for n in range(80)]
    counts = " + ".join(f"(SELECT count(*) FROM thousand{n})" for n in range(80))
    small = bench.compare([
        Tool("a job of ten rows", "ours", ten, check=lambda: pg.sql("SELECT count(*), max(name) FROM ten", "target"), expect="10|row 9"),
        Tool("80 jobs of 1,000 rows", "ours", " && ".join(" ".join(command) for command in eighty) if bench.apus else None,
             check=lambda: pg.sql(f"SELECT {counts}", "target"), expect="80000"),
    ], 10, runs=max(3, min(bench.runs, 5)))
    # The line of eighty commands says nothing that one does not.
    small["80 jobs of 1,000 rows"]["command"] = "apus datax thousand0.json && … && apus datax thousand79.json"

    wall = small["a job of ten rows"].get("wall")
    return {"entries": {**whole, **small}, "bars": [
        bar("a job against `apus copy`", ratio(whole, "apus datax, 1 channel", "apus copy, 1 channel"), 1.1),
        bar("peak memory of that job", whole["apus datax, 1 channel"].get("rss"), 64, "MB"),
        bar("a job of ten rows", wall * 1000 if wall else None, 300, "ms"),
        bar("80 jobs of 1,000 rows, one after another", small["80 jobs of 1,000 rows"].get("wall"), 30, "s"),
    ]}
