"""The calls of virt-manager 4.1's overview: opening a connection, its events, the list, and the polling of figures.

overview.py URI XML: XML is a file with the definition of a domain that runs. As in virt-manager a call may be not
supported where a daemon beside this one answers it, and nowhere else.
"""

import queue
import sys
import threading

import libvirt

URI, XML = sys.argv[1:]
NO_SUPPORT = (libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_RPC)
told = queue.Queue()


def elsewhere(call, *args):
    """A call that another daemon answers: the client goes on without it when that is not there."""
    try:
        return call(*args)
    except libvirt.libvirtError as error:
        assert error.get_error_code() in NO_SUPPORT + (libvirt.VIR_ERR_SYSTEM_ERROR,), error
        return None


def open_connection():
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()
    libvirt.registerErrorHandler(lambda *_: None, None)
    conn = libvirt.openAuth(URI, [[libvirt.VIR_CRED_AUTHNAME], lambda *_: 0, None], 0)
    conn.setKeepAlive(20, 1)
    assert conn.getURI().startswith("qemu:///") and conn.getType() == "QEMU"
    assert conn.getVersion() > 0 and conn.getLibVersion() > 0
    assert "<capabilities>" in conn.getCapabilities()
    assert "<domainCapabilities>" in conn.getDomainCapabilities(None, "x86_64", "pc", "qemu")
    assert conn.getInfo()[2] > 0 and conn.getHostname()
    return conn


def subscribe(conn):
    """All that virt-manager subscribes to; it goes on only where the daemon says "not supported"."""
    lifecycle = lambda conn, dom, event, reason, to: told.put((dom.name(), event))  # noqa: E731
    conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, None)
    for name in ("BALLOON_CHANGE", "TRAY_CHANGE", "DEVICE_REMOVED", "DEVICE_ADDED", "AGENT_LIFECYCLE"):
        number = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}")
        conn.domainEventRegisterAny(None, number, lambda *_: None, None)
    elsewhere(conn.networkEventRegisterAny, None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, lambda *_: None, None)
    elsewhere(conn.storagePoolEventRegisterAny, None, 0, lambda *_: None, None)
    elsewhere(conn.nodeDeviceEventRegisterAny, None, 0, lambda *_: None, None)
    elsewhere(conn.listAllNetworks)
    elsewhere(conn.listAllStoragePools)
    elsewhere(conn.listAllDevices)
    elsewhere(conn.listAllInterfaces)


def poll(conn, dom):
    """One turn of the figures: of all domains in one call."""
    wanted = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL | libvirt.VIR_DOMAIN_STATS_VCPU
    wanted |= libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_INTERFACE
    records = {record.UUID(): stats for record, stats in conn.getAllDomainStats(wanted, 0)}
    stats = records[dom.UUID()]
    assert stats["cpu.time"] > 0 and stats["vcpu.current"] == 1, stats
    assert stats["balloon.current"] > 0 and stats["balloon.maximum"] > 0 and "block.count" in stats, stats
    info = dom.info()
    assert info[0] == stats["state.state"] and info[3] == stats["vcpu.current"]


def watch(conn, dom):
    """A domain's row: its state, its XML, and what its menu depends on."""
    assert [d.name() for d in conn.listAllDomains()] == [dom.name()]
    assert dom.isPersistent() and not dom.isActive() and dom.autostart() == 0
    dom.create()
    assert dom.ID() > 0 and dom.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]
    assert "<domain type='qemu' id=" in dom.XMLDesc(0) and "<domain type='qemu'>" in dom.XMLDesc(2)
    assert not dom.hasManagedSaveImage(0) and dom.OSType() == "hvm"
    poll(conn, dom)
    dom.suspend()
    assert dom.state()[0] == libvirt.VIR_DOMAIN_PAUSED
    dom.resume()
    dom.destroy()
    dom.undefine()
    assert not conn.listAllDomains()


def main():
    conn = open_connection()
    subscribe(conn)
    with open(XML, encoding="utf-8") as file:
        dom = conn.defineXML(file.read())
    name = dom.name()
    watch(conn, dom)
    seen = []
    while not seen or seen[-1] != libvirt.VIR_DOMAIN_EVENT_UNDEFINED:
        domain, event = told.get(timeout=30)
        assert domain == name
        seen.append(event)
    for event in ("DEFINED", "STARTED", "SUSPENDED", "RESUMED", "STOPPED"):
        assert getattr(libvirt, f"VIR_DOMAIN_EVENT_{event}") in seen, (event, seen)
    conn.close()
    print("done")


main()
