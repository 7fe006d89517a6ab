//! Questions about the connection and the host.

use tests::Instance;

#[test]
fn versions_names_and_features() {
    let instance = Instance::start();
    let uri = if instance.is_system() { "qemu:///system" } else { "qemu:///session" };
    // A client shows the URI that it was given; the daemon's own is asked for when none was.
    assert!(instance.virsh(&["uri"]).ok().contains(uri.trim_start_matches("qemu:///")));
    let version = instance.virsh(&["version", "--daemon"]).ok();
    assert!(
        version.contains("Using API: QEMU") && version.contains("Running hypervisor: QEMU 7.2"),
        "{version}"
    );
    assert!(version.contains("Running against daemon: 9.0.0"), "{version}");
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(instance.virsh(&["hostname"]).ok().trim().starts_with(hostname.trim()));
    let most = instance.python(
        "c = libvirt.open(uri)\n\
         print(c.getMaxVcpus('qemu'), c.getMaxVcpus(None))\n\
         try: c.getMaxVcpus('foo')\n\
         except libvirt.libvirtError as e: print(e.get_error_code(), 'foo' in str(e))\n",
    );
    assert_eq!(most.ok(), "16 16\n8 True\n");
    let out = instance.python(
        "c = libvirt.open(uri)\n\
         print(c.isSecure(), c.isEncrypted(), c.isAlive(), c.getType())\n\
         print(c.getInfo()[0], c.getInfo()[2] == __import__('os').cpu_count())\n\
         print(c.getFreeMemory() // c.getFreeMemory(), sum(c.getCPUMap()[1]) == c.getInfo()[2])\n",
    );
    assert_eq!(out.ok(), "1 0 1 QEMU\nx86_64 True\n1 True\n");
}

#[test]
fn opening_is_checked() {
    let instance = Instance::start();
    let out = instance.python(
        "for u in ['lxc+unix:///system', 'qemu+unix:///nowhere']:\n\
         \x20   try: libvirt.open(u + '?' + uri.split('?')[1]); print('opened')\n\
         \x20   except libvirt.libvirtError as e: print(e.get_error_code())\n\
         c = libvirt.openReadOnly(uri)\n\
         print(c.getHostname() != '')\n\
         try: c.defineXML('<domain/>')\n\
         except libvirt.libvirtError as e: print(e.get_error_code())\n",
    );
    assert_eq!(out.ok(), "5\n1\nTrue\n29\n");
}

#[test]
fn capabilities_serve_virt_install() {
    let instance = Instance::start();
    let caps = instance.virsh(&["capabilities"]).ok();
    assert!(caps.contains("<arch name='x86_64'>") && caps.contains("<domain type='qemu'"), "{caps}");
    let domcaps = instance.virsh(&["domcapabilities"]).ok();
    assert!(domcaps.contains("<path>/usr/bin/qemu-system-x86_64</path>"), "{domcaps}");
    assert!(domcaps.contains("<mode name='custom' supported='yes'>"), "{domcaps}");
    assert!(instance.virsh(&["domcapabilities", "--machine", "none-such"]).fails().contains("none-such"));
    let Some(made) = instance.run_if_installed(
        "virt-install",
        &[
            "--connect",
            &instance.uri(),
            "--name",
            "v1",
            "--memory",
            "64",
            "--vcpus",
            "1",
            "--disk",
            "none",
            "--boot",
            "hd",
            "--osinfo",
            "generic",
            "--network",
            "none",
            "--graphics",
            "vnc",
            "--virt-type",
            "qemu",
            "--print-xml",
        ],
    ) else {
        return tests::not_run("capabilities_serve_virt_install", "virt-install is not installed");
    };
    assert!(made.ok().contains("<name>v1</name>"));
}
