//! `<seclabel>`: what a definition asks for, and what its guest gets. Two drivers are there, "none" and, for the
//! host's guests, "dac": the user that QEMU runs as.

use host::label::Owner;
use host::users;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::seclabel::{DeviceSecLabel, SecLabel, SecLabelType};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::{Confinement, Identity};
use crate::parts;

/// Name of the driver of owners.
pub const DAC: &str = "dac";
/// Name of the driver that does nothing; the host's first one.
pub const NONE: &str = "none";

/// Names the driver in a label that names none: the host's first one, which knows no labels.
pub fn complete(definition: &mut Definition) {
    for label in &mut definition.seclabels {
        if label.model.is_none() {
            label.model = Some(NONE.to_owned());
            label.kind = Some(SecLabelType::None);
            label.relabel = false;
        }
    }
}

/// Gives the live definition its labels.
pub fn assign(definition: &mut Definition, confinement: &Confinement) -> Result<(), Fault> {
    check_models(definition, confinement.owner.is_some())?;
    let Some(owner) = confinement.owner else { return Ok(()) };
    let wanted = definition.seclabels.iter_mut().find(|label| label.model.as_deref() == Some(DAC));
    let label = match wanted {
        Some(label) => label,
        None if confinement.default_confined => {
            definition.seclabels.push(SecLabel { model: Some(DAC.to_owned()), ..SecLabel::default() });
            let Some(label) = definition.seclabels.last_mut() else { return Ok(()) };
            label
        }
        None => return Ok(()),
    };
    let kind = *label.kind.get_or_insert(match confinement.default_confined {
        true => SecLabelType::Dynamic,
        false => SecLabelType::None,
    });
    match kind {
        SecLabelType::None if confinement.require_confined => {
            return Err(unsupported("Unconfined guests are not allowed on this host"));
        }
        SecLabelType::None => return Ok(()),
        SecLabelType::Dynamic => {
            label.relabel = true;
            label.label = Some(owner.label());
        }
        SecLabelType::Static => {
            owner_of(label.label.as_deref().unwrap_or_default())?;
        }
    }
    if label.relabel {
        label.image_label = label.label.clone();
    }
    Ok(())
}

/// Who the guest of a live definition runs as; none in a session.
pub fn identity(definition: &Definition, confinement: &Confinement) -> Result<Option<Identity>, Fault> {
    let Some(own) = confinement.owner else { return Ok(None) };
    let label = definition.seclabels.iter().find(|label| label.model.as_deref() == Some(DAC));
    let read = |text: Option<&String>| text.map_or(Ok(own), |text| owner_of(text));
    let relabels = label.is_none_or(|label| label.relabel);
    Ok(Some(Identity {
        process: read(label.and_then(|label| label.label.as_ref()))?,
        files: read(label.and_then(|label| label.image_label.as_ref()))?,
        relabel: confinement.dynamic_ownership && relabels,
        outputs: confinement.outputs,
    }))
}

/// The label of a running guest's process by one of the host's drivers, in the words of the definition; empty where the
/// driver gives none.
pub fn process_label(definition: &Definition, model: &str, confinement: &Confinement) -> String {
    if model != DAC {
        return String::new();
    }
    match definition.seclabels.iter().find(|label| label.model.as_deref() == Some(DAC)) {
        Some(label) => label.label.clone().unwrap_or_default(),
        None => confinement.owner.map(|owner| owner.label()).unwrap_or_default(),
    }
}

/// The owner that a label means: "USER:GROUP", names or numbers. Asks the user database for names.
pub fn owner_of(label: &str) -> Result<Owner, Fault> {
    let bad = |what: String| Fault::invalid_arg(ErrorDomain::SECURITY, what);
    let Some((user, group)) = label.split_once(':') else {
        return Err(bad(format!("Failed to parse uid and gid from '{label}'")));
    };
    let uid = users::resolve(user).ok().flatten();
    let gid = users::resolve_group(group).ok().flatten();
    Ok(Owner {
        uid: uid.ok_or_else(|| bad(format!("Failed to parse user '{user}'")))?,
        gid: gid.ok_or_else(|| bad(format!("Failed to parse group '{group}'")))?,
    })
}

/// Drivers that the host does not have.
fn check_models(definition: &Definition, dac: bool) -> Result<(), Fault> {
    let there = |model: &str| model == NONE || (dac && model == DAC);
    let of_guest = definition.seclabels.iter().map(|label| label.model.as_deref());
    let of_devices = device_labels(definition).map(|label| label.model.as_deref());
    match of_guest.chain(of_devices).find(|model| !model.is_some_and(there)) {
        Some(model) => {
            let model = model.unwrap_or("(null)");
            Err(unsupported(&format!("Security driver model '{model}' is not available")))
        }
        None => Ok(()),
    }
}

fn device_labels(definition: &Definition) -> impl Iterator<Item = &DeviceSecLabel> {
    definition.devices.iter().flat_map(|device| match device {
        Device::Disk(disk) => disk.source.seclabels.as_slice(),
        other => parts::chardev_source(other).map_or(&[][..], |source| source.seclabels.as_slice()),
    })
}

fn unsupported(detail: &str) -> Fault {
    Fault::new(ErrorDomain::SECURITY, ErrorCode::CONFIG_UNSUPPORTED, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::domain::ParseOptions;

    fn domain(labels: &str) -> Definition {
        let text = format!(
            "<domain type='qemu'><name>a</name><memory>1</memory><os><type>hvm</type></os>{labels}</domain>"
        );
        let mut definition = Definition::parse_str(&text, &ParseOptions::default()).unwrap();
        complete(&mut definition);
        definition
    }

    fn confinement() -> Confinement {
        Confinement { owner: Some(Owner { uid: 64055, gid: 107 }), ..Confinement::default() }
    }

    fn live(labels: &str) -> Result<(Vec<SecLabel>, Identity), String> {
        let mut definition = domain(labels);
        assign(&mut definition, &confinement()).map_err(|fault| fault.message)?;
        let identity = identity(&definition, &confinement()).unwrap().unwrap();
        Ok((definition.seclabels, identity))
    }

    #[test]
    fn a_guest_gets_the_configured_user() {
        for labels in ["", "<seclabel model='dac'/>", "<seclabel type='dynamic' model='dac'/>"] {
            let (labels, identity) = live(labels).unwrap();
            assert_eq!(labels.len(), 1);
            assert_eq!(labels[0].label.as_deref(), Some("+64055:+107"));
            assert_eq!(labels[0].image_label.as_deref(), Some("+64055:+107"));
            assert_eq!((identity.process.uid, identity.relabel), (64055, true));
        }
    }

    #[test]
    fn no_model_is_the_first_one_which_is_none() {
        let (labels, _) = live("<seclabel type='dynamic'/>").unwrap();
        assert_eq!(labels[0].kind, Some(SecLabelType::None));
        assert_eq!(labels[0].model.as_deref(), Some(NONE));
        assert_eq!(labels[1].model.as_deref(), Some(DAC));
    }

    #[test]
    fn own_labels_and_none() {
        let fixed = "<seclabel type='static' model='dac' relabel='RE'><label>+5:+6</label></seclabel>";
        let (_, identity) = live(&fixed.replace("RE", "yes")).unwrap();
        assert_eq!((identity.process, identity.files), (Owner { uid: 5, gid: 6 }, Owner { uid: 5, gid: 6 }));
        let (labels, identity) = live(&fixed.replace("RE", "no")).unwrap();
        assert_eq!((identity.process.uid, identity.relabel), (5, false));
        assert_eq!(labels[0].image_label, None);
        let (_, identity) = live("<seclabel type='none' model='dac'/>").unwrap();
        assert_eq!((identity.process.uid, identity.relabel), (64055, false));
    }

    #[test]
    fn strange_drivers_and_owners_are_refused() {
        let error = live("<seclabel type='dynamic' model='selinux'/>").unwrap_err();
        assert!(error.contains("'selinux' is not available"), "{error}");
        for (label, expect) in
            [("root", "'root'"), ("no-such-user:root", "user 'no-such-user'"), ("root:+x", "group '+x'")]
        {
            let text = format!("<seclabel type='static' model='dac'><label>{label}</label></seclabel>");
            let error = live(&text).unwrap_err();
            assert!(error.contains(expect), "{error}");
        }
    }

    #[test]
    fn a_session_has_no_labels() {
        let mut definition = domain("");
        assign(&mut definition, &Confinement::default()).unwrap();
        assert!(definition.seclabels.is_empty());
        assert_eq!(identity(&definition, &Confinement::default()).unwrap(), None);
    }
}
