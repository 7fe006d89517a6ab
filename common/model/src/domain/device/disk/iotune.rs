//! `<iotune>`: limits of throughput.

use super::{IoTune, Rate};
use crate::xml::{Element, Writer, XmlError};

/// The element's children for one figure: prefix of the direction, quantity and kind.
const DIRECTIONS: [&str; 3] = ["total", "read", "write"];

impl IoTune {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn parse(&mut self, element: &Element) -> Result<(), XmlError> {
        for (suffix, rate) in self.rates() {
            *rate = Rate::parse(element, suffix)?;
        }
        self.size_iops_sec = number(element, "size_iops_sec")?;
        self.group_name = element.child_text("group_name");
        self.check()
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("iotune");
        let mut copy = self.clone();
        for (i, (suffix, rate)) in copy.rates().into_iter().enumerate() {
            if i == 4 {
                w.text_element_opt("size_iops_sec", Some(self.size_iops_sec).filter(|n| *n > 0));
                w.text_element_opt("group_name", self.group_name.as_ref());
            }
            rate.format(w, suffix);
        }
        w.end_or_drop();
    }

    /// The groups of figures in the order of output, with the ends of their names.
    fn rates(&mut self) -> [(&'static str, &mut Rate); 6] {
        [
            ("bytes_sec", &mut self.bytes.rate),
            ("iops_sec", &mut self.iops.rate),
            ("bytes_sec_max", &mut self.bytes.max),
            ("iops_sec_max", &mut self.iops.max),
            ("bytes_sec_max_length", &mut self.bytes.max_length),
            ("iops_sec_max_length", &mut self.iops.max_length),
        ]
    }

    fn check(&self) -> Result<(), XmlError> {
        for (suffix, rate) in [
            ("bytes_sec", self.bytes.rate),
            ("iops_sec", self.iops.rate),
            ("bytes_sec_max", self.bytes.max),
            ("iops_sec_max", self.iops.max),
        ] {
            if rate.total > 0 && (rate.read > 0 || rate.write > 0) {
                let text = format!("total and read/write {suffix} cannot be set at the same time");
                return Err(XmlError::xml(text));
            }
        }
        Ok(())
    }
}

impl Rate {
    fn parse(element: &Element, suffix: &str) -> Result<Self, XmlError> {
        let [total, read, write] = DIRECTIONS.map(|d| number(element, &format!("{d}_{suffix}")));
        Ok(Self { total: total?, read: read?, write: write? })
    }

    fn format(&self, w: &mut Writer, suffix: &str) {
        for (direction, value) in DIRECTIONS.iter().zip([self.total, self.read, self.write]) {
            if value > 0 {
                w.text_element(&format!("{direction}_{suffix}"), value);
            }
        }
    }
}

fn number(element: &Element, name: &str) -> Result<u64, XmlError> {
    let Some(text) = element.child_text(name) else { return Ok(0) };
    text.trim().parse().map_err(|_| XmlError::xml(format!("disk iotune field '{name}' must be an integer")))
}
