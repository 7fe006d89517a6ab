//! Features by libvirt's names, and how each is told: by schema, command, option, type or release.

use std::collections::BTreeSet;

use super::qemu::QemuCaps;
use super::schema::Schema;

enum Test {
    /// A path of the schema exists.
    Path(&'static str),
    /// A command announces a feature.
    Announced(&'static str, &'static str),
    /// A command exists.
    Command(&'static str),
    /// A command line option has a parameter.
    Option(&'static str, &'static str),
    /// A type exists.
    Type(&'static str),
    /// Every QEMU from this release on has it.
    Since(u32, u32),
}

use Test::{Announced, Command, Option, Path, Since, Type};

const FEATURES: &[(&str, Test)] = &[
    ("kvm", Type("kvm-accel")),
    ("tcg", Type("tcg-accel")),
    ("sdl", Path("query-display-options:ret/type/=sdl")),
    ("gtk", Path("query-display-options:ret/type/=gtk")),
    ("egl-headless", Path("query-display-options:ret/type/=egl-headless")),
    ("egl-headless.rendernode", Path("query-display-options:ret/+egl-headless/rendernode")),
    ("display-dbus", Path("query-display-options:ret/type/=dbus")),
    ("spice", Command("query-spice")),
    ("vnc", Command("query-vnc")),
    ("vnc-power-control", Option("vnc", "power-control")),
    ("seccomp-sandbox", Option("sandbox", "enable")),
    ("sandbox.elevateprivileges", Option("sandbox", "elevateprivileges")),
    ("compat-deprecated", Option("compat", "deprecated-input")),
    ("fsdev.multidevs", Option("fsdev", "multidevs")),
    ("smp-dies", Option("smp-opts", "dies")),
    ("smp-clusters", Option("smp-opts", "clusters")),
    ("rtc-reset-reinjection", Command("rtc-reset-reinjection")),
    ("query-hotpluggable-cpus", Command("query-hotpluggable-cpus")),
    ("query-cpu-model-expansion", Command("query-cpu-model-expansion")),
    ("set-action", Command("set-action")),
    ("blockdev-reopen", Command("blockdev-reopen")),
    ("block-export-add", Command("block-export-add")),
    ("calc-dirty-rate", Command("calc-dirty-rate")),
    ("query-dirty-rate", Command("query-dirty-rate")),
    ("query-stats", Command("query-stats")),
    ("query-stats-schemas", Command("query-stats-schemas")),
    ("sev-inject-launch-secret", Command("sev-inject-launch-secret")),
    ("thread-context", Type("thread-context")),
    ("memory-backend-memfd", Type("memory-backend-memfd")),
    ("rng-builtin", Type("rng-builtin")),
    ("pr-manager-helper", Type("pr-manager-helper")),
    ("i8042", Type("i8042")),
    ("device.json", Announced("device_add", "json-cli")),
    ("device.json+hotplug", Announced("device_add", "json-cli-hotplug")),
    (
        "blockdev-snapshot.allow-write-only-overlay",
        Announced("blockdev-snapshot", "allow-write-only-overlay"),
    ),
    ("netdev.json", Path("netdev_add:arg/type/=user")),
    ("netdev.stream", Path("netdev_add:arg/type/=stream")),
    ("netdev.vhost-vdpa", Path("netdev_add:arg/type/=vhost-vdpa")),
    ("netdev.user", Path("netdev_add:arg/type/=user")),
    ("object.qapified", Path("object-add:arg/+iothread")),
    ("chardev-reconnect", Path("chardev-add:arg/backend/+socket/data/reconnect")),
    ("chardev.qemu-vdagent", Path("chardev-add:arg/backend/type/=qemu-vdagent")),
    ("query-named-block-nodes.flat", Path("query-named-block-nodes:arg/flat")),
    ("aio.io_uring", Path("blockdev-add:arg/+file/aio/=io_uring")),
    ("drive-nvme", Path("blockdev-add:arg/+nvme")),
    ("rbd-encryption", Path("blockdev-add:arg/+rbd/encrypt")),
    ("blockdev.nbd.tls-hostname", Path("blockdev-add:arg/+nbd/tls-hostname")),
    ("migration-file-drop-cache", Path("blockdev-add:arg/+file/drop-cache")),
    ("screendump_device", Path("screendump:arg/device")),
    ("screenshot-format-png", Path("screendump:arg/format/=png")),
    ("nbd-tls", Path("nbd-server-start:arg/tls-creds")),
    ("nbd-bitmap", Path("nbd-server-add:arg/bitmap")),
    ("dirtyrate-param.mode", Path("calc-dirty-rate:arg/mode")),
    ("migration.blocked-reasons", Path("query-migrate:ret/blocked-reasons")),
    ("migration-param.block-bitmap-mapping", Path("migrate-set-parameters:arg/block-bitmap-mapping")),
    ("incremental-backup", Since(5, 2)),
    ("numa.hmat", Since(5, 0)),
    ("rotation-rate", Since(2, 11)),
    ("memory-backend-file.reserve", Since(6, 1)),
    ("memory-backend-file.prealloc-threads", Since(5, 0)),
    ("iothread.thread-pool-max", Since(7, 1)),
    ("confidential-guest-support", Since(6, 0)),
    ("usb-host.hostdevice", Since(5, 1)),
    ("usb-host.guest-resets-all", Since(6, 0)),
    ("virtio-blk.queue-size", Since(6, 1)),
    ("cpu.migratable", Since(4, 2)),
    ("acpi-index", Since(6, 1)),
];

/// The features that QEMU has; `caps` must have its release, commands, options and types.
pub(super) fn features(caps: &QemuCaps, schema: &Schema<'_>) -> BTreeSet<String> {
    let has = |test: &Test| match test {
        Path(path) => schema.has(path),
        Announced(command, feature) => schema.has_feature(command, feature),
        Command(command) => caps.has_command(command),
        Option(option, parameter) => caps.has_option(option, parameter),
        Type(name) => caps.has_type(name),
        Since(major, minor) => caps.at_least(*major, *minor),
    };
    let mut found: BTreeSet<String> =
        FEATURES.iter().filter(|(_, test)| has(test)).map(|(name, _)| (*name).to_owned()).collect();
    if caps.has_type(&format!("max-{}-cpu", qemu_arch(&caps.arch))) {
        found.insert("cpu-max".to_owned());
    }
    found
}

/// QEMU's word for an architecture that libvirt calls otherwise.
pub(super) fn qemu_arch(arch: &str) -> &str {
    match arch {
        "i686" => "i386",
        "armv6l" | "armv7l" => "arm",
        "parisc" => "hppa",
        "or32" => "or1k",
        other => other,
    }
}

/// libvirt's word for what `query-target` answers.
pub(super) fn libvirt_arch(target: &str) -> &str {
    match target {
        "i386" => "i686",
        "arm" => "armv7l",
        "hppa" => "parisc",
        "or1k" => "or32",
        other => other,
    }
}
