"""Defines domains with devices in all the forms of a few grids, and tells what came back.

devices.py FOLDER TABLE: the daemon's URI is in LIBVIRT_URI; FOLDER is not used, TABLE neither. The grids are host ends of
character devices with missing and empty attributes, devices with addresses of strange buses, controllers with settings of
other models, audio back ends, and processors.

One JSON object per line, as replay.py has it; code 0 is a definition that was taken.
"""

import itertools
import json
import os

import libvirt

from definitions import define

CELLS = (
    "<maxMemory slots='4' unit='GiB'>4</maxMemory>"
    "<cpu><numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/></numa></cpu>"
)


def document(devices, more="", machine="pc"):
    return (
        "<domain type='qemu'><name>grid</name><uuid>11111111-fade-4000-8000-0000000000ab</uuid>"
        f"<memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='{machine}'>hvm</type></os>"
        f"{more}<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices></domain>"
    )


def host_ends():
    """Attributes of <source> that are missing, empty or alone."""
    targets = {
        "serial": "<target port='0'/>",
        "console": "<target type='virtio' port='0'/>",
        "channel": "<target type='virtio' name='a'/>",
        "parallel": "<target port='0'/>",
    }
    needs = {
        "nmdm": ("master", "slave"), "pipe": ("path",), "file": ("path",), "dev": ("path",), "pty": ("path",),
        "unix": ("path",), "dbus": ("channel",), "spiceport": ("channel",), "tcp": ("host", "service"),
        "udp": ("host", "service"), "null": (), "vc": (), "stdio": (),
    }
    for (element, target), (kind, names) in itertools.product(targets.items(), needs.items()):
        sources = ["", "<source/>", "<source mode='bind'/>"] + [f"<source {name}=''/>" for name in names]
        if len(names) == 2:
            one, other = names
            sources += [f"<source {one}='x'/>", f"<source {other}='1'/>", f"<source {one}='x' {other}=''/>"]
            sources += [f"<source {one}='' {other}='1'/>", f"<source mode='bind' {one}='x' {other}='1'/>"]
        for source in sources:
            yield f"{element} {kind} {source}", document(f"<{element} type='{kind}'>{source}{target}</{element}>")
    for enabled, timeout, mode in itertools.product(("", "no", "yes"), ("", "5"), ("bind", "connect")):
        flags = (f" enabled='{enabled}'" if enabled else "") + (f" timeout='{timeout}'" if timeout else "")
        source = f"<source mode='{mode}' path='/u'><reconnect{flags}/></source>"
        yield f"reconnect {mode}{flags}", document(f"<channel type='unix'>{source}<target type='virtio' name='a'/></channel>")


def addresses():
    """Devices on buses that are not theirs."""
    kinds = {
        "usb controller": "<controller type='usb' index='0' model='ich9-ehci1'>A</controller>",
        "scsi controller": "<controller type='scsi' index='0'>A</controller>",
        "disk": "<disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/>A</disk>",
        "interface": "<interface type='user'><mac address='52:54:00:11:22:33'/>A</interface>",
        "memballoon": "<memballoon model='virtio'>A</memballoon>",
        "no memballoon": "<memballoon model='none'>A</memballoon>",
        "rng": "<rng model='virtio'><backend model='random'>/dev/random</backend>A</rng>",
        "video": "<video><model type='vga'/>A</video>",
        "input": "<input type='tablet' bus='usb'>A</input>",
        "sound": "<sound model='ich6'>A</sound>",
        "watchdog": "<watchdog model='i6300esb'>A</watchdog>",
        "vsock": "<vsock model='virtio'><cid auto='no' address='3'/>A</vsock>",
        "filesystem": "<filesystem type='mount'><source dir='/a'/><target dir='b'/>A</filesystem>",
        "hub": "<hub type='usb'>A</hub>",
        "channel": "<channel type='pty'><target type='virtio' name='a'/>A</channel>",
        "shmem": "<shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size>A</shmem>",
        "dimm": "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target>A</memory>",
    }
    buses = "unassigned pci drive usb isa virtio-serial ccid ccw spapr-vio virtio-mmio dimm virtio-s390 bogus".split()
    for (kind, text), bus in itertools.product(kinds.items(), buses):
        more = CELLS if kind == "dimm" else ""
        yield f"{kind} at {bus}", document(text.replace("A", f"<address type='{bus}'/>"), more)


def controllers():
    """Controllers with settings of other kinds and models."""
    usb = (
        "piix3-uhci piix4-uhci ehci ich9-ehci1 ich9-uhci1 ich9-uhci2 vt82c686b-uhci pci-ohci nec-xhci qemu-xhci none"
    ).split()
    for model in usb:
        for ports in ("", "8", "15", "16", "0", "-1"):
            yield f"usb {model} ports={ports}", document(f"<controller type='usb' model='{model}' ports='{ports}'/>")
        companion = f"<controller type='usb' index='0' model='{model}'><master startport='2'/></controller>"
        master = "<controller type='usb' index='0' model='ich9-ehci1'/>"
        yield f"usb {model} beside its master", document(master + companion)
        yield f"usb {model} with a master only in words", document(companion)
    for kind in "ide fdc scsi sata virtio-serial ccid usb xenbus isa".split():
        for model in "piix3 lsilogic virtio-scsi virtio qemu-xhci pci-root bogus".split():
            text = f"<controller type='{kind}' index='3' model='{model}'/>"
            yield f"{kind} controller {model}", document(text, machine="q35" if kind != "ide" else "pc")
    ports = (
        "dmi-to-pci-bridge pcie-root-port pcie-switch-upstream-port pci-expander-bus pcie-expander-bus pci-bridge"
    ).split()
    names = (
        "pci-bridge i82801b11-bridge ioh3420 x3130-upstream xio3130-downstream pxb pxb-pcie pcie-root-port none bogus"
    ).split()
    targets = "chassis='3' port='3' chassisNr='5' busNr='180' hotplug='on' index='1' chassis='300' chassisNr='0'".split()
    root = "<controller type='pci' index='0' model='pcie-root'/>"
    for port in ports:
        text = f"{root}<controller type='pci' index='1' model='{port}'>CHILD</controller>"
        for name in names:
            yield f"{port} named {name}", document(text.replace("CHILD", f"<model name='{name}'/>"), machine="q35")
        for target in targets:
            yield f"{port} {target}", document(text.replace("CHILD", f"<target {target}/>"), machine="q35")
        node = text.replace("CHILD", "<target><node>1</node></target>")
        yield f"{port} of another cell", document(node, CELLS, "q35")
    for model in "auto lsilogic virtio-scsi am53c974 virtio-transitional bogus".split():
        for setting in "queues='2' cmd_per_lun='8' ioeventfd='on' iothread='1' iothread='0' iothread='9' iommu='on'".split():
            text = f"<controller type='scsi' index='0' model='{model}'><driver {setting}/></controller>"
            yield f"scsi {model} {setting}", document(text, "<iothreads>1</iothreads>")


def audio():
    """Back ends of sound with settings of others."""
    settings = (
        "voices='0' bufferLength='0' latency='0' bufferCount='0' bufferCount='' tryPoll='x' exactName='x' voices='-1'"
    ).split()
    for kind in "alsa pulseaudio coreaudio oss jack sdl spice file none dbus".split():
        for fixed, mixing, body in itertools.product(("", "yes", "no"), ("", "yes", "no"), ("", "<settings channels='2'/>")):
            flags = (f" fixedSettings='{fixed}'" if fixed else "") + (f" mixingEngine='{mixing}'" if mixing else "")
            yield f"{kind}{flags} {body}", document(f"<audio id='1' type='{kind}'><input{flags}>{body}</input></audio>")
        for flags in ("fixedSettings='yes' voices='x'", "fixedSettings='yes' mixingEngine='yes' voices='x'"):
            yield f"{kind} {flags}", document(f"<audio id='1' type='{kind}'><output {flags}/></audio>")
        for setting in settings:
            yield f"{kind} {setting}", document(f"<audio id='1' type='{kind}'><input {setting}/></audio>")


def processors():
    """Modes with attributes that only others look at."""
    inner = (
        "<model fallback='bogus'/>", "<model fallback=''>qemu64</model>", "<model vendor_id='short'>qemu64</model>",
        "<model vendor_id=''>qemu64</model>", "<vendor>AMD</vendor>", "<feature name='svm' policy='bogus'/>",
        "<feature policy='require'/>", "<model/>",
    )
    modes = ("host-model", "host-passthrough", "maximum", "custom")
    for mode, match, text in itertools.product(modes, ("minimum", "strict", "bogus"), inner):
        yield f"{mode} {match} {text}", document("", f"<cpu mode='{mode}' match='{match}'>{text}</cpu>")


def main():
    libvirt.registerErrorHandler(lambda *_: None, None)
    conn = libvirt.open(os.environ["LIBVIRT_URI"])
    for grid in (host_ends, addresses, controllers, audio, processors):
        for name, text in grid():
            print(json.dumps({"name": " ".join(name.split())} | define(conn, text)), flush=True)


if __name__ == "__main__":
    main()
