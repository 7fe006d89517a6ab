//! Which vCPUs can be plugged, and in which order.

use model::domain::Domain;

use super::error::DefaultsError;

/// Refuses an order in which QEMU cannot have the vCPUs: the first is always there, then come those that stay.
pub(super) fn check_order(domain: &Domain) -> Result<(), DefaultsError> {
    let entries = &domain.vcpus.entries;
    let refuse = |detail: &str| Err(DefaultsError::unsupported(detail));
    let Some(first) = entries.first() else { return Ok(()) };
    if !first.enabled {
        return refuse("vcpu 0 can't be offline");
    }
    if first.hotpluggable == Some(true) {
        return refuse("vcpu0 can't be hotpluggable");
    }
    if first.order > 1 {
        return refuse("vcpu0 must be enabled first");
    }
    let ordered = first.order != 0;
    for pair in entries.windows(2) {
        let [previous, entry] = pair else { continue };
        if entry.enabled && (entry.order != 0) != ordered {
            return refuse("all vcpus must have either set or unset order");
        }
        if entry.hotpluggable == Some(true) || (entry.hotpluggable.is_none() && !entry.enabled) {
            continue;
        }
        if previous.hotpluggable == Some(true) {
            return refuse("online non-hotpluggable vcpus need to be ordered prior to hotplugable vcpus");
        }
        if previous.order > entry.order {
            return refuse("online non-hotpluggable vcpus must be ordered in ascending order");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::domain::ParseOptions;

    use super::*;

    fn verdict(vcpus: &str) -> Result<(), String> {
        let text = format!(
            "<domain type='kvm'><name>g</name><memory>1024</memory><vcpu>2</vcpu><vcpus>{vcpus}</vcpus><os><type>hvm</type></os></domain>"
        );
        let tree = model::xml::parse(&text, &model::xml::Limits::document("domain_definition")).unwrap();
        let domain = Domain::read(&tree, &ParseOptions::default()).unwrap();
        check_order(&domain).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_vcpu_stays_and_the_order_is_whole() {
        assert_eq!(
            verdict("<vcpu id='0' enabled='yes'/><vcpu id='1' enabled='no' hotpluggable='yes'/>"),
            Ok(())
        );
        let wrong = [
            (
                "<vcpu id='0' enabled='yes' hotpluggable='yes'/><vcpu id='1' enabled='yes'/>",
                "vcpu0 can't be hotpluggable",
            ),
            (
                "<vcpu id='0' enabled='yes' order='2'/><vcpu id='1' enabled='yes' order='1'/>",
                "vcpu0 must be enabled first",
            ),
            (
                "<vcpu id='0' enabled='yes' order='1'/><vcpu id='1' enabled='yes'/>",
                "all vcpus must have either",
            ),
        ];
        for (vcpus, told) in wrong {
            assert!(verdict(vcpus).unwrap_err().contains(told), "{vcpus}");
        }
    }
}
