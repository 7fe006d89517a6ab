"""Drives libvirt-dbus on a private bus, as cockpit-machines does.

dbus.py BUS XML: BUS is system or session and says which of libvirt-dbus' buses is meant, and so which of the URIs
qemu:///system and qemu:///session; XML is a file with the definition of a domain that runs. Ends with status 0 when
everything was as it should be.
"""

import os
import subprocess
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

BUS, XML = sys.argv[1:]
CONNECT, DOMAIN = "org.libvirt.Connect", "org.libvirt.Domain"
STATE_RUNNING, STATE_PAUSED, STATE_SHUTOFF = 1, 3, 5
DEFINED, STARTED, SUSPENDED, RESUMED, STOPPED, UNDEFINED = 0, 2, 3, 4, 5, 1


class Bridge:
    """libvirt-dbus on a bus of its own."""

    def __init__(self):
        self.daemon = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address"], stdout=subprocess.PIPE, text=True
        )
        address = self.daemon.stdout.readline().strip()
        env = os.environ | {f"DBUS_{BUS.upper()}_BUS_ADDRESS": address}
        self.bridge = subprocess.Popen(["/usr/sbin/libvirt-dbus", f"--{BUS}"], env=env)
        flags = Gio.DBusConnectionFlags
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
        )
        self.events = []
        self.bus.signal_subscribe("org.libvirt", None, None, None, None, 0, self.told)
        self.until(self.is_named)

    def is_named(self):
        names = self.bus.call_sync(
            "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames", None, None, 0, 5000, None
        )
        return "org.libvirt" in names.unpack()[0]

    def told(self, _bus, _sender, path, interface, signal, values):
        self.events.append((path, interface, signal, values.unpack()))

    def until(self, holds):
        """Runs the main loop until the condition holds."""
        loop = GLib.MainContext.default()
        # A wake-up of our own: names come to the bus without telling us.
        timer = GLib.timeout_add(20, lambda: True)
        limit = GLib.get_monotonic_time() + 20_000_000
        while not holds():
            assert GLib.get_monotonic_time() < limit, ("waited too long", self.events)
            loop.iteration(True)
        GLib.source_remove(timer)

    def call(self, path, interface, method, types="()", *values):
        arguments = GLib.Variant(types, values)
        answer = self.bus.call_sync("org.libvirt", path, interface, method, arguments, None, 0, 20000, None)
        return answer.unpack()

    def property(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "(ss)", interface, name)[0]

    def close(self):
        for process in (self.bridge, self.daemon):
            process.terminate()
            process.wait()


def host(bridge):
    """What the overview of the host asks."""
    qemu = "/org/libvirt/QEMU"
    assert bridge.property(qemu, CONNECT, "Version") > 0
    assert bridge.property(qemu, CONNECT, "LibVersion") > 0
    assert bridge.property(qemu, CONNECT, "Hostname") == os.uname().nodename
    assert "<capabilities>" in bridge.call(qemu, CONNECT, "GetCapabilities")[0]
    domain_capabilities = bridge.call(
        qemu, CONNECT, "GetDomainCapabilities", "(ssssu)", "", "x86_64", "pc", "qemu", 0
    )
    assert "<domainCapabilities>" in domain_capabilities[0]
    assert bridge.call(qemu, CONNECT, "NodeGetFreeMemory")[0] > 0
    return qemu


def lifecycle(bridge, qemu):
    """Defines, starts, watches, pauses, ends and undefines a domain by its object on the bus."""
    with open(XML, encoding="utf-8") as file:
        path = bridge.call(qemu, CONNECT, "DomainDefineXML", "(s)", file.read())[0]
    name = bridge.property(path, DOMAIN, "Name")
    uuid = bridge.property(path, DOMAIN, "UUID")
    assert bridge.call(qemu, CONNECT, "ListDomains", "(u)", 0) == ([path],)
    assert bridge.call(qemu, CONNECT, "DomainLookupByName", "(s)", name) == (path,)
    assert bridge.call(qemu, CONNECT, "DomainLookupByUUID", "(s)", uuid) == (path,)
    assert bridge.property(path, DOMAIN, "Persistent") and not bridge.property(path, DOMAIN, "Active")
    bridge.call(path, DOMAIN, "Create", "(u)", 0)
    assert bridge.call(path, DOMAIN, "GetState", "(u)", 0) == ([STATE_RUNNING, 1],) or bridge.call(
        path, DOMAIN, "GetState", "(u)", 0
    )[0][0] == STATE_RUNNING
    assert bridge.property(path, DOMAIN, "Active") and bridge.property(path, DOMAIN, "Id") > 0
    assert f"<name>{name}</name>" in bridge.call(path, DOMAIN, "GetXMLDesc", "(u)", 0)[0]
    stats = bridge.call(path, DOMAIN, "GetStats", "(uu)", 0, 0)[0]
    assert stats["state.state"] == STATE_RUNNING and stats["vcpu.current"] == 1, stats
    assert bridge.call(path, DOMAIN, "MemoryStats", "(u)", 0)
    everything = bridge.call(qemu, CONNECT, "GetAllDomainStats", "(uu)", 0, 0)
    assert everything[0][0][0] == name, everything
    bridge.call(path, DOMAIN, "Suspend")
    assert bridge.call(path, DOMAIN, "GetState", "(u)", 0)[0][0] == STATE_PAUSED
    bridge.call(path, DOMAIN, "Resume")
    bridge.call(path, DOMAIN, "Destroy", "(u)", 0)
    assert bridge.call(path, DOMAIN, "GetState", "(u)", 0)[0][0] == STATE_SHUTOFF
    bridge.call(path, DOMAIN, "Undefine", "(u)", 0)
    assert bridge.call(qemu, CONNECT, "ListDomains", "(u)", 0) == ([],)
    return path


def signals(bridge, path):
    """Every step was told, in order."""

    def of_domain():
        told = [values for _, _, signal, values in bridge.events if signal == "DomainEvent"]
        return [event for domain, event, _detail in told if domain == path]

    wanted = [DEFINED, STARTED, SUSPENDED, RESUMED, STOPPED, UNDEFINED]
    bridge.until(lambda: UNDEFINED in of_domain())
    # A start is told twice: resumed, then started.
    told = [event for event in of_domain() if event in wanted]
    assert told in (wanted, [DEFINED, RESUMED] + wanted[1:], [DEFINED, STARTED, RESUMED] + wanted[2:]), told


def main():
    bridge = Bridge()
    try:
        qemu = host(bridge)
        # The bridge connects, and subscribes to events, with the first call.
        path = lifecycle(bridge, qemu)
        signals(bridge, path)
        try:
            bridge.call(qemu, CONNECT, "DomainLookupByName", "(s)", "none")
            raise AssertionError("a domain that is not there was found")
        except GLib.Error as error:
            assert "org.libvirt.Error" in error.message and "none" in error.message, error
    finally:
        bridge.close()
    print("done")


main()
