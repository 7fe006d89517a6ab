#!/usr/bin/python3
"""A systemd-machined for tests: `machined.py BUS LOG [BEHAVIOUR]`.

It owns machined's and systemd's names on the bus at the address BUS, tells every call in LOG, one line of JSON each,
and moves leaders of machines into scopes that it makes, as systemd does. BEHAVIOUR is "old" (it knows nothing of
network devices), "refuse" or "stall", for CreateMachine; it ends with its standard input.
"""

import json
import os
import sys

from gi.repository import Gio, GLib

BUS, LOG = sys.argv[1:3]
BEHAVIOUR = sys.argv[3] if len(sys.argv) > 3 else ""
INTERFACE = """<node><interface name='org.freedesktop.machine1.Manager'>
  <method name='CreateMachineWithNetwork'>
    <arg type='s' direction='in'/><arg type='ay' direction='in'/><arg type='s' direction='in'/>
    <arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>
    <arg type='ai' direction='in'/><arg type='a(sv)' direction='in'/><arg type='o' direction='out'/></method>
  <method name='CreateMachine'>
    <arg type='s' direction='in'/><arg type='ay' direction='in'/><arg type='s' direction='in'/>
    <arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>
    <arg type='a(sv)' direction='in'/><arg type='o' direction='out'/></method>
  <method name='TerminateMachine'><arg type='s' direction='in'/></method>
  <method name='GetMachineByPID'><arg type='u' direction='in'/><arg type='o' direction='out'/></method>
</interface></node>"""
MACHINE = """<node><interface name='org.freedesktop.machine1.Machine'>
  <property name='Name' type='s' access='read'/><property name='Unit' type='s' access='read'/>
</interface></node>"""
SYSTEMD = """<node><interface name='org.freedesktop.systemd1.Manager'>
  <method name='SetUnitProperties'>
    <arg type='s' direction='in'/><arg type='b' direction='in'/><arg type='a(sv)' direction='in'/></method>
</interface></node>"""


def tell(method, arguments):
    with open(LOG, "a") as log:
        log.write(json.dumps([method, *arguments]) + "\n")


def escaped(name):
    return "".join(c if c.isalnum() or c in ":_." else "\\x%02x" % ord(c) for c in name)


def scope(name, slice):
    """The scope's place: a slice lies in those that its name begins with."""
    stem = slice.removesuffix(".slice").split("-")
    parents = ["-".join(stem[: n + 1]) + ".slice" for n in range(len(stem))]
    return "/".join([*parents, "machine-" + escaped(name) + ".scope"])


def hierarchies():
    """Where systemd keeps its books: a hierarchy of its own, that of version 2, or both."""
    found = []
    for line in open("/proc/self/mountinfo"):
        left, right = line.split(" - ")
        kind, options = right.split()[0], right.split()[-1]
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(left.split()[4])
    return found


def remove(dir):
    for root, dirs, _ in os.walk(dir, topdown=False):
        os.rmdir(root)


machines = {}


def create(name, leader, properties):
    slice = dict(properties)["Slice"]
    for mount in hierarchies():
        dir = os.path.join(mount, scope(name, slice))
        os.makedirs(dir, exist_ok=True)
        with open(dir + "/cgroup.procs", "w") as procs:
            procs.write(str(leader))
    path = "/org/freedesktop/machine1/machine/m%d" % leader
    info = Gio.DBusNodeInfo.new_for_xml(MACHINE).interfaces[0]
    known = {"Name": name, "Unit": "machine-" + escaped(name) + ".scope"}
    bus.register_object(path, info, None, lambda c, s, p, i, what: GLib.Variant("s", known[what]), None)
    machines[name] = (slice, leader, path)
    return path


def call(connection, sender, path, interface, method, parameters, invocation):
    arguments = list(parameters.unpack())
    tell(method, arguments)
    if method.startswith("CreateMachine"):
        if BEHAVIOUR == "stall":
            return
        if BEHAVIOUR == "refuse":
            return invocation.return_dbus_error("org.freedesktop.machine1.MachineExists", "there is one")
        if BEHAVIOUR == "old" and method.endswith("WithNetwork"):
            return invocation.return_dbus_error("org.freedesktop.DBus.Error.UnknownMethod", "unknown method")
        path = create(arguments[0], arguments[4], arguments[-1])
        invocation.return_value(GLib.Variant("(o)", (path,)))
    elif method == "TerminateMachine":
        slice, _, _ = machines.pop(arguments[0], (None, 0, ""))
        if slice is None:
            return invocation.return_dbus_error("org.freedesktop.machine1.NoSuchMachine", "no such machine")
        for mount in hierarchies():
            remove(os.path.join(mount, scope(arguments[0], slice)))
        invocation.return_value(None)
    elif method == "GetMachineByPID":
        paths = [path for _, leader, path in machines.values() if leader == arguments[0]]
        if not paths:
            return invocation.return_dbus_error("org.freedesktop.machine1.NoMachineForPID", "no machine")
        invocation.return_value(GLib.Variant("(o)", (paths[0],)))
    else:
        invocation.return_value(None)


loop = GLib.MainLoop()
flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
bus = Gio.DBusConnection.new_for_address_sync(BUS, flags, None, None)
for path, text in [("/org/freedesktop/machine1", INTERFACE), ("/org/freedesktop/systemd1", SYSTEMD)]:
    bus.register_object(path, Gio.DBusNodeInfo.new_for_xml(text).interfaces[0], call, None, None)
for name in ["org.freedesktop.systemd1", "org.freedesktop.machine1"]:
    arguments = GLib.Variant("(su)", (name, 0))
    bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                  arguments, None, Gio.DBusCallFlags.NONE, 10000, None)
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP | GLib.IOCondition.IN,
                  lambda *_: loop.quit() or False)
print("ready", flush=True)
loop.run()
