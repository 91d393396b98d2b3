"""The questions in the order of the page; each is a folder with a README.md and a question.py."""

import importlib.util
import os

from .bench import HERE

ORDER = ["mariadb-to-postgres", "mariadb-to-mariadb", "postgres-to-postgres", "mariadb-to-csv", "csv-to-postgres",
         "csv-to-mariadb", "generator-to-null", "memory", "cold-start", "datax-job", "generate", "kill9",
         "rejected-kill9", "commit-cut", "extract",
         "extract-kill9", "slurm", "starrocks-load", "starrocks-faults", "starrocks-kill9", "starrocks-labels",
         "starrocks-warehouse"]


def load(name):
    spec = importlib.util.spec_from_file_location("question_" + name.replace("-", "_"), os.path.join(HERE, name, "question.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
