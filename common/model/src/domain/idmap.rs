//! `idmap`: users and groups of a container as the host sees them.

use crate::xml::{Element, Writer, XmlError};

/// Mapped ranges, in order of their start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMap {
    /// Of users.
    pub uid: Vec<IdRange>,
    /// Of groups.
    pub gid: Vec<IdRange>,
}

/// `count` ids from `start` inside are those from `target` outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// First id inside.
    pub start: u32,
    /// First id outside.
    pub target: u32,
    /// How many.
    pub count: u32,
}

impl IdMap {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let Some(e) = domain.child("idmap") else { return Ok(Self::default()) };
        let map = Self { uid: ranges(e, "uid")?, gid: ranges(e, "gid")? };
        if map.uid.is_empty() != map.gid.is_empty() {
            return Err(XmlError::unsupported("uid and gid should be mapped both"));
        }
        Ok(map)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("idmap");
        for (name, ranges) in [("uid", &self.uid), ("gid", &self.gid)] {
            for r in ranges {
                w.start(name).attr("start", r.start).attr("target", r.target).attr("count", r.count).end();
            }
        }
        w.end_or_drop();
    }
}

fn ranges(e: &Element, name: &str) -> Result<Vec<IdRange>, XmlError> {
    let mut ranges = Vec::new();
    for r in e.children_named(name) {
        ranges.push(IdRange {
            start: r.require_num("start")?,
            target: r.require_num("target")?,
            count: r.require_num("count")?,
        });
    }
    ranges.sort_by_key(|r| r.start);
    if ranges.first().is_some_and(|r| r.start != 0) {
        return Err(XmlError::xml("You must map the root user of container"));
    }
    Ok(ranges)
}
