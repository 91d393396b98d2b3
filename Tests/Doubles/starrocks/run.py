#!/usr/bin/env python3
"""Starts the double of a StarRocks or Doris cluster; prints one JSON line when it is ready. See README.md.

It ends with SIGTERM or SIGINT, with `POST /stop` of its control API, or when the process that started it is gone.
"""

import argparse
import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from double.backend import Backend
from double.cluster import Cluster, free_port
from double.control import Control
from double.frontend import Frontend
from double.infoschema import create
from double.mariadb import MariaDB
from double.profile import PROFILES
from double.queryplan import Scan
from double.sql_server import SQLServer
from double.storage import Storage


def arguments():
    parser = argparse.ArgumentParser(description="A double of a StarRocks or Doris cluster.")
    parser.add_argument("--profile", choices=PROFILES, default="3.3")
    parser.add_argument("--user", default="root")
    parser.add_argument("--password", default="")
    parser.add_argument("--database", action="append", default=[], help="created at the start; may be given again")
    parser.add_argument("--count-only", action="store_true", help="BEs decode and count, nothing is stored")
    parser.add_argument("--mariadb", help="host:port:user:password of a server to use instead of an own one")
    parser.add_argument("--scan", action="store_true", help="BEs have scanners (thrift and pyarrow are installed when they are not there)")
    parser.add_argument("--keep", action="store_true", help="do not end with the parent process")
    return parser.parse_args()


def main():
    options = arguments()
    parent = os.getppid()
    if not options.keep:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    sys.setswitchinterval(0.002)

    if options.mariadb:
        host, port, user, password = options.mariadb.split(":", 3)
        server, folder = None, tempfile.mkdtemp(prefix=f"apus-starrocks-{os.getpid()}-")
        storage = Storage((host, int(port)), user, password, folder)
    else:
        server = MariaDB()
        folder = server.folder
        storage = Storage(server.address, server.user, server.password, folder)
    cluster = None
    try:
        create(storage)
        cluster = Cluster(options.profile, storage, options.user, options.password)
        cluster.config["count_only"] = options.count_only
        services = start(cluster)
        control = Control(cluster, services)
        port = control.start()
        if options.scan:
            scanners = free_port([node.address for node in cluster.backends()])
            for node in cluster.backends():
                node.be_port = scanners
            cluster.scan = Scan(cluster, f"http://127.0.0.1:{port}")
        for name in options.database:
            storage.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
            cluster.catalog.create_database(name)
        print(json.dumps({
            "control": f"http://127.0.0.1:{port}", "profile": options.profile, "user": options.user,
            "password": options.password, "pid": os.getpid(), "nodes": [node.describe() for node in cluster.nodes.values()],
            **{node.name: node.describe() for node in cluster.nodes.values()},
        }), flush=True)
        while not ended.wait(0.5):
            if not options.keep and os.getppid() != parent:
                break
            cluster.transactions.sweep()
    finally:
        if cluster and cluster.scan:
            cluster.scan.stop()
        if server:
            server.stop()
        else:
            shutil.rmtree(folder, ignore_errors=True)


def start(cluster):
    """Starts all nodes; FEs share their ports' numbers, and so do BEs, as in a real cluster."""
    frontends, backends = cluster.frontends(), cluster.backends()
    addresses = [node.address for node in frontends + backends]
    http, sql, backend = free_port(addresses), free_port(addresses), free_port(addresses)
    services = {}
    for node in frontends:
        node.http_port, node.sql_port = http, sql
        services[node.name] = [Frontend(cluster, node), SQLServer(cluster, node)]
    for node in backends:
        node.http_port = backend
        services[node.name] = [Backend(cluster, node)]
    for group in services.values():
        for service in group:
            service.start()
    return services


if __name__ == "__main__":
    main()
