import os

from harness.bench import Tool, bar

QUESTION = "How long does `apus --version` take, and a job of ten rows in full?"


def run(bench):
    my, pg = bench.mariadb, bench.postgres
    my.sql("DROP TABLE IF EXISTS ten; CREATE TABLE ten (id INT PRIMARY KEY, name VARCHAR(20)); "
           "INSERT INTO ten SELECT seq, CONCAT('row ', seq) FROM seq_1_to_10")
    pg.sql("DROP TABLE IF EXISTS ten; CREATE TABLE ten (id int PRIMARY KEY, name varchar(20))", "target")
    lite = bench.file("ten.sqlite")

    def fresh():
        if os.path.exists(lite):
            os.remove(lite)

    def ten():
        return pg.sql("SELECT count(*), max(name) FROM ten", "target")

    entries = bench.compare([
        Tool("apus --version", "ours", [bench.apus, "--version"] if bench.apus else None),
        Tool("ten rows, MariaDB → PostgreSQL", "ours", bench.copy(
            my.url(), pg.url("target"), "--table", "ten", "--to", "public.ten", "--mode", "replace"), check=ten, expect="10|row 9"),
        Tool("ten rows, MariaDB → SQLite", "ours", bench.copy(my.url(), f"sqlite:{lite}", "--table", "ten", "--mode", "replace"), prepare=fresh),
    ], 10, runs=max(bench.runs, 15))

    def milliseconds(name):
        wall = entries[name].get("wall")
        return wall * 1000 if wall else None

    return {"entries": entries, "bars": [
        bar("apus --version", milliseconds("apus --version"), 50, "ms"),
        bar("ten rows, MariaDB → PostgreSQL", milliseconds("ten rows, MariaDB → PostgreSQL"), 300, "ms"),
        bar("ten rows, MariaDB → SQLite", milliseconds("ten rows, MariaDB → SQLite"), 300, "ms"),
    ]}
