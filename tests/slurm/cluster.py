"""A Slurm on this machine for tests: munged, slurmctld and one slurmd per virtual node.

Everything lies in one directory that is made at the start and removed in the end. Nothing of the
system's own Slurm is touched. The nodes claim more than the machine has; `gpu1` has two devices of
the kind gpu, `tpu1` four of the kind tpu. The memory of jobs is enforced; devices are only counted.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "unshare")
DEVICES = {"cpu1": "", "gpu1": "gpu:h100:2", "tpu1": "tpu:v5e:4"}
MARK = "BASEWISE_TEST_CLUSTER"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
CONF = """
ClusterName=basewise
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=2
CompleteWait=0
MinJobAge=3600
GresTypes=gpu,tpu
"""
# The second address leads nowhere; without one that is not a loopback's, no name is looked up.
LO_UP = """
import fcntl, signal, socket, struct
up = struct.pack("16sh", b"lo", 0x41)
address = struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton("192.0.2.1"))
for number, request in ((0x8914, up), (0x8916, address)):
    fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), number, request)
print("up", flush=True)
signal.pause()
"""


def why_not() -> str | None:
    """Why no cluster can be started here; None when one can."""
    if os.geteuid():
        return "a Slurm of our own needs root"
    path = f"{os.environ['PATH']}:{SBIN}"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"no {', '.join(missing)} here (Debian: apt-get install slurm-wlm munge)"
    return None


def wait_until(is_so: Callable[[], object], seconds: float = 120, what: str = "") -> object:
    """Return the first true answer; an AssertionError when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = is_so()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what or is_so}")


class Cluster:
    """A running Slurm.

    Attributes:
        folder: Where all of it lies.
        env: The environment of those who use it.
        begun: Holds a file for each job that has begun to predict, named by its id.
        prefix: Put before a command to run it in the cluster's network; empty unless `offline`.
    """

    def __init__(self, *, offline: bool = False):
        self.folder = Path(tempfile.mkdtemp(prefix="bw-slurm-"))
        self.folder.chmod(0o755)
        self._daemons: dict[str, subprocess.Popen] = {}
        self.env = {name: value for name, value in os.environ.items() if "SLURM" not in name}
        self.env |= {"SLURM_CONF": str(self.folder / "slurm.conf"), MARK: str(self.folder)}
        self.env |= {"PATH": f"{os.environ['PATH']}:{SBIN}", "USER": os.environ.get("USER", "root")}
        self.begun = self.folder / "begun"
        self.begun.mkdir()
        jobs = str(ROOT / "tests/slurm/jobs")
        self.env |= {"BASEWISE_TEST_BEGUN": str(self.begun), "PYTHONPATH": jobs}
        self.prefix: list[str] = []
        try:
            if offline:
                self._leave_the_network()
            self._configure()
            self._start()
        except BaseException:
            self.stop()
            raise

    def _leave_the_network(self) -> None:
        """Make a network of its own, with a loopback and no route."""
        holder = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-c", LO_UP], stdout=subprocess.PIPE, text=True
        )
        self._daemons["network"] = holder
        assert holder.stdout.readline() == "up\n", "no network namespace can be made here"
        self.prefix = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]

    def _configure(self) -> None:
        host = socket.gethostname().split(".")[0]
        sockets = [socket.socket() for _ in range(1 + len(DEVICES))]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in sockets]
        for each in sockets:
            each.close()
        conf, gres = CONF.format(host=host, ports=ports, folder=self.folder), ""
        for port, (node, devices) in zip(ports[1:], DEVICES.items(), strict=True):
            conf += f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=32 "
            conf += f"RealMemory=128000 {'Gres=' if devices else ''}{devices}\n"
            conf += f"PartitionName={node[:-1]} Nodes={node} DefaultTime=10 MaxTime=1-0\n"
            if devices:
                kind, model, count = devices.split(":")
                for index in range(int(count)):  # must be devices; nobody opens them
                    (self.folder / f"dev-{kind}{index}").symlink_to("/dev/null")
                files = f"{self.folder}/dev-{kind}[0-{int(count) - 1}]"
                gres += f"NodeName={node} Name={kind} Type={model} File={files}\n"
        (self.folder / "slurm.conf").write_text(conf)
        (self.folder / "gres.conf").write_text(gres)
        (self.folder / "cgroup.conf").write_text("")
        (self.folder / "state").mkdir()
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o400)

    def _start(self) -> None:
        options = [("key-file", "munge.key"), ("socket", "munge.sock"), ("pid-file", "munge.pid")]
        options += [("log-file", "munge.log"), ("seed-file", "munge.seed")]
        files = [f"--{option}={self.folder / name}" for option, name in options]
        self._launch("munged", "munged", "--foreground", "--force", *files)
        wait_until((self.folder / "munge.sock").exists, 20, "munged")
        self._launch("slurmctld", "slurmctld", "-D")
        for node in DEVICES:
            self.start_node(node)

    def _launch(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("a") as out:
            self._daemons[name] = subprocess.Popen(
                [*self.prefix, *command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node, and wait for the node."""
        (self.folder / node).mkdir(exist_ok=True)
        self._launch(node, "slurmd", "-D", "-N", node)
        ready = {"idle", "mixed", "allocated"}
        wait_until(lambda: self.call("sinfo", "-hNn", node, "-o%T").strip() in ready, 60, node)

    def stop_node(self, node: str, *, with_jobs: bool = False) -> None:
        """Kill the slurmd of a node; its jobs go on, unless they go as well."""
        self._daemons[node].kill()
        self._daemons[node].wait()
        if with_jobs:
            ids = self.call("squeue", "-h", f"-w{node}", "-tR", "-o%i").split()
            victims = {pid for i in ids for pid in self.processes(job=i)}
            _kill(victims | {pid for pid in self.processes(text="slurmstepd") if pid})

    def call(self, *command: str) -> str:
        """What a Slurm command prints; an empty text when it fails."""
        done = subprocess.run(
            [*self.prefix, *command], env=self.env, capture_output=True, text=True
        )
        return done.stdout if done.returncode == 0 else ""

    def hold_predictions(self) -> None:
        """Let every job that begins to predict wait there."""
        (self.begun / "held").touch()

    def release_predictions(self) -> None:
        (self.begun / "held").unlink()

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        shown = self.call("scontrol", "show", "job", "-od", number)
        return dict(re.findall(r"(\S+?)=(\S*)", shown))

    def jobs(self, rule: str, state: str = "R") -> list[str]:
        """The ids of a rule's jobs in a state."""
        listed = self.call("squeue", "-h", f"-t{state}", "-o%i %k").splitlines()
        return [line.split()[0] for line in listed if f"rule_{rule}" in line]

    def processes(self, *, job: str | None = None, text: str = "") -> list[int]:
        """The pids of what belongs to this cluster: of a job, or with a text in the command."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environ = (folder / "environ").read_bytes().split(b"\0")
                command = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
                if f"{MARK}={self.folder}".encode() not in environ or text not in command:
                    continue
                if job is None or f"SLURM_JOB_ID={job}".encode() in environ:
                    found.append(int(folder.name))
        return [pid for pid in found if pid != os.getpid()]

    def snakemake(self, directory: Path, *arguments: str, log: str) -> subprocess.Popen:
        """Start `snakemake --profile slurm` for a directory; what it says goes to a file there."""
        command = [*self.prefix, sys.executable, str(ROOT / "tests/slurm/quick_snakemake.py")]
        command += ["--profile", "slurm", "--snakefile", str(ROOT / "workflow/Snakefile")]
        command += ["--directory", str(directory), "--slurm-init-seconds-before-status-checks", "1"]
        command += ["--latency-wait", "20", *arguments]
        with (directory / log).open("a") as said:
            return subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=said, stderr=said)

    def stop(self) -> None:
        """End everything that belongs to this cluster, and remove its directory."""
        for name in ("cpu1", "gpu1", "tpu1", "slurmctld", "munged"):
            if name in self._daemons:
                self._daemons[name].terminate()
        for name, daemon in self._daemons.items():
            if name != "network":
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(10)
        _kill(self.processes())
        for daemon in self._daemons.values():
            daemon.kill()
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _kill(pids) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def run_cluster(**options) -> Iterator[Cluster]:
    """A cluster for as long as the context lasts."""
    cluster = Cluster(**options)
    try:
        yield cluster
    finally:
        cluster.stop()
