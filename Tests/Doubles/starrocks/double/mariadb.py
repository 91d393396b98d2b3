"""Starts a MariaDB of the double's own, which ends with the double."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time

from .engine import Engine

PREFIX = "apus-starrocks-"


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    os.setsid()


def _sweep():
    """Removes what doubles left that were killed."""
    root = tempfile.gettempdir()
    for name in os.listdir(root):
        if name.startswith(PREFIX):
            pid = name[len(PREFIX) :].split("-")[0]
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                shutil.rmtree(os.path.join(root, name), ignore_errors=True)


class MariaDB:
    user, password = "root", "double"

    def __init__(self):
        _sweep()
        self.folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self.address = os.path.join(self.folder, "s")
        data, scratch = os.path.join(self.folder, "data"), os.path.join(self.folder, "tmp")
        os.mkdir(scratch)
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", "--skip-name-resolve", "--innodb-flush-method=nosync", "--innodb-log-file-size=8M"]
            + as_root,
            env={**os.environ, "TMPDIR": scratch}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(f"mariadb-install-db: {made.stdout}{made.stderr}")
        accounts = os.path.join(self.folder, "accounts.sql")
        with open(accounts, "w", encoding="utf-8") as file:
            file.write(f"SET PASSWORD FOR 'root'@'localhost' = PASSWORD('{self.password}');\n")
        program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            [program, "--no-defaults", f"--datadir={data}", f"--tmpdir={scratch}", f"--socket={self.address}",
             "--skip-networking", f"--pid-file={self.folder}/pid", f"--init-file={accounts}", "--skip-log-bin",
             "--local-infile=1", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_nopad_bin",
             "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=96M",
             "--innodb-log-file-size=64M", "--innodb-doublewrite=0", "--max-allowed-packet=256M",
             "--max-connections=500", "--performance-schema=0", "--sql-mode=", "--lower-case-table-names=0"] + as_root,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=_die_with_parent)
        deadline = time.monotonic() + 60
        while True:
            try:
                Engine(self.address, self.user, self.password).close()
                return
            except Exception:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                        raise SystemExit(f"MariaDB did not start:\n{log.read()[-2000:]}") from None
                time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
