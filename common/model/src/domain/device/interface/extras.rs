//! Smaller children of an interface: filter, failover pair, forwarded ports.

use super::{FilterRef, PortForward, PortRange, Teaming, TeamingType};
use crate::domain::device::words::supported_token;
use crate::xml::{Element, Writer, XmlError};

impl FilterRef {
    /// None when it names no filter.
    pub(super) fn parse(element: &Element) -> Option<Self> {
        let filter = element.attr("filter")?;
        let mut parameters: Vec<_> = element
            .children_named("parameter")
            .filter_map(|p| Some((p.attr_string("name")?, p.attr_string("value")?)))
            .collect();
        parameters.sort_by(|a, b| a.0.cmp(&b.0));
        Some(Self { filter: filter.to_owned(), parameters })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("filterref").attr("filter", &self.filter);
        for (name, value) in &self.parameters {
            w.start("parameter").attr("name", name).attr("value", value).end();
        }
        w.end();
    }
}

impl Teaming {
    /// Reads `<teaming>`; None when it says nothing.
    pub fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let persistent = element.attr_string("persistent");
        match (supported_token(element, "type", "teaming type")?, persistent) {
            (Some(TeamingType::Persistent), None) => Ok(Some(Self::Persistent)),
            (Some(TeamingType::Transient), Some(persistent)) => Ok(Some(Self::Transient { persistent })),
            (Some(TeamingType::Persistent), Some(_)) => Err(XmlError::unsupported(
                "teaming persistent attribute not allowed if teaming type is 'persistent'",
            )),
            (Some(TeamingType::Transient), None) => Err(XmlError::unsupported(
                "teaming persistent attribute must be set if teaming type is 'transient'",
            )),
            (None, _) => Ok(None),
        }
    }

    /// Writes `<teaming>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("teaming");
        match self {
            Self::Persistent => _ = w.attr("type", TeamingType::Persistent),
            Self::Transient { persistent } => {
                w.attr("type", TeamingType::Transient).attr("persistent", persistent);
            }
        }
        w.end();
    }
}

impl PortForward {
    pub(super) fn parse(element: &Element) -> Result<Self, XmlError> {
        let address = match element.attr("address") {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| XmlError::xml(format!("Invalid address '{text}' in <portForward>")))?,
            ),
        };
        Ok(Self {
            proto: element.require_token("proto")?,
            address,
            dev: element.attr_string("dev"),
            ranges: element.children_named("range").map(PortRange::parse).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("portForward")
            .attr("proto", self.proto)
            .attr_opt("address", self.address)
            .attr_opt("dev", self.dev.as_ref());
        for range in &self.ranges {
            range.format(w);
        }
        w.end();
    }
}

impl PortRange {
    pub(super) fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            start: element.attr_positive("start")?.unwrap_or_default(),
            end: element.attr_positive("end")?.unwrap_or_default(),
            to: element.attr_positive("to")?.unwrap_or_default(),
            exclude: element.attr_yes_no("exclude")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("range")
            .attr_opt("start", Some(self.start).filter(|n| *n > 0))
            .attr_opt("end", Some(self.end).filter(|n| *n > 0))
            .attr_opt("to", Some(self.to).filter(|n| *n > 0))
            .attr_yes_no("exclude", self.exclude)
            .end();
    }
}
