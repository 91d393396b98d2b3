"""Runs a DataX job and reads its standard output, as scripts around DataX do."""
import re
import subprocess
import sys

output = subprocess.run(["apus", "datax", sys.argv[1]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
if "该任务最可能的错误原因是" in output:
    dirty = re.search(r"脏数据条数检查不通过，限制是\[0\]条，但实际上捕获了\[(\d*)\]条", output)
    total = re.search(r"Total([\s\d]*)records", output)
    print("failed:", dirty.group(1) if dirty else "?", "dirty of", total.group(1).strip(), "rows")
else:
    for label in ("读出记录总数", "读写失败总数"):
        print(label, re.search(label + r"\s*:\s*(.*)", output).group(1))
