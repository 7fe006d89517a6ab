//! Sets of small numbers as libvirt writes them: `0-3,5,^2`.

use std::fmt;

use crate::xml::XmlError;

/// A set of CPU, node or vCPU numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitmap {
    /// 64 numbers each; the last one is never zero.
    words: Vec<u64>,
}

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
        let (word, bit) = place(number);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Adds `number`. The set takes a bit of memory for each number up to the largest.
    pub fn insert(&mut self, number: u32) {
        let (word, bit) = place(number);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    /// Takes `number` out.
    pub fn remove(&mut self, number: u32) {
        let (word, bit) = place(number);
        if let Some(w) = self.words.get_mut(word) {
            *w &= !bit;
        }
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let first = (0..).step_by(64);
        self.words.iter().zip(first).flat_map(|(word, first)| {
            let word = *word;
            (0..64u32).filter(move |bit| word & (1 << bit) != 0).map(move |bit| first + bit)
        })
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// No number at all?
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        let word = self.words.last()?;
        let below = u32::try_from(self.words.len() - 1).ok()? * 64;
        Some(below + 63 - word.leading_zeros())
    }

    /// Do both have a number in common?
    pub fn overlaps(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    fn read(text: &str) -> Option<Self> {
        let mut set = Self::new();
        for part in text.split(',') {
            let part = part.trim();
            if let Some(excluded) = part.strip_prefix('^') {
                set.remove(number(excluded)?);
                continue;
            }
            match part.split_once('-') {
                None => set.insert(number(part)?),
                Some((from, to)) => {
                    let (from, to) = (number(from)?, number(to)?);
                    if from > to {
                        return None;
                    }
                    (from..=to).for_each(|n| set.insert(n));
                }
            }
        }
        Some(set)
    }
}

impl FromIterator<u32> for Bitmap {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::new();
        numbers.into_iter().for_each(|n| set.insert(n));
        set
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

fn place(number: u32) -> (usize, u64) {
    ((number / 64) as usize, 1 << (number % 64))
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
        assert_eq!((set.last(), set.contains(2), set.contains(100)), (Some(8), false, false));
        let big = Bitmap::parse("0,64-130").unwrap();
        assert_eq!((big.to_string().as_str(), big.last()), ("0,64-130", Some(130)));
        assert!(big.overlaps(&set) && !big.overlaps(&Bitmap::parse("1-63").unwrap()));
        assert_eq!(Bitmap::parse("5,^5").unwrap(), Bitmap::new());
        for bad in ["", "x", "3-1", "0-99999999999", "16384", "1,,2", "-1"] {
            assert!(Bitmap::parse(bad).is_err(), "{bad:?}");
        }
    }
}
