//! What clients do to a daemon that is measured.

use crate::report;
use protocol::remote::{self, NonnullDomain, rows};
use protocol::xdr::List;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::wire::Wire;

/// How often a guest is started and destroyed.
const GUEST_ROUNDS: usize = 10;

/// Clients of one daemon.
pub(crate) struct Load {
    socket: PathBuf,
    uri: String,
    calls: usize,
}

impl Load {
    pub(crate) fn new(socket: &Path, uri: &str, calls: usize) -> Self {
        Self { socket: socket.to_owned(), uri: uri.to_owned(), calls }
    }

    fn open(&self) -> Wire {
        Wire::open(&self.socket, &self.uri).unwrap()
    }

    /// One client: the cheapest call, and whole connections.
    pub(crate) fn calls(&self) {
        let mut client = self.open();
        let mut times = Vec::with_capacity(self.calls);
        rate("ping", self.calls, || {
            let begin = Instant::now();
            ping(&mut client);
            times.push(begin.elapsed());
        });
        percentiles("ping", &mut times, "us");
        rate("connect", self.calls / 20, || {
            let mut client = self.open();
            client.call::<()>(&rows::connect_close, &()).unwrap();
        });
    }

    /// Several clients at once that mix cheap calls, lists and lookups.
    pub(crate) fn clients(&self, clients: usize) {
        let each = self.calls / clients;
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| {
                    let mut client = self.open();
                    for round in 0..each {
                        match round % 4 {
                            0 => drop(list(&mut client)),
                            _ => ping(&mut client),
                        }
                    }
                });
            }
        });
        report(&format!("mixed.{clients}-clients"), per_second(each * clients, begin.elapsed()), "1/s");
    }

    /// Defines domains, and measures how soon another client hears of one.
    pub(crate) fn define(&self, domains: usize) {
        let mut client = self.open();
        let mut number = 0;
        rate("define", domains, || {
            define(&mut client, &definition(&format!("bench{number}"))).unwrap();
            number += 1;
        });
        let mut listener = self.open();
        let all = remote::ConnectDomainEventCallbackRegisterAnyArgs { eventID: 0, dom: None };
        let _: remote::ConnectDomainEventCallbackRegisterAnyRet =
            listener.call(&rows::connect_domain_event_callback_register_any, &all).unwrap();
        let mut times = Vec::new();
        for _ in 0..200.min(domains) {
            let begin = Instant::now();
            define(&mut client, &definition("bench0")).unwrap();
            listener.event();
            times.push(begin.elapsed());
        }
        percentiles("define-to-event", &mut times, "us");
    }

    /// Reads that go over the domains that were defined.
    pub(crate) fn definitions(&self, domains: usize) {
        let mut client = self.open();
        let found = list(&mut client);
        assert_eq!(found.len(), domains);
        let rounds = (self.calls / domains.max(1)).max(20);
        rate(&format!("list.{domains}"), rounds, || drop(list(&mut client)));
        rate(&format!("stats.{domains}"), rounds, || {
            let all = remote::ConnectGetAllDomainStatsArgs { doms: List::from(vec![]), stats: 0, flags: 0 };
            let _: remote::ConnectGetAllDomainStatsRet =
                client.call(&rows::connect_get_all_domain_stats, &all).unwrap();
        });
        let mut next = found.iter().cycle();
        rate("dumpxml", self.calls / 4, || {
            let dom = next.next().unwrap().clone();
            let args = remote::DomainGetXmlDescArgs { dom, flags: 0 };
            let _: remote::DomainGetXmlDescRet = client.call(&rows::domain_get_xml_desc, &args).unwrap();
        });
        rate("lookup", self.calls / 4, || {
            let args = remote::DomainLookupByNameArgs { name: next.next().unwrap().name.clone() };
            let _: remote::DomainLookupByNameRet = client.call(&rows::domain_lookup_by_name, &args).unwrap();
        });
    }

    /// Removes all definitions.
    pub(crate) fn undefine(&self, domains: usize) {
        let mut client = self.open();
        let found = list(&mut client);
        assert_eq!(found.len(), domains, "definitions are lost over a restart");
        let mut each = found.into_iter();
        rate("undefine", domains, || {
            let args = remote::DomainUndefineArgs { dom: each.next().unwrap() };
            client.call::<()>(&rows::domain_undefine, &args).unwrap();
        });
    }

    /// Starts and destroys a guest several times.
    pub(crate) fn guests(&self, kernel: &Path) {
        let mut client = self.open();
        let dom = define(&mut client, &guest(kernel)).unwrap();
        let (mut starts, mut stops) = (Vec::new(), Vec::new());
        for _ in 0..GUEST_ROUNDS {
            let begin = Instant::now();
            client.call::<()>(&rows::domain_create, &remote::DomainCreateArgs { dom: dom.clone() }).unwrap();
            starts.push(begin.elapsed());
            let begin = Instant::now();
            client
                .call::<()>(&rows::domain_destroy, &remote::DomainDestroyArgs { dom: dom.clone() })
                .unwrap();
            stops.push(begin.elapsed());
        }
        client.call::<()>(&rows::domain_undefine, &remote::DomainUndefineArgs { dom }).unwrap();
        percentiles("guest-start", &mut starts, "ms");
        percentiles("guest-destroy", &mut stops, "ms");
    }
}

fn ping(client: &mut Wire) {
    let _: remote::ConnectGetLibVersionRet = client.call(&rows::connect_get_lib_version, &()).unwrap();
}

fn list(client: &mut Wire) -> Vec<NonnullDomain> {
    let args = remote::ConnectListAllDomainsArgs { need_results: 1, flags: 0 };
    let all: remote::ConnectListAllDomainsRet = client.call(&rows::connect_list_all_domains, &args).unwrap();
    all.domains.into_vec()
}

fn define(client: &mut Wire, xml: &str) -> Result<NonnullDomain, protocol::Fault> {
    let args = remote::DomainDefineXmlArgs { xml: xml.to_owned() };
    client.call::<remote::DomainDefineXmlRet>(&rows::domain_define_xml, &args).map(|answer| answer.dom)
}

/// A definition as a management program writes it. It is never started: its disk does not exist.
fn definition(name: &str) -> String {
    let number: u32 =
        name.bytes().filter(u8::is_ascii_digit).fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    format!(
        "<domain type='qemu'><name>{name}</name><uuid>6d9bb4a3-21f5-4f5e-8f2c-{number:012x}</uuid>\
         <memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>\
         <features><acpi/><apic/></features><devices>\
         <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/nonexistent/{name}.qcow2'/>\
         <target dev='vda' bus='virtio'/></disk>\
         <interface type='user'><model type='virtio'/></interface><serial type='pty'/><console type='pty'/>\
         <graphics type='vnc'/><video><model type='vga'/></video><memballoon model='virtio'/>\
         </devices></domain>"
    )
}

fn guest(kernel: &Path) -> String {
    format!(
        "<domain type='qemu'><name>bench-guest</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64'>hvm</type><kernel>{}</kernel></os><features><acpi/></features>\
         <devices><serial type='pty'/></devices></domain>",
        kernel.display()
    )
}

/// Runs `work` several times and reports how often it is done in a second.
fn rate(name: &str, times: usize, mut work: impl FnMut()) {
    let begin = Instant::now();
    for _ in 0..times {
        work();
    }
    report(name, per_second(times, begin.elapsed()), "1/s");
}

fn percentiles(name: &str, times: &mut [Duration], unit: &str) {
    times.sort_unstable();
    let factor = if unit == "ms" { 1000.0 } else { 1_000_000.0 };
    for percent in [50, 99] {
        let at = (times.len() * percent / 100).min(times.len() - 1);
        report(&format!("{name}.p{percent}"), times[at].as_secs_f64() * factor, unit);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn per_second(times: usize, took: Duration) -> f64 {
    times as f64 / took.as_secs_f64()
}
