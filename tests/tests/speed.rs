//! What makes calls quick must cost nothing else: no processor while clients are silent, no memory, no lost change.

use std::time::Duration;

use protocol::remote::{self, ConnectGetLibVersionRet, rows};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tests::Instance;
use tests::wire::Wire;

fn xml(name: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    )
}

/// Processor time of all threads of a process, as the scheduler counts.
fn processor_time(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let times = threads.map(|thread| {
        let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(times.sum())
}

#[test]
fn clients_that_were_quick_and_fall_silent_cost_no_processor_time() {
    let instance = Instance::start();
    let mut clients: Vec<Wire> =
        (0..3).map(|_| Wire::open(&instance.socket(), "qemu:///system").unwrap()).collect();
    for client in &mut clients {
        for _ in 0..500 {
            let version: ConnectGetLibVersionRet = client.call(&rows::connect_get_lib_version, &()).unwrap();
            assert!(version.lib_ver >= 9_000_000);
        }
    }
    let before = processor_time(instance.pid());
    // Nothing comes: this is how long the silence lasts.
    let limit = Timespec::try_from(Duration::from_millis(700)).unwrap();
    let mut handles: Vec<PollFd<'_>> =
        clients.iter().map(|client| PollFd::new(client, PollFlags::IN)).collect();
    assert_eq!(poll(&mut handles, Some(&limit)).unwrap(), 0);
    let spent = processor_time(instance.pid()) - before;
    assert!(spent < Duration::from_millis(10), "{spent:?}");
    for client in &mut clients {
        let _: ConnectGetLibVersionRet = client.call(&rows::connect_get_lib_version, &()).unwrap();
    }
}

#[test]
fn what_was_undefined_stays_so_after_a_kill_and_after_a_stop() {
    let mut instance = Instance::start();
    for killed in [true, false, true, false] {
        {
            let mut wire = Wire::open(&instance.socket(), "qemu:///system").unwrap();
            for name in ["kept", "gone"] {
                let arguments = remote::DomainDefineXmlArgs { xml: xml(name) };
                let known: Result<remote::DomainLookupByNameRet, _> = wire.call(
                    &rows::domain_lookup_by_name,
                    &remote::DomainLookupByNameArgs { name: name.to_owned() },
                );
                if known.is_err() {
                    let _: remote::DomainDefineXmlRet =
                        wire.call(&rows::domain_define_xml, &arguments).unwrap();
                }
            }
            let arguments = remote::DomainLookupByNameArgs { name: "gone".to_owned() };
            let found: remote::DomainLookupByNameRet =
                wire.call(&rows::domain_lookup_by_name, &arguments).unwrap();
            let autostart =
                remote::DomainSetAutostartArgs { dom: found.dom.clone(), autostart: i32::from(killed) };
            wire.call::<()>(&rows::domain_set_autostart, &autostart).unwrap();
            wire.call::<()>(&rows::domain_undefine, &remote::DomainUndefineArgs { dom: found.dom }).unwrap();
        }
        if killed {
            instance.kill();
        } else {
            assert_eq!(instance.stop(), 0);
        }
        let config = instance.config_dir();
        assert!(!config.join("gone.xml").exists() && config.join("kept.xml").exists());
        assert!(config.join("autostart/gone.xml").symlink_metadata().is_err());
        instance.start_again();
        assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "kept");
    }
}

#[test]
fn the_answers_of_an_emulator_take_no_memory_once_they_are_read() {
    let instance = Instance::start();
    instance.virsh(&["capabilities"]).ok();
    let status = std::fs::read_to_string(format!("/proc/{}/status", instance.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    // They are some 15 MiB while they are read; what is kept of them is a tenth.
    assert!(kib < 10 << 10, "{kib} KiB");
}
