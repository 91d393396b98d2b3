import os
import subprocess
import threading
import time

from harness.bench import Tool, bar
from harness.starrocks import TABLE, StarRocks

QUESTION = "How fast does a table go from MariaDB into StarRocks, on one channel and with how much memory?"


def run(bench):
    bench.data.mariadb_source()
    rows = bench.data.rows
    double = StarRocks(bench, count_only=True)
    try:
        command = bench.copy(bench.mariadb.url(), double.url(), "--table", "bench", "--mode", "append", "--channels", "1")
        if command is None:
            return {"notes": ["apus is not built."], "bars": []}

        def clear():
            double.sql("DROP TABLE IF EXISTS bench; DROP TABLE IF EXISTS apus_marks; " + TABLE.format(name="bench"))
            double.control("DELETE", "/requests")

        tool = Tool("apus, 1 channel", "ours", command, prepare=clear,
                    check=lambda: str(double.control("GET", "/counters").get("rows")), expect=str(rows))
        entries = bench.compare([tool], rows)
        entry = entries["apus, 1 channel"]
        cpu, sent, size = writing_cpu(bench, command, clear, double)
        violations = double.control("GET", "/violations")
    finally:
        double.stop()
    speed = rows / entry["wall"] if entry.get("wall") else None
    return {"entries": entries, "notes": [
        f"The writing thread used {cpu:.2f} s of CPU for {sent:,} rows, {size / sent:.0f} bytes a row on the wire; the double saw {len(violations)} violations."],
        "bars": [
            bar("rows a second on one channel", speed, 600_000, "rows/s", at_most=False),
            bar("rows a second that one core encodes and compresses", sent / cpu if cpu else None, 1_500_000, "rows/s", at_most=False),
            bar("peak memory", entry.get("rss"), 96, "MB"),
        ]}


def writing_cpu(bench, command, clear, double):
    """CPU seconds of the busier of the threads that read and that encode and compress, rows, and octets sent."""
    clear()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, **bench.home()}, cwd=bench.folder)
    seen = {}

    def watch():
        while process.poll() is None:
            try:
                for task in os.listdir(f"/proc/{process.pid}/task"):
                    with open(f"/proc/{process.pid}/task/{task}/stat") as stat:
                        name, _, rest = stat.read().partition("(")[2].rpartition(")")
                    fields = rest.split()
                    seen[task] = (name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
            except OSError:
                pass
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    watcher.join()
    counters = double.control("GET", "/counters")
    others = [cpu for name, cpu in seen.values() if name != "apus-send"]
    return max(others), counters.get("rows", 0), counters.get("body_bytes", 0)
