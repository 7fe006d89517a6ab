//! `<virtualport>`: reading, writing, which parameters go with which type.

use uuid::Uuid;

use super::link::{VirtualPort, VirtualPortType};
use crate::Token;
use crate::xml::{Element, Scope, Writer, XmlError};

impl VirtualPort {
    /// Reads `<virtualport>`.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let mut port = Self { ..Self::default() };
        if let Some(word) = element.attr("type") {
            let unknown =
                || XmlError::unsupported(format!("unknown virtualport type {word}")).scoped(Scope::None);
            let kind = VirtualPortType::from_word(word).filter(|k| *k != VirtualPortType::None);
            port.kind = Some(kind.ok_or_else(unknown)?);
        }
        if let Some(parameters) = element.child("parameters") {
            port.parse_parameters(parameters)?;
        }
        if let Some((kind, extra)) = port.kind.zip(port.extra()) {
            let text = format!("extra {extra} unsupported in <virtualport type='{kind}'>");
            return Err(XmlError::xml(text).scoped(Scope::None));
        }
        if let Some(missing) = port.missing() {
            let text = format!("missing {missing} in <virtualport> of this type");
            return Err(XmlError::xml(text).scoped(Scope::None));
        }
        Ok(port)
    }

    /// Writes `<virtualport>`; nothing when it says nothing.
    pub fn format(&self, w: &mut Writer) {
        w.start("virtualport").attr_opt("type", self.kind.filter(|k| *k != VirtualPortType::None));
        w.start("parameters")
            .attr_opt("managerid", self.manager_id)
            .attr_opt("typeid", self.type_id)
            .attr_opt("typeidversion", self.type_id_version)
            .attr_opt("instanceid", self.instance_id)
            .attr_opt("interfaceid", self.interface_id)
            .attr_opt("profileid", self.profile_id.as_ref())
            .end_or_drop();
        w.end_or_drop();
    }

    fn parse_parameters(&mut self, parameters: &Element) -> Result<(), XmlError> {
        let number = |name: &str, limit: u32| match parameters.attr(name) {
            None => Ok(None),
            Some(text) => {
                let value: Option<u32> = parameters.attr_num_any_base(name).ok().flatten();
                let bad =
                    || XmlError::xml(format!("value of {name} out of range: '{text}'")).scoped(Scope::None);
                value.filter(|n| *n <= limit).map(Some).ok_or_else(bad)
            }
        };
        let uuid = |name: &str| match parameters.attr(name) {
            None => Ok(None),
            Some(text) => Uuid::parse_str(text).map(Some).map_err(|_| {
                XmlError::xml(format!("cannot parse {name} parameter as a uuid")).scoped(Scope::None)
            }),
        };
        self.manager_id = number("managerid", 0xff)?.map(|n| n as u8);
        self.type_id = number("typeid", 0xff_ffff)?;
        self.type_id_version = number("typeidversion", 0xff)?.map(|n| n as u8);
        self.instance_id = uuid("instanceid")?;
        self.interface_id = uuid("interfaceid")?;
        self.profile_id = parameters.attr_string("profileid");
        if self.profile_id.as_ref().is_some_and(|p| p.len() >= PROFILE_LIMIT) {
            return Err(XmlError::xml("profileid parameter too long").scoped(Scope::None));
        }
        Ok(())
    }

    /// What this type does not have.
    fn extra(&self) -> Option<&'static str> {
        let kind = self.kind?;
        let qbg = kind == VirtualPortType::Qbg;
        let profile = matches!(kind, VirtualPortType::Qbh | VirtualPortType::OpenVswitch);
        let interface = matches!(kind, VirtualPortType::OpenVswitch | VirtualPortType::Midonet);
        let unwanted = [
            ("managerid", self.manager_id.is_some() && !qbg),
            ("typeid", self.type_id.is_some() && !qbg),
            ("typeidversion", self.type_id_version.is_some() && !qbg),
            ("instanceid", self.instance_id.is_some() && !qbg),
            ("profileid", self.profile_id.is_some() && !profile),
            ("interfaceid", self.interface_id.is_some() && !interface),
        ];
        unwanted.iter().find(|(_, unwanted)| *unwanted).map(|(name, _)| *name)
    }

    /// What this type cannot do without.
    fn missing(&self) -> Option<&'static str> {
        match self.kind? {
            VirtualPortType::Qbg if self.manager_id.is_none() => Some("managerid"),
            VirtualPortType::Qbg if self.type_id.is_none() => Some("typeid"),
            VirtualPortType::Qbg if self.type_id_version.is_none() => Some("typeidversion"),
            VirtualPortType::Qbh if self.profile_id.is_none() => Some("profileid"),
            VirtualPortType::Midonet if self.interface_id.is_none() => Some("interfaceid"),
            _ => None,
        }
    }
}

/// Bytes that the reference keeps of a profile name, its end included.
const PROFILE_LIMIT: usize = 40;
