"""Servers of a bench: Debian's programs, a data folder in the bench folder, ports of their own, ended by process id.

The same settings serve us and every rival: caches of a usual small server, and the durability that bulk loads get.
"""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

MARIADB_SETTINGS = [
    "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G", "--innodb-flush-log-at-trx-commit=2", "--skip-log-bin",
    "--local-infile=1", "--character-set-server=utf8mb4", "--default-time-zone=+00:00", "--max-allowed-packet=64M",
]
POSTGRES_SETTINGS = [
    "shared_buffers=1GB", "max_wal_size=8GB", "wal_level=minimal", "max_wal_senders=0", "checkpoint_timeout=30min",
    "timezone=UTC", "maintenance_work_mem=256MB",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """CPU of a process, its threads and the children it has waited for."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


class Server:
    stop_signal = signal.SIGTERM

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)

    def spawn(self, command):
        # Should this driver be killed, the kernel sends the server the same signal that stop() would.
        name = signal.Signals(self.stop_signal).name.removeprefix("SIG")
        guard = ["setpriv", "--pdeathsig", name] if command[0] != "setpriv" else ["setpriv", "--pdeathsig", name] + command[1:]
        command = guard if command[0] == "setpriv" else guard + command
        with open(os.path.join(self.folder, "server.log"), "a") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder)

    def wait_until(self, ready, what):
        deadline = time.monotonic() + 120
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(self.folder, "server.log")) as log:
                    raise SystemExit(f"{what} did not start:\n" + "".join(log.readlines()[-15:]))
            time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def cpu(self):
        return cpu_seconds(self.process.pid)


class MariaDB(Server):
    def start(self):
        data = os.path.join(self.folder, "data")
        if not os.path.isdir(os.path.join(data, "mysql")):
            shutil.rmtree(data, ignore_errors=True)
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--skip-name-resolve",
                 "--auth-root-authentication-method=normal", *self.account()], check=True, stdout=subprocess.DEVNULL)
        init = os.path.join(self.folder, "accounts.sql")
        with open(init, "w") as file:
            file.write(
                "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost';\n"
                "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY 'pw';\n"
                "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
                "CREATE DATABASE IF NOT EXISTS bench;\nCREATE DATABASE IF NOT EXISTS target;\n")
        self.spawn(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1",
             f"--socket={self.folder}/s", f"--init-file={init}", "--skip-name-resolve", *self.account(), *MARIADB_SETTINGS])
        self.wait_until(self.accepts, "MariaDB")

    def account(self):
        return ["--user=root"] if os.geteuid() == 0 else []

    def accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def url(self, database="bench"):
        return f"mysql://root:pw@127.0.0.1:{self.port}/{database}"

    def client(self, *arguments):
        return ["mariadb", "--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-uroot", "-ppw", "--local-infile=1",
                "--default-character-set=utf8mb4", *arguments]

    def sql(self, text, database="bench"):
        done = subprocess.run(self.client("-NB", database), input=text, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()


class Postgres(Server):
    stop_signal = signal.SIGINT

    def __init__(self, folder):
        super().__init__(folder)
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        if not found:
            raise SystemExit("PostgreSQL's server is not installed (Debian package postgresql)")
        self.programs = found[-1]

    def start(self):
        data = os.path.join(self.folder, "data")
        become = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
        if not os.path.exists(os.path.join(data, "PG_VERSION")):
            password = os.path.join(self.folder, "password")
            with open(password, "w") as file:
                file.write("pw")
            os.chmod(password, 0o644)
            subprocess.run(
                [*become, f"{self.programs}/initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256",
                 f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        pid_file = os.path.join(data, "postmaster.pid")
        if os.path.exists(pid_file):
            os.remove(pid_file)
        settings = [word for setting in POSTGRES_SETTINGS for word in ("-c", setting)]
        self.spawn([*become, f"{self.programs}/postgres", "-D", data, "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}", *settings])

        def ready():
            try:
                with open(pid_file) as file:
                    return file.read().split("\n")[7].startswith("ready")
            except (OSError, IndexError):
                return False

        self.wait_until(ready, "PostgreSQL")
        existing = self.sql("SELECT datname FROM pg_database", "postgres").split()
        for database in ("bench", "target"):
            if database not in existing:
                self.sql(f"CREATE DATABASE {database}", "postgres")

    def url(self, database="bench"):
        return f"postgres://postgres:pw@127.0.0.1:{self.port}/{database}"

    def psql(self, database, *arguments):
        return ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.url(database), *arguments]

    def sql(self, text, database="bench"):
        done = subprocess.run(self.psql(database), input=text, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()
