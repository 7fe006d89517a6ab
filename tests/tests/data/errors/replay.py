"""Provokes errors on a daemon and tells what came back.

replay.py FOLDER TABLE: FOLDER is a place for images and documents; the daemon's URI is in LIBVIRT_URI, that of its
read-only connection in LIBVIRT_URI_RO. TABLE has one error per line, tab separated: a name, the virsh command (may be
empty), the library call as a Python expression, the XML given to both, and columns that only the test reads. In
commands and calls these stand for what they say: DIR, XML (the text), FILE (a file with it).

One JSON object per line: name, code, domain and message of the library's error ("code" 0: none came), exit and
stderr of virsh.
"""

import json
import os
import subprocess
import sys

import libvirt

FOLDER, TABLE = sys.argv[1:]
URI, URI_RO = os.environ["LIBVIRT_URI"], os.environ["LIBVIRT_URI_RO"]
UUID = "11111111-fade-4000-8000-00000000000"


def domain(number, name, devices="", more=""):
    """A domain of the table's world: small, emulated, and without anything to boot."""
    return (
        f"<domain type='qemu'><name>{name}</name><uuid>{UUID}{number}</uuid><memory unit='MiB'>32</memory>"
        f"<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>{more}"
        f"<devices>{devices}</devices></domain>"
    )


def disk(path, target="vda", kind="qcow2"):
    return (
        f"<disk type='file'><driver name='qemu' type='{kind}'/><source file='{path}'/>"
        f"<target dev='{target}' bus='virtio'/></disk>"
    )


AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"


def prepare(c):
    """fm-off is defined, fm-run and fm-agent run, fm-tr runs and is transient, fm-paused waits, fm-nodisk lacks its
    image."""
    image = f"{FOLDER}/d.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "16M"], check=True)
    with open(f"{FOLDER}/junk.save", "w", encoding="ascii") as junk:
        junk.write("junk" * 1000)
    c.defineXML(domain(1, "fm-off", "<serial type='pty'/>"))
    c.defineXML(domain(2, "fm-run", disk(image) + "<serial type='pty'/><console type='pty'/>")).create()
    c.createXML(domain(3, "fm-tr"))
    c.defineXML(domain(4, "fm-nodisk", disk(f"{FOLDER}/none.qcow2")))
    c.defineXML(domain(5, "fm-agent", AGENT)).create()
    c.defineXML(domain(6, "fm-paused")).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


class World:
    """What the calls of the table may name."""

    def __init__(self):
        libvirt.registerErrorHandler(lambda *_: None, None)
        self.c = libvirt.open(URI)
        self.ro = libvirt.openReadOnly(URI_RO)
        prepare(self.c)
        self.names = {
            "libvirt": libvirt,
            "L": libvirt,
            "c": self.c,
            "ro": self.ro,
            "d": self.c.lookupByName,
            "r": self.ro.lookupByName,
            "gone": self.gone(),
            "DIR": FOLDER,
            "qemu": __import__("libvirt_qemu"),
            "stream": self.c.newStream,
        }

    def gone(self):
        """The handle of a domain that is no more."""
        d = self.c.defineXML(domain(9, "fm-gone"))
        d.undefine()
        return d

    def call(self, expression, xml):
        try:
            answer = eval(expression, {**self.names, "XML": xml})  # pylint: disable=eval-used
            return {"code": 0, "domain": 0, "message": repr(answer)[:200]}
        except libvirt.libvirtError as error:
            if error.get_error_code() is None:
                return {"code": -1, "domain": 0, "message": str(error)}
            return {
                "code": error.get_error_code(),
                "domain": error.get_error_domain(),
                "message": error.get_error_message(),
            }
        except Exception as error:  # the binding itself refuses
            return {"code": -1, "domain": 0, "message": f"{type(error).__name__}: {error}"}


def virsh(command, xml):
    """Runs virsh as a shell would split its words."""
    if not command or " -c lxc" in command:
        return {}
    file = f"{FOLDER}/given.xml"
    with open(file, "w", encoding="utf-8") as given:
        given.write(xml)
    words = [word.replace("FILE", file).replace("DIR", FOLDER).replace("XML", xml) for word in command.split()]
    words = words[1:]
    read_only = words[0] == "-r"
    if words[0] != "-c":
        words = ["-c", URI_RO if read_only else URI] + words
    done = subprocess.run(["virsh"] + words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return {"exit": done.returncode, "stderr": done.stderr.strip()}


def main():
    world = World()
    with open(TABLE, encoding="utf-8") as table:
        for line in table:
            if line.startswith("#") or not line.strip():
                continue
            name, command, expression, xml = line.rstrip("\n").split("\t")[:4]
            answer = {"name": name} | (world.call(expression, xml) if expression else {}) | virsh(command, xml)
            print(json.dumps(answer), flush=True)
    for d in world.c.listAllDomains():
        if d.isActive():
            d.destroy()


main()
