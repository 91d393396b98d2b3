import os
import sqlite3

from harness.bench import Tool, bar

QUESTION = "How long does `apus generate` take for 1,000 tables of 50 columns, and does a table of 1,200 columns come out whole?"

TABLES, COLUMNS, WIDE = 1000, 50, 1200
# MariaDB's InnoDB holds 1,017 columns a table, PostgreSQL 1,600, SQLite 2,000 (its default).
WIDEST = {"MariaDB": 1000, "PostgreSQL": WIDE, "SQLite": WIDE}


def tables(quote="", engine=""):
    """DDL of the tables: a key, an indexed time of change, and texts."""
    texts = ", ".join(f"c{number:02} varchar(20)" for number in range(COLUMNS - 2))
    for number in range(TABLES):
        name = f"bo_ods_{number:04}"
        yield f"CREATE TABLE {name} (id int NOT NULL PRIMARY KEY, {texts}, update_time timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP){engine}"
        yield f"CREATE INDEX {name}_u ON {name} (update_time)"


def wide(count, engine=""):
    return f"CREATE TABLE bo_ods_wide ({', '.join(f'column_{number:04} int' for number in range(count))}){engine}"


def run(bench):
    if not bench.apus:
        return {"notes": ["apus is not built."], "bars": []}
    my, pg, lite = bench.mariadb, bench.postgres, bench.file("generate.sqlite")
    my.sql("DROP DATABASE IF EXISTS generate; CREATE DATABASE generate; USE generate; "
           + ";".join([*tables(), wide(WIDEST["MariaDB"], " ROW_FORMAT=DYNAMIC")]))
    pg.sql("DROP SCHEMA IF EXISTS generate CASCADE; CREATE SCHEMA generate; SET search_path TO generate; "
           + ";".join([*tables(), wide(WIDEST["PostgreSQL"])]))
    if os.path.exists(lite):
        os.remove(lite)
    with sqlite3.connect(lite) as file:
        for statement in [*tables(), wide(WIDEST["SQLite"])]:
            file.execute(statement)
    file.close()
    sources = {"MariaDB": my.url("generate"), "PostgreSQL": pg.url(), "SQLite": f"sqlite:{lite}"}
    extra = {"MariaDB": [], "PostgreSQL": ["--schema", "generate"], "SQLite": []}
    control = bench.file("generate-control.sqlite")

    def fresh():
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(control + suffix):
                os.remove(control + suffix)
        with sqlite3.connect(control) as file:
            # The row of datax_json that the new rows belong to.
            file.execute("CREATE TABLE datax_json (id INTEGER PRIMARY KEY, df_json TEXT, di_json TEXT, source_dbname TEXT, target_dbname TEXT, create_time TEXT)")
            file.execute("INSERT INTO datax_json VALUES (1, '', '', 'erp', 'dw', NULL)")
        file.close()

    def written():
        """Rows, and the columns of the widest list, which are checked by name."""
        with sqlite3.connect(control) as file:
            rows = file.execute("SELECT src_table_name, src_table_column FROM datax_config").fetchall()
        file.close()
        lists = {name.split(".")[-1]: columns.split(",") for name, columns in rows}
        expected = ["id"] + [f"c{number:02}" for number in range(COLUMNS - 2)] + ["update_time"]
        right = sum(columns == expected for name, columns in lists.items() if name != "bo_ods_wide")
        widest = lists.get("bo_ods_wide", [])
        whole = widest == [f"column_{number:04}" for number in range(len(widest))]
        return f"{right} tables right, {len(widest)} columns {'in order' if whole else 'WRONG'}"

    tools = [Tool(
        f"apus generate, {system}", "ours",
        [bench.apus, "generate", "--from", sources[system], "--like", "bo_ods_%", "--json-id", "1", "--into", f"sqlite:{control}",
         "--full-below", "0", *extra[system]],
        prepare=fresh, check=written, expect=f"{TABLES} tables right, {WIDEST[system]} columns in order") for system in sources]
    tools.append(Tool("the client alone, MariaDB", "floor", [
        *my.client("-NB", "generate"), "-e",
        "SELECT * FROM information_schema.columns WHERE table_schema='generate'; SELECT * FROM information_schema.statistics WHERE table_schema='generate'"]))
    entries = bench.compare(tools, TABLES * COLUMNS, runs=max(3, bench.runs))
    bars = []
    for system in sources:
        entry = entries[f"apus generate, {system}"]
        bars.append(bar(f"1,000 tables × 50 columns, {system}", entry.get("wall"), 5, "s"))
        bars.append(bar(f"every list whole, {system} ({WIDEST[system]:,} columns)", None if "wall" not in entry else int(entry["values"] == "equal"), 1, "", at_most=False))
    return {"entries": entries, "bars": bars}
