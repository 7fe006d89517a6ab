//! Which object a call or an event is about, read from its encoding: what access control has to know before the call
//! is made.

use crate::procedure::{Family, Meta};
use crate::remote::{
    DomainLookupByIdArgs, DomainLookupByNameArgs, DomainLookupByUuidArgs, NonnullDomain, NonnullSecret,
    SecretLookupByUsageArgs, SecretLookupByUuidArgs,
};
use crate::xdr::{DecodeError, Decoder, Uuid, Xdr};

/// The object that a value begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leading {
    /// None, or one of a kind that is not told apart here.
    Nothing,
    /// A domain's handle.
    Domain,
    /// A name, then a domain's handle: its snapshot or checkpoint.
    InDomain,
    /// A secret's handle.
    Secret,
}

/// An object as a client names it.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// The call names none, or has one that is known only when it is done (a saved image, a migration's).
    Nothing,
    /// The domain of this handle.
    Domain(NonnullDomain),
    /// The domain of this name.
    DomainName(String),
    /// The domain of this UUID.
    DomainUuid(Uuid),
    /// The domain of this id.
    DomainId(i32),
    /// The domain of this definition, which may be new.
    DomainXml(String),
    /// The secret of this handle.
    Secret(NonnullSecret),
    /// The secret of this UUID.
    SecretUuid(Uuid),
    /// The secret of this usage: type and id.
    SecretUsage(i32, String),
    /// The secret of this definition, which may be new.
    SecretXml(String),
}

impl Subject {
    /// The object that a call with these encoded arguments is about.
    ///
    /// # Errors
    /// They do not decode so far.
    pub fn of_call(meta: &Meta, body: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Decoder::new(body);
        Ok(match (meta.family, meta.name) {
            (Family::DomainLifecycle, "domain_lookup_by_id") => {
                Self::DomainId(DomainLookupByIdArgs::decode(&mut input)?.id)
            }
            (Family::DomainLifecycle, "domain_lookup_by_name") => {
                Self::DomainName(DomainLookupByNameArgs::decode(&mut input)?.name)
            }
            (Family::DomainLifecycle, "domain_lookup_by_uuid") => {
                Self::DomainUuid(DomainLookupByUuidArgs::decode(&mut input)?.uuid)
            }
            (
                Family::DomainLifecycle,
                "domain_create_xml"
                | "domain_create_xml_with_files"
                | "domain_define_xml"
                | "domain_define_xml_flags",
            ) => Self::DomainXml(String::decode(&mut input)?),
            (Family::Secret, "secret_lookup_by_uuid") => {
                Self::SecretUuid(SecretLookupByUuidArgs::decode(&mut input)?.uuid)
            }
            (Family::Secret, "secret_lookup_by_usage") => {
                let SecretLookupByUsageArgs { usageType, usageID } = Xdr::decode(&mut input)?;
                Self::SecretUsage(usageType, usageID)
            }
            (Family::Secret, "secret_define_xml") => Self::SecretXml(String::decode(&mut input)?),
            _ => Self::leading(meta.leading, &mut input)?,
        })
    }

    /// The object that an event with this body is about. The newer forms have a callback id first.
    ///
    /// # Errors
    /// The body does not decode so far.
    pub fn of_event(meta: &Meta, body: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Decoder::new(body);
        let leading = match (meta.leading, meta.family) {
            (Leading::Nothing, family) => {
                i32::decode(&mut input)?;
                if family == Family::Secret { Leading::Secret } else { Leading::Domain }
            }
            (leading, _) => leading,
        };
        Self::leading(leading, &mut input)
    }

    fn leading(leading: Leading, input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(match leading {
            Leading::Nothing => Self::Nothing,
            Leading::Domain => Self::Domain(Xdr::decode(input)?),
            Leading::InDomain => {
                String::decode(input)?;
                Self::Domain(Xdr::decode(input)?)
            }
            Leading::Secret => Self::Secret(Xdr::decode(input)?),
        })
    }
}

/// The first of some.
pub(crate) const fn first(all: &[Leading]) -> Leading {
    all[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{self, rows};
    use crate::xdr;

    fn handle() -> NonnullDomain {
        NonnullDomain { name: "d".to_owned(), uuid: Uuid([7; 16]), id: 3 }
    }

    #[test]
    fn calls_name_their_object() {
        let dom = handle();
        let body = xdr::to_vec(&remote::DomainShutdownFlagsArgs { dom: dom.clone(), flags: 1 }).unwrap();
        let of = |meta, body: &[u8]| Subject::of_call(meta, body).unwrap();
        assert_eq!(of(&rows::domain_shutdown_flags, &body), Subject::Domain(dom.clone()));
        let snap = remote::NonnullDomainSnapshot { name: "s".to_owned(), dom: dom.clone() };
        let body = xdr::to_vec(&remote::DomainSnapshotDeleteArgs { snap, flags: 0 }).unwrap();
        assert_eq!(of(&rows::domain_snapshot_delete, &body), Subject::Domain(dom.clone()));
        let body = xdr::to_vec(&remote::DomainDefineXmlArgs { xml: "<x/>".to_owned() }).unwrap();
        assert_eq!(of(&rows::domain_define_xml, &body), Subject::DomainXml("<x/>".to_owned()));
        assert_eq!(of(&rows::connect_get_hostname, b""), Subject::Nothing);
        assert!(Subject::of_call(&rows::domain_shutdown, b"\0").is_err());
        let bodies = crate::qemu::rows::domain_monitor_command.leading;
        assert_eq!(bodies, Leading::Domain);
    }

    #[test]
    fn events_name_it_behind_the_callback_id_or_at_once() {
        let dom = handle();
        let message = remote::DomainEventLifecycleMsg { dom: dom.clone(), event: 1, detail: 0 };
        let body = xdr::to_vec(&message).unwrap();
        let event = Subject::of_event(&rows::domain_event_lifecycle, &body).unwrap();
        assert_eq!(event, Subject::Domain(dom.clone()));
        let keyed = [&5i32.to_be_bytes()[..], &body].concat();
        let event = Subject::of_event(&rows::domain_event_callback_lifecycle, &keyed).unwrap();
        assert_eq!(event, Subject::Domain(dom));
    }

    #[test]
    fn every_rule_about_a_domain_has_one_to_look_at() {
        // What these are about is known only when a file or another host has been read.
        let later = |name: &str| {
            name == "domain_restore"
                || name == "domain_restore_flags"
                || name == "domain_restore_params"
                || name.starts_with("domain_save_image")
                || name.starts_with("domain_migrate")
                || name == "connect_domain_xml_from_native"
                || name == "domain_attach"
        };
        let xml = |name: &str| name.contains("_xml") || name.starts_with("domain_lookup");
        for meta in (1..=456).filter_map(remote::meta) {
            if meta.access.iter().any(|rule| rule.object == "domain") && !later(meta.name) && !xml(meta.name)
            {
                assert!(matches!(meta.leading, Leading::Domain | Leading::InDomain), "{}", meta.name);
            }
        }
    }
}
