//! Sets of small numbers as libvirt writes them: `0-3,5,^2`.

use std::collections::BTreeSet;
use std::fmt;

use crate::xml::XmlError;

/// A set of CPU, node or vCPU numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitmap(BTreeSet<u32>);

/// One more than the largest number that a set from XML may hold (libvirt's `VIR_DOMAIN_CPUMASK_LEN`).
pub const MAX: u32 = 16384;

impl Bitmap {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a comma separated list of numbers, ranges (`a-b`) and exclusions (`^a`).
    ///
    /// Fails with `VIR_ERR_INVALID_ARG`. Numbers stay below [`MAX`].
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        Self::read(text).ok_or_else(|| XmlError::invalid(format!("Failed to parse bitmap '{text}'")))
    }

    /// Is `number` in the set?
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains(&number)
    }

    /// Adds `number`.
    pub fn insert(&mut self, number: u32) {
        self.0.insert(number);
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No number at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        self.0.last().copied()
    }

    /// Do both have a number in common?
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    fn read(text: &str) -> Option<Self> {
        let mut set = BTreeSet::new();
        for part in text.split(',') {
            let part = part.trim();
            if let Some(excluded) = part.strip_prefix('^') {
                set.remove(&number(excluded)?);
                continue;
            }
            match part.split_once('-') {
                None => _ = set.insert(number(part)?),
                Some((from, to)) => {
                    let (from, to) = (number(from)?, number(to)?);
                    if from > to {
                        return None;
                    }
                    set.extend(from..=to);
                }
            }
        }
        Some(Self(set))
    }
}

impl FromIterator<u32> for Bitmap {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl fmt::Display for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.iter().peekable();
        let mut first = true;
        while let Some(from) = numbers.next() {
            let mut to = from;
            while let Some(next) = numbers.next_if_eq(&(to + 1)) {
                to = next;
            }
            let comma = if first { "" } else { "," };
            first = false;
            if from == to { write!(f, "{comma}{from}")? } else { write!(f, "{comma}{from}-{to}")? }
        }
        Ok(())
    }
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && *n < MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_exclusions() {
        let set = Bitmap::parse("0-3, 5,^2,7-8").unwrap();
        assert_eq!(set.to_string(), "0-1,3,5,7-8");
        assert_eq!(set.len(), 6);
        for bad in ["", "x", "3-1", "0-99999999999", "16384", "1,,2", "-1"] {
            assert!(Bitmap::parse(bad).is_err(), "{bad:?}");
        }
    }
}
