"""Defines domains with one thing wrong each, and tells what came back.

definitions.py FOLDER TABLE: the daemon's URI is in LIBVIRT_URI; FOLDER is not used, TABLE neither. The definitions are those of
DOCUMENTS, in which one attribute or text after the other has an odd value or is gone, and one element after the other is
gone or there twice.

One JSON object per line, as replay.py has it; the name says what is wrong.
"""

import copy
import json
import os
import xml.etree.ElementTree as ET

import libvirt

ODD = ("foo", "", "-1", "99999999999999")


def document(devices, more="", machine="pc", vcpu="<vcpu>2</vcpu>", os_=""):
    return (
        "<domain type='qemu'><name>fm-new</name><uuid>11111111-fade-4000-8000-0000000000aa</uuid>"
        "<memory unit='MiB'>64</memory><currentMemory unit='MiB'>32</currentMemory>"
        f"{vcpu}<os><type arch='x86_64' machine='{machine}'>hvm</type>{os_}</os>{more}"
        f"<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices></domain>"
    )


DOCUMENTS = {
    "base": document(
        "<serial type='pty'/>",
        more=(
            "<title>t</title><description>d</description><iothreads>2</iothreads><iothreadids>"
            "<iothread id='1'/><iothread id='2'/></iothreadids><cputune><shares>1024</shares><period>100000"
            "</period><quota>5000</quota><vcpupin vcpu='0' cpuset='0'/><emulatorpin cpuset='0'/>"
            "<iothreadpin iothread='1' cpuset='0'/><vcpusched vcpus='0' scheduler='fifo' priority='1'/>"
            "</cputune><memtune><hard_limit unit='MiB'>256</hard_limit><soft_limit unit='MiB'>128"
            "</soft_limit></memtune><blkiotune><weight>500</weight><device><path>/dev/vda</path><weight>300"
            "</weight></device></blkiotune><numatune><memory mode='strict' nodeset='0'/></numatune><resource>"
            "<partition>/machine</partition></resource><features><acpi/><apic eoi='on'/><pae/>"
            "<hyperv mode='custom'><relaxed state='on'/><vapic state='on'/>"
            "<spinlocks state='on' retries='8191'/><vendor_id state='on' value='KVM Hv'/></hyperv><kvm>"
            "<hidden state='on'/></kvm><vmport state='off'/><pmu state='on'/><smm state='off'/></features>"
            "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>"
            "<topology sockets='2' dies='1' cores='1' threads='1'/><feature policy='require' name='vmx'/>"
            "<numa><cell id='0' cpus='0-1' memory='65536' unit='KiB' memAccess='shared'/></numa></cpu>"
            "<clock offset='utc'><timer name='rtc' tickpolicy='catchup' track='guest'/>"
            "<timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/></clock>"
            "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash><pm>"
            "<suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm><memoryBacking>"
            "<source type='memfd'/><access mode='shared'/><allocation mode='immediate'/></memoryBacking>"
            "<sysinfo type='smbios'><bios><entry name='vendor'>x</entry></bios><system>"
            "<entry name='manufacturer'>y</entry></system></sysinfo><seclabel type='none'/><perf>"
            "<event name='cmt' enabled='no'/></perf>"
        ),
        vcpu="<vcpu placement='static' cpuset='0' current='1'>2</vcpu>",
        os_=(
            "<boot dev='hd'/><bootmenu enable='yes' timeout='3000'/><smbios mode='sysinfo'/>"
            "<bios useserial='yes' rebootTimeout='0'/><kernel>/boot/k</kernel><initrd>/boot/i</initrd>"
            "<cmdline>x</cmdline>"
        ),
    ),
    "disks": document(
        (
            "<disk type='file' device='disk'>"
            "<driver name='qemu' type='qcow2' cache='none' error_policy='stop' rerror_policy='report' io='native' discard='unmap' detect_zeroes='on' queues='1'/>"
            "<source file='/a.qcow2'><seclabel model='dac' relabel='no'/></source><backingStore type='file'>"
            "<format type='raw'/><source file='/b.raw'/><backingStore/></backingStore>"
            "<target dev='vda' bus='virtio'/><iotune><total_bytes_sec>1000</total_bytes_sec><read_iops_sec>10"
            "</read_iops_sec></iotune><blockio logical_block_size='512' physical_block_size='4096'/>"
            "<serial>abc</serial><boot order='1'/>"
            "<address type='pci' domain='0x0000' bus='0x00' slot='0x07' function='0x0'/></disk>"
            "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/x'/>"
            "<target dev='sda' bus='scsi' rotation_rate='1'/><readonly/><shareable/><wwn>5000c50015ea71aa"
            "</wwn><vendor>QEMU</vendor><product>x</product>"
            "<address type='drive' controller='0' bus='0' target='0' unit='3'/></disk>"
            "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
            "<target dev='hdc' bus='ide' tray='open'/><readonly/></disk><disk type='file' device='floppy'>"
            "<driver name='qemu' type='raw'/><source file='/f.img' startupPolicy='optional'/>"
            "<target dev='fda' bus='fdc'/></disk><disk type='file' device='disk'>"
            "<driver name='qemu' type='raw'/><source file='/u.img'/>"
            "<target dev='sdb' bus='usb' removable='on'/></disk><disk type='file' device='disk'>"
            "<driver name='qemu' type='raw'/><source file='/s.img'/><target dev='sdc' bus='sata'/></disk>"
            "<controller type='scsi' index='0' model='virtio-scsi'>"
            "<driver queues='2' cmd_per_lun='5' max_sectors='512' iothread='1'/></controller>"
            "<controller type='sata' index='0'/><controller type='usb' index='0' model='ich9-ehci1'/>"
            "<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>"
            "<controller type='pci' index='0' model='pci-root'/>"
            "<controller type='pci' index='1' model='pci-bridge'><target chassisNr='1'/></controller>"
            "<controller type='virtio-serial' index='0' ports='16' vectors='4'/>"
            "<controller type='ccid' index='0'/>"
        ),
        more="<iothreads>1</iothreads>",
    ),
    "nets": document(
        (
            "<interface type='user'><mac address='52:54:00:aa:bb:01'/><model type='virtio'/>"
            "<driver name='qemu' queues='1' rx_queue_size='256'/>"
            "<ip family='ipv4' address='10.0.2.15' prefix='24'/><link state='up'/><boot order='2'/>"
            "<bandwidth><inbound average='100' peak='200' burst='10'/><outbound average='100'/></bandwidth>"
            "<rom bar='on' file='/x'/><alias name='ua-net'/></interface>"
        ),
    ),
    "taps": document(
        (
            "<interface type='bridge'><source bridge='br0'/><target dev='tapx'/><model type='e1000'/>"
            "<virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/>"
            "</virtualport><vlan><tag id='5'/></vlan><coalesce><rx><frames max='5'/></rx></coalesce>"
            "<filterref filter='x'><parameter name='A' value='b'/></filterref></interface>"
            "<interface type='ethernet'><target dev='tapy' managed='yes'/><script path='/s'/><guest dev='x'/>"
            "<backend tap='/dev/net/tun' vhost='/dev/vhost-net'/><model type='rtl8139'/><tune><sndbuf>1600"
            "</sndbuf></tune></interface><interface type='network'><source network='default' portgroup='p'/>"
            "</interface><interface type='direct'><source dev='eth0' mode='bridge'/></interface>"
            "<interface type='udp'><source address='127.0.0.1' port='5555'>"
            "<local address='127.0.0.1' port='5556'/></source></interface><interface type='mcast'>"
            "<source address='230.0.0.1' port='5558'/></interface>"
        ),
    ),
    "chars": document(
        (
            "<serial type='pty'><source path='/dev/pts/3'/><target type='isa-serial' port='0'>"
            "<model name='isa-serial'/></target><log file='/l' append='on'/></serial><serial type='file'>"
            "<source path='/x' append='on'/><target port='1'/></serial><serial type='tcp'>"
            "<source mode='bind' host='127.0.0.1' service='2445' tls='no'/><protocol type='telnet'/>"
            "<target port='2'/></serial><parallel type='null'><target port='0'/></parallel>"
            "<console type='pty'><target type='serial' port='0'/></console><console type='pty'>"
            "<target type='virtio' port='1'/></console><channel type='unix'><source mode='bind' path='/c'/>"
            "<target type='virtio' name='org.x' state='connected'/></channel><channel type='pty'>"
            "<target type='guestfwd' address='10.0.2.1' port='4600'/></channel><channel type='qemu-vdagent'>"
            "<source><clipboard copypaste='yes'/><mouse mode='client'/></source>"
            "<target type='virtio' name='com.redhat.spice.0'/></channel><channel type='udp'>"
            "<source mode='connect' host='h' service='1'/><source mode='bind' host='h' service='2'/>"
            "<target type='virtio' name='u'/></channel>"
        ),
    ),
    "screens": document(
        (
            "<input type='tablet' bus='usb'/><input type='mouse' bus='ps2'/>"
            "<input type='keyboard' bus='virtio'/><input type='evdev'>"
            "<source dev='/dev/input/event1' grab='all' repeat='on'/></input>"
            "<graphics type='vnc' port='5901' autoport='no' websocket='5700' listen='127.0.0.1' keymap='de' passwd='x' passwdValidTo='2030-01-01T00:00:00' sharePolicy='ignore'>"
            "<listen type='address' address='127.0.0.1'/></graphics>"
            "<graphics type='spice' port='5902' tlsPort='-1' autoport='no' defaultMode='insecure'>"
            "<listen type='address' address='127.0.0.1'/><channel name='main' mode='insecure'/>"
            "<image compression='off'/><jpeg compression='auto'/><zlib compression='auto'/>"
            "<playback compression='on'/><streaming mode='off'/><clipboard copypaste='no'/>"
            "<mouse mode='client'/><filetransfer enable='no'/><gl enable='no'/></graphics><video>"
            "<model type='qxl' ram='65536' vram='65536' vgamem='16384' heads='1' primary='yes'>"
            "<acceleration accel3d='no'/><resolution x='800' y='600'/></model></video><sound model='ich6'>"
            "<codec type='micro'/></sound><audio id='1' type='none'>"
            "<input mixingEngine='yes' fixedSettings='yes' voices='1' bufferLength='100'>"
            "<settings frequency='44100' channels='2' format='s16'/></input></audio>"
            "<watchdog model='i6300esb' action='reset'/>"
            "<memballoon model='virtio' autodeflate='on' freePageReporting='on'><stats period='10'/>"
            "</memballoon><rng model='virtio'><rate bytes='1024' period='1000'/>"
            "<backend model='random'>/dev/urandom</backend></rng><panic model='isa'>"
            "<address type='isa' iobase='0x505'/></panic>"
        ),
    ),
    "q35": document(
        (
            "<controller type='pci' index='0' model='pcie-root'/>"
            "<controller type='pci' index='1' model='pcie-root-port'><model name='pcie-root-port'/>"
            "<target chassis='1' port='0x10' hotplug='on'/></controller>"
            "<controller type='pci' index='2' model='pcie-to-pci-bridge'/>"
            "<controller type='usb' index='0' model='qemu-xhci' ports='8'/><rng model='virtio'>"
            "<backend model='egd' type='tcp'><source mode='connect' host='1.2.3.4' service='1'/></backend>"
            "</rng>"
        ),
        more="<features><acpi/><apic/><smm state='on'><tseg unit='MiB'>48</tseg></smm></features>",
        machine="q35",
        os_=(
            "<loader readonly='yes' secure='no' type='pflash' format='raw'>/usr/share/OVMF/OVMF_CODE.fd"
            "</loader><nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/n.fd</nvram><acpi><table type='slic'>/t"
            "</table></acpi>"
        ),
    ),
}


def label(element):
    first = [f"[{key}={value}]" for key, value in list(element.attrib.items())[:1]]
    return element.tag + "".join(first)


def wrong_values(top):
    """Changes one value after the other, and back when the next is asked for."""
    for element in list(top.iter()):
        path = label(element)
        for key, value in list(element.attrib.items()):
            for odd in ODD:
                element.set(key, odd)
                yield f"{path}@{key}={odd}"
            del element.attrib[key]
            yield f"{path}@{key} gone"
            element.set(key, value)
        if not len(element) and element.text:
            text = element.text
            for odd in ODD:
                element.text = odd
                yield f"{path} text={odd}"
            element.text = text


def wrong_elements(top):
    """Takes one element after the other away, or doubles it."""
    for parent in list(top.iter()):
        for place, child in enumerate(list(parent)):
            parent.remove(child)
            yield f"{parent.tag}/{place}:{child.tag} gone"
            parent.insert(place, child)
            parent.insert(place, copy.deepcopy(child))
            yield f"{parent.tag}/{place}:{child.tag} twice"
            parent.remove(parent[place])


def define(conn, text):
    try:
        conn.defineXML(text).undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)
        return {"code": 0, "domain": 0, "message": ""}
    except libvirt.libvirtError as error:
        return {
            "code": error.get_error_code(),
            "domain": error.get_error_domain(),
            "message": error.get_error_message(),
        }


def main():
    libvirt.registerErrorHandler(lambda *_: None, None)
    conn = libvirt.open(os.environ["LIBVIRT_URI"])
    for name, text in DOCUMENTS.items():
        root = ET.fromstring(text)
        # What is around the devices is the same in all.
        top = root if name == "base" else root.find("devices")
        assert define(conn, ET.tostring(root, encoding="unicode"))["code"] == 0, name
        for change in (wrong_values, wrong_elements):
            for what in change(top):
                answer = define(conn, ET.tostring(root, encoding="unicode"))
                print(json.dumps({"name": f"{name} {what}"} | answer), flush=True)


if __name__ == "__main__":
    main()
