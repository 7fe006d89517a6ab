#!/usr/bin/env python3
"""Measures one daemon once: started by `bench`, in fresh folders, with a plan in JSON as its only argument.

Writes to standard output, a line each:
  NAME VALUE UNIT     a figure
  ! TEXT              what could not be measured, and why
Everything it started has ended when it ends.
"""

import ctypes
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

# Memory that a paused guest takes at most, in KiB.
CROWD_MEMBER = 40 << 10


def main():
    plan = json.loads(sys.argv[1])
    keep(lambda: Target(plan).measure())


def keep(work):
    """Runs WORK in a child; reaps whatever daemons leave behind, and kills it when WORK is done.

    An emulator that nobody reaps looks alive to the daemon that waits for its end: reaping must be immediate.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        work()
        sys.stdout.flush()
        os._exit(0)
    status = 1
    try:
        while True:
            pid, raw = os.wait()
            if pid == worker:
                status = os.waitstatus_to_exitcode(raw)
                break
    finally:
        end_children()
    sys.exit(abs(status))


def end_children():
    """Kills every process below this one; children of the killed become ours."""
    while True:
        for pid in children(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def children(parent):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == parent:
                        found.append(int(name))
            except OSError:
                pass                                # ended meanwhile
    return found


class Failure(Exception):
    """A reason why a figure is missing."""


class Target:
    """A daemon program, its folders, and the groups of figures taken from it."""

    def __init__(self, plan):
        self.plan = plan
        self.environment = dict(os.environ, LIBVIRT_AUTOSTART="0")
        self.root = plan["root"]                    # None: the daemon uses the system's own (isolated) folders
        if self.root:
            self.environment["OXIVIRT_ROOT"] = self.root
        session = os.geteuid() != 0
        self.config = self.below("config/libvirt/qemu" if session else "etc/libvirt/qemu")
        self.cache = self.below("cache/libvirt/qemu" if session else "var/cache/libvirt/qemu")
        socket = self.below("run/libvirt/" + plan["socket"])
        self.uri = f"qemu+unix:///{'session' if session else 'system'}?socket={socket}"
        self.process = None

    def below(self, path):
        return os.path.join(self.root or "/", path)

    def measure(self):
        self.prepare()
        for group in self.plan["groups"]:
            try:
                getattr(self, "group_" + group)()
            except Failure as failure:
                report_missing(f"{group}: {failure}")
            finally:
                self.kill_daemon()
                self.clear()

    def prepare(self):
        """Folders, and the log daemon that the reference gives consoles to; it is not measured."""
        if self.root and os.geteuid() == 0:
            # Guests of a private instance run as whoever started it.
            os.makedirs(self.below("etc/libvirt"), exist_ok=True)
            with open(self.below("etc/libvirt/qemu.conf"), "w") as file:
                file.write('user = "root"\ngroup = "root"\n')
        if not self.root and shutil.which("virtlogd"):
            subprocess.run(["virtlogd", "-d"], stdin=subprocess.DEVNULL, check=True, timeout=30)

    def clear(self):
        """Removes what a failed group left: definitions, status, emulators."""
        for folder in (self.config, self.below("run/libvirt/qemu")):
            shutil.rmtree(folder, ignore_errors=True)
        for pid in children(os.getppid()):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    if file.read().startswith("qemu-system"):
                        os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass                                # ended meanwhile

    # -- the daemon's process --

    def start_daemon(self, definitions=0):
        """Starts the daemon; milliseconds to its first answers: {"open": .., "counted": .., "capabilities": ..}."""
        since = time.monotonic_ns()
        with open(self.plan["log"], "ab") as log:
            self.process = subprocess.Popen([self.plan["program"]], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment)
        answers = self.client("first", since=since, domains=definitions, wait=60)
        if "open" not in answers:
            raise Failure("the daemon does not answer")
        return {name: value for name, (value, _) in answers.items()}

    def stop_daemon(self):
        """Milliseconds from SIGTERM to the daemon's end."""
        begin = time.monotonic()
        self.process.terminate()
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Failure("the daemon did not end within 30 s of SIGTERM") from None
        self.process = None
        if status:
            raise Failure(f"the daemon ended with status {status}")
        return (time.monotonic() - begin) * 1e3

    def kill_daemon(self):
        if self.process:
            status = self.process.poll()
            if status is not None:
                report_missing(f"the daemon had ended by itself, with status {status}; its log: {self.plan['log']}")
            self.process.kill()
            self.process.wait()
            self.process = None

    def memory(self, name):
        """Resident memory; a second is left for what goes on after a start."""
        time.sleep(1)
        with open(f"/proc/{self.process.pid}/smaps_rollup") as file:
            sizes = dict(line.split(":", 1) for line in file if ":" in line and line.rstrip().endswith("kB"))
        report(name + ".rss", int(sizes["Rss"].split()[0]), "KiB")
        report(name + ".anonymous", int(sizes["Anonymous"].split()[0]), "KiB")

    # -- the client --

    def client(self, command, wait=30, limit=None, **options):
        """Runs the measuring client; its figures, {name: (value, unit)}. What it complains about is reported."""
        arguments = [self.plan["client"], command, "--uri=" + self.uri, f"--wait={wait}"]
        if self.process:
            arguments.append(f"--daemon={self.process.pid}")
        arguments += [f"--{key}={value}" for key, value in options.items()]
        limit = limit or 2 * wait
        try:
            done = subprocess.run(arguments, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=limit)
            output, errors = done.stdout, done.stderr
            if done.returncode not in (0, 2):
                errors += f"the client ended with status {done.returncode}\n"
        except subprocess.TimeoutExpired as timeout:
            output = (timeout.stdout or b"").decode()
            errors = f"not done in {limit} s\n"
        for line in errors.splitlines()[:10]:
            report_missing(f"{command}: {line}")
        figures = (line.split() for line in output.splitlines())
        return {name: (float(value), unit) for name, value, unit in figures}

    def simple(self, command, **options):
        """A group that is one command on a fresh daemon."""
        self.start_daemon()
        for name, (value, unit) in self.client(command, **options).items():
            report(name, value, unit)
        self.stop_daemon()

    # -- groups of figures --

    def group_connect(self):
        self.simple("connect", millis=self.plan["millis"])

    def group_ping(self):
        self.simple("ping", millis=self.plan["millis"])

    def group_scale(self):
        for domains in self.plan["scale"]:
            self.simple("scale", millis=self.plan["millis"], domains=domains, limit=60 + domains // 20)

    def group_events(self):
        self.simple("events", millis=self.plan["millis"], wait=10, limit=60)

    def group_mixed(self):
        self.simple("mixed", millis=3 * self.plan["millis"], domains=100, clients=16)

    def group_guest(self):
        kernel = self.guest_kernel()
        self.simple("guest", type="qemu", kernel=kernel, count=self.plan["guests"], limit=180)
        if os.access("/dev/kvm", os.R_OK | os.W_OK):
            self.simple("guest", type="kvm", kernel=kernel, count=self.plan["guests"], limit=180)
        else:
            report_missing("guest-kvm: /dev/kvm cannot be used here")

    def group_crowd(self):
        count = self.plan["crowd"]
        available = memory_available()
        if available < count * CROWD_MEMBER:
            raise Failure(f"{count} guests need {count * CROWD_MEMBER >> 10} MiB, {available >> 10} MiB are free")
        self.simple("crowd", type="qemu", kernel=self.guest_kernel(), millis=2 * self.plan["millis"], count=count,
                    limit=60 + 3 * count)

    def guest_kernel(self):
        """The guest where emulators of any user reach it."""
        if not os.path.exists(self.plan["kernel"]):
            raise Failure(f"{self.plan['kernel']} is missing: run tests/guest/build")
        folder = self.below("var/lib/libvirt/bench")
        os.makedirs(folder, exist_ok=True)
        return shutil.copy(self.plan["kernel"], folder)

    def group_daemon(self):
        """Starts, stops and memory, with more and more definitions, which the daemon itself has written."""
        shutil.rmtree(self.cache, ignore_errors=True)
        report("start-cold.capabilities", self.start_daemon().get("capabilities"), "ms")
        self.stop_daemon()
        present = 0
        for definitions in self.plan["starts"]:
            if definitions > present:
                self.start_daemon(present)
                self.client("populate", limit=120, **{"from": present}, domains=definitions - present)
                if definitions == self.plan["memory"]:
                    self.memory(f"memory-{definitions}-defined")
                self.stop_daemon()
                present = definitions
            self.starts(definitions)

    def starts(self, definitions):
        answers, stops = [], []
        for turn in range(self.plan["repeats"]):
            answers.append(self.start_daemon(definitions))
            if turn == 0 and definitions in (0, self.plan["memory"]):
                self.memory(f"memory-{definitions}" if definitions else "memory-idle")
            stops.append(self.stop_daemon())
        for answer in ("open", "counted", "capabilities"):
            values = [each[answer] for each in answers if answer in each]
            report(f"start-{definitions}.{answer}", statistics.median(values) if values else None, "ms")
        report(f"stop-{definitions}", statistics.median(stops), "ms")


def memory_available():
    """KiB that programs can still have."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:"))


def report(name, value, unit):
    if value is None:
        report_missing(f"{name}: no answer")
    else:
        print(f"{name} {value:.6g} {unit}", flush=True)


def report_missing(text):
    print("! " + " ".join(text.split()), flush=True)


if __name__ == "__main__":
    main()
