//! What only the monitor can say: QMP commands between the start of QEMU and the first step of the guest.

use model::domain::Domain;
use serde_json::{Map, Value, json};

use crate::defaults::QemuConf;

/// One QMP command.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub command: &'static str,
    /// Its arguments.
    pub arguments: Value,
}

impl Step {
    /// A step.
    pub fn new(command: &'static str, arguments: Value) -> Step {
        Step { command, arguments }
    }
}

/// The steps of all devices, in their order.
pub fn after_start(domain: &Domain, conf: &QemuConf) -> Vec<Step> {
    domain.devices.iter().flat_map(|device| crate::device::after(device, conf)).collect()
}

/// Whether vCPUs are to be plugged in before the guest runs, which needs QEMU's list of them.
pub fn plugs_vcpus(domain: &Domain) -> bool {
    plugged(domain).next().is_some()
}

/// Numbers of the vCPUs that are there from the start but can be taken away.
fn plugged(domain: &Domain) -> impl Iterator<Item = (u32, usize)> {
    let entries = domain.vcpus.entries.iter().enumerate();
    entries
        .filter(|(_, entry)| entry.enabled && entry.hotpluggable == Some(true))
        .map(|(number, entry)| (entry.order, number))
}

/// Plugs vCPUs in, by their order. `known` is the answer of `query-hotpluggable-cpus`; none if it does not fit.
pub fn plug_vcpus(domain: &Domain, known: &Value) -> Option<Vec<Step>> {
    let mut slots: Vec<(&str, &Map<String, Value>)> = known
        .as_array()?
        .iter()
        .map(|slot| Some((slot.get("type")?.as_str()?, slot.get("props")?.as_object()?)))
        .collect::<Option<_>>()?;
    slots.sort_by_key(|(_, props)| {
        ["socket-id", "die-id", "core-id", "thread-id"].map(|key| props.get(key).and_then(Value::as_u64))
    });
    let mut wanted: Vec<(u32, usize)> = plugged(domain).collect();
    wanted.sort_unstable();
    let steps = wanted.into_iter().map(|(_, number)| {
        let (driver, props) = slots.get(number)?;
        let mut arguments = Map::new();
        arguments.insert("driver".to_owned(), json!(driver));
        arguments.insert("id".to_owned(), json!(format!("vcpu{number}")));
        arguments.extend(props.iter().map(|(key, value)| (key.clone(), value.clone())));
        Some(Step::new("device_add", Value::Object(arguments)))
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use model::domain::ParseOptions;

    use super::*;

    fn domain(rest: &str) -> Domain {
        let text = format!(
            "<domain type='kvm'><name>g</name><memory>1024</memory><os><type>hvm</type></os>{rest}</domain>"
        );
        Domain::parse_str(&text, &ParseOptions::default()).unwrap()
    }

    #[test]
    fn passwords_links_and_limits() {
        let mut domain = domain(
            "<devices><disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/>\
             <iotune><read_bytes_sec>5</read_bytes_sec></iotune></disk>\
             <interface type='user'><link state='down'/></interface>\
             <graphics type='vnc' passwd='x' passwdValidTo='1970-01-01T00:00:01'/></devices>",
        );
        crate::defaults::aliases(&mut domain);
        let steps = after_start(&domain, &QemuConf::default());
        let said: Vec<_> = steps.iter().map(|step| (step.command, step.arguments.clone())).collect();
        let throttle = json!({"id": "/machine/peripheral/virtio-disk0/virtio-backend", "bps": 0, "bps_rd": 5,
            "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0, "group": "drive-virtio-disk0"});
        assert_eq!(said[0], ("block_set_io_throttle", throttle));
        assert_eq!(said[1], ("set_link", json!({"name": "net0", "up": false})));
        assert_eq!(said[2], ("set_password", json!({"protocol": "vnc", "password": "x"})));
        assert_eq!(said[3], ("expire_password", json!({"protocol": "vnc", "time": "1"})));
        assert_eq!(said.len(), 4);
    }

    #[test]
    fn vcpus_are_plugged_in_their_order() {
        let domain = domain(
            "<vcpu current='3'>4</vcpu><vcpus><vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>\
             <vcpu id='1' enabled='yes' hotpluggable='yes' order='3'/>\
             <vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/>\
             <vcpu id='3' enabled='no' hotpluggable='yes'/></vcpus>",
        );
        assert!(plugs_vcpus(&domain));
        let slot = |socket: u32| json!({"type": "cpu", "vcpus-count": 1, "props": {"socket-id": socket, "core-id": 0, "thread-id": 0}});
        let known = json!([slot(3), slot(2), slot(1), slot(0)]);
        let steps = plug_vcpus(&domain, &known).unwrap();
        let sockets: Vec<_> = steps.iter().map(|step| step.arguments["socket-id"].clone()).collect();
        assert_eq!(sockets, [2, 1]);
        assert_eq!(steps[0].arguments["id"], "vcpu2");
        assert_eq!(plug_vcpus(&domain, &json!([])), None);
        assert_eq!(plug_vcpus(&domain, &json!([{"type": 1}])), None);
    }
}
