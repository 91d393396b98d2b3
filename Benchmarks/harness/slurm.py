"""A throw-away Slurm cluster of two nodes on loopback, from Debian's slurmctld, slurmd, slurm-client and munge."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time

from .servers import free_port

CONFIGURATION = """\
ClusterName=bench
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge,cred_expire=6
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmctldPort={controller}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdTimeout=5
SlurmctldTimeout=5
KillWait=2
MinJobAge=600
ReturnToService=2
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n1} CPUs=1
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n2} CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def installed():
    return all(shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin") for name in ("slurmctld", "slurmd", "sbatch", "munged"))


def processes():
    """(pid, parent, command line) of everything that runs."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline", "rb") as line:
                yield int(entry), int(stat.read().rsplit(")", 1)[1].split()[1]), line.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


class Cluster:
    def __init__(self):
        # Sockets' names are short.
        self.folder = tempfile.mkdtemp(prefix="apus-slurm.")
        os.chmod(self.folder, 0o755)
        self.daemons = {}
        with open(f"{self.folder}/key", "wb") as key:
            key.write(os.urandom(1024))
        os.chmod(f"{self.folder}/key", 0o600)
        with open(f"{self.folder}/slurm.conf", "w") as file:
            file.write(CONFIGURATION.format(user=getpass.getuser(), folder=self.folder, controller=free_port(), n1=free_port(), n2=free_port()))
        self.environment = {**os.environ, "SLURM_CONF": f"{self.folder}/slurm.conf", "PATH": os.environ.get("PATH", "") + ":/usr/sbin"}
        self.spawn("munged", "munged", "--foreground", *(f"--{name}={self.folder}/{file}" for name, file in (
            ("socket", "munge"), ("key-file", "key"), ("pid-file", "munge.pid"), ("log-file", "munge.log"), ("seed-file", "seed"))))
        self.wait(lambda: os.path.exists(f"{self.folder}/munge"))
        self.spawn("slurmctld", "slurmctld", "-D")
        self.wait(lambda: "is UP" in self.ask("scontrol", "ping"))
        for node in ("n1", "n2"):
            self.spawn(node, "slurmd", "-D", "-N", node)
        self.wait(lambda: self.ask("sinfo", "-h", "-N", "-o", "%T").split() == ["idle", "idle"])

    def spawn(self, name, *command):
        with open(f"{self.folder}/{name}.log", "a") as log:
            self.daemons[name] = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], env=self.environment, stdin=subprocess.DEVNULL,
                                                  stdout=log, stderr=log, start_new_session=True)

    def ask(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    def wait(self, ready, seconds=60):
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise RuntimeError("Slurm did not get there: " + self.ask("squeue", "-r", "-t", "all"))
            time.sleep(0.1)

    def states(self):
        return self.ask("squeue", "-h", "-r", "-t", "all", "-o", "%T").split()

    def work(self, node):
        """What a node's jobs run, by process id."""
        every = list(processes())
        found = {pid for pid, _, line in every if f"{self.folder}/spool-{node}/" in line}
        while more := {pid for pid, parent, _ in every if parent in found} - found:
            found |= more
        return {pid: line for pid, _, line in every if pid in found}

    def kill(self, node):
        """The node is gone as in a power cut."""
        jobs = set(self.work(node))
        steps = {parent for pid, parent, _ in processes() if pid in jobs} - jobs - {1}
        steps &= {pid for pid, _, line in processes() if line.startswith("slurmstepd")}
        daemon = self.daemons[node]
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()
        for pid in steps | jobs:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self):
        for node in ("n1", "n2"):
            self.kill(node)
        for name in ("slurmctld", "munged"):
            self.daemons[name].kill()
            self.daemons[name].wait()
        shutil.rmtree(self.folder, ignore_errors=True)
