//! `<lease>`: a lock that a lock manager holds while the guest runs.

use super::DeviceXml;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Lock space it belongs to.
    pub lockspace: Option<String>,
    /// Name.
    pub key: String,
    /// File that holds it.
    pub path: String,
    /// Where in the file, in bytes.
    pub offset: u64,
}

impl DeviceXml for Lease {
    const ELEMENT: &'static str = "lease";

    fn parse(element: &Element, _: &ParseOptions) -> Result<Self, XmlError> {
        let key =
            element.child_text("key").ok_or_else(|| XmlError::xml("Missing 'key' element for lease"))?;
        let missing = || XmlError::internal("Missing 'lockspace' element for lease");
        let lockspace = element.child_text("lockspace").ok_or_else(missing)?;
        let target = element.child("target");
        let path = target.and_then(|t| t.attr("path"));
        Ok(Self {
            // The reference fails without a lock space, though it says nothing of it.
            lockspace: Some(lockspace),
            key,
            path: path.ok_or_else(|| XmlError::xml("Missing 'target' element for lease"))?.to_owned(),
            offset: target.map(|t| t.attr_num("offset")).transpose()?.flatten().unwrap_or_default(),
        })
    }

    fn format(&self, w: &mut Writer, _: &FormatOptions) {
        w.start("lease");
        w.text_element_opt("lockspace", self.lockspace.as_ref());
        w.text_element("key", &self.key);
        w.start("target").attr("path", &self.path);
        w.attr_opt("offset", Some(self.offset).filter(|o| *o > 0)).end();
        w.end();
    }
}
