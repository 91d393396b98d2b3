import glob
import os

from harness.bench import Tool, bar, ratio
from harness.data import POSTGRES_TABLE

QUESTION = "How fast does a table leave MariaDB as a CSV file, against mariadb -B and SELECT … INTO OUTFILE?"


def run(bench):
    data, my, pg = bench.data, bench.mariadb, bench.postgres
    expect = data.mariadb_source()
    folder = bench.file("out")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)

    def clear():
        for path in glob.glob(folder + "/*"):
            os.remove(path)

    def read_back(name, how):
        def check():
            path = os.path.join(folder, name)
            pg.sql("DROP TABLE IF EXISTS bench;" + POSTGRES_TABLE.format(name="bench", key="")
                   + f";\n\\copy bench from '{path}' with ({how})", "target")
            return data.postgres_target_checksum()
        return {"prepare": clear, "check": check, "expect": expect}

    outfile = f"SELECT * FROM bench INTO OUTFILE '{folder}/outfile.txt' CHARACTER SET utf8mb4"
    tools = [
        Tool("apus, 1 channel", "ours",
             bench.copy(my.url(), f"csv:{folder}/apus.csv", "--table", "bench", "--mode", "replace", "--channels", "1"),
             **read_back("apus.csv", "format csv, header")),
        Tool("mariadb -B --quick > file", "rival",
             " ".join(my.client("-B", "--quick", "-N", "bench")) + f" -e 'SELECT * FROM bench' > {folder}/batch.txt",
             **read_back("batch.txt", "null 'NULL'")),
        Tool("SELECT … INTO OUTFILE", "rival", my.client("bench", "-e", outfile), **read_back("outfile.txt", "format text")),
    ]
    entries = bench.compare(tools, data.rows)
    clear()
    return {"entries": entries, "bars": [
        bar("wall time against mariadb -B", ratio(entries, "apus, 1 channel", "mariadb -B --quick > file"), 1.0),
        bar("wall time against INTO OUTFILE", ratio(entries, "apus, 1 channel", "SELECT … INTO OUTFILE"), 1.0),
    ]}
