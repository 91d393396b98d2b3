"""The benches' table: 11 mixed columns, about 190 bytes a row, the same for every question; and its checksums."""

import os
import subprocess

SEED = 20261123
VERSION = 2  # of the generated table; a change makes kept data stale
COLUMNS = ["id", "n", "name", "flag", "amount", "ratio", "note", "seen", "stamp", "born", "payload"]

MARIADB_TABLE = """CREATE TABLE {name} (
  id BIGINT NOT NULL {key}, n INT NOT NULL, name VARCHAR(60) NOT NULL, flag TINYINT NOT NULL, amount DECIMAL(12,2) NOT NULL,
  ratio DOUBLE NULL, note VARCHAR(200) NULL, seen DATETIME(6) NOT NULL, stamp TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00',
  born DATE NOT NULL, payload TEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"""

POSTGRES_TABLE = """CREATE TABLE {name} (
  id bigint NOT NULL {key}, n int NOT NULL, name varchar(60) NOT NULL, flag smallint NOT NULL, amount numeric(12,2) NOT NULL,
  ratio double precision, note varchar(200), seen timestamp(6) NOT NULL, stamp timestamptz NOT NULL, born date NOT NULL,
  payload text NOT NULL)"""

# Both systems print these values alike, so the sums of their rows' MD5 parts can be compared.
MARIADB_CHECKSUM = """SELECT COUNT(*), SUM(CAST(CONV(SUBSTR(h,1,8),16,10) AS UNSIGNED)), SUM(CAST(CONV(SUBSTR(h,9,8),16,10) AS UNSIGNED))
FROM (SELECT MD5(CONCAT_WS('|', id, n, name, flag, amount, COALESCE(ratio,'~'), COALESCE(note,'~'), seen, stamp, born, payload)) h
FROM {name}) rows_"""
POSTGRES_CHECKSUM = """SELECT concat_ws(E'\\t', count(*), sum(('x'||substr(h,1,8))::bit(32)::bigint & 4294967295),
sum(('x'||substr(h,9,8))::bit(32)::bigint & 4294967295)) FROM (SELECT md5(concat_ws('|', id, n, name, flag, amount,
coalesce(ratio::text,'~'), coalesce(note,'~'), to_char(seen,'YYYY-MM-DD HH24:MI:SS.US'),
to_char(stamp AT TIME ZONE 'UTC','YYYY-MM-DD HH24:MI:SS'), to_char(born,'YYYY-MM-DD'), payload)) h FROM {name}) rows_"""

LOAD_TEXT = "LOAD DATA LOCAL INFILE '{file}' INTO TABLE {name} CHARACTER SET utf8mb4"
LOAD_CSV = (
    "LOAD DATA LOCAL INFILE '{file}' INTO TABLE {name} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' "
    "ESCAPED BY '' LINES TERMINATED BY '\\n' IGNORE 1 LINES (id,n,name,flag,amount,@ratio,@note,seen,stamp,born,payload) "
    "SET ratio=NULLIF(@ratio,''), note=NULLIF(@note,'')")


class Data:
    """Makes what is asked for at the first use and keeps it in the bench folder for the next run."""

    def __init__(self, bench):
        self.bench = bench
        self.rows = bench.rows
        self.folder = os.path.join(bench.folder, f"data-{VERSION}-{self.rows}")
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.text = os.path.join(self.folder, "bench.txt")
        self.csv = os.path.join(self.folder, "bench.csv")
        self.binary = os.path.join(self.bench.folder, f"bench-{VERSION}-{self.rows}.pgcopy")

    def files(self):
        if not (os.path.exists(self.csv) and os.path.exists(self.text)):
            self.bench.say(f"writing {self.rows:,} rows as text and as CSV")
            parts = [self.text + ".part", self.csv + ".part"]
            subprocess.run([self.bench.program("generate"), str(self.rows), str(SEED), *parts], check=True)
            for part in parts:
                os.rename(part, part.removesuffix(".part"))

    def mariadb_source(self):
        """Table bench.bench in MariaDB with exactly the wanted rows; returns its checksum."""
        server = self.bench.mariadb
        return self._source(server, lambda: server.sql(
            "DROP TABLE IF EXISTS bench; " + MARIADB_TABLE.format(name="bench", key="PRIMARY KEY") + ";"
            + LOAD_TEXT.format(name="bench", file=self.text) + "; ANALYZE TABLE bench"), MARIADB_CHECKSUM)

    def postgres_source(self):
        """Table bench in PostgreSQL's database bench; returns its checksum."""
        server = self.bench.postgres
        return self._source(server, lambda: server.sql(
            "DROP TABLE IF EXISTS bench;" + POSTGRES_TABLE.format(name="bench", key="PRIMARY KEY")
            + f";\n\\copy bench from '{self.text}'\nANALYZE bench;"), POSTGRES_CHECKSUM)

    def _source(self, server, fill, checksum):
        mark = os.path.join(server.folder, "source")
        known = open(mark).read().split("\n") if os.path.exists(mark) else []
        if known[:1] != [f"{VERSION}:{self.rows}"]:
            self.files()
            self.bench.say(f"loading {self.rows:,} rows into the source {type(server).__name__}")
            fill()
            known = [f"{VERSION}:{self.rows}", server.sql(checksum.format(name="bench"))]
            with open(mark, "w") as file:
                file.write("\n".join(known))
        return known[1]

    def postgres_binary(self):
        """A COPY BINARY file of the table that the PostgreSQL server can read."""
        self.postgres_source()
        if not os.path.exists(self.binary):
            with open(self.binary + ".part", "wb") as file:
                subprocess.run(self.bench.postgres.psql("bench", "-c", "COPY bench TO STDOUT (FORMAT binary)"), stdout=file, check=True)
            os.chmod(self.binary + ".part", 0o644)
            os.rename(self.binary + ".part", self.binary)
        return self.binary

    def empty_mariadb_target(self):
        self.bench.mariadb.sql(
            "DROP TABLE IF EXISTS bench; " + MARIADB_TABLE.format(name="bench", key="PRIMARY KEY"), "target")

    def empty_postgres_target(self):
        self.bench.postgres.sql(
            "DROP TABLE IF EXISTS bench;" + POSTGRES_TABLE.format(name="bench", key="PRIMARY KEY") + "; CHECKPOINT;", "target")

    def mariadb_target_checksum(self):
        return self.bench.mariadb.sql(MARIADB_CHECKSUM.format(name="bench"), "target")

    def postgres_target_checksum(self):
        return self.bench.postgres.sql(POSTGRES_CHECKSUM.format(name="bench"), "target")
