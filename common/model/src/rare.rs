//! A part that most definitions leave out, and that then takes one word.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use crate::domain::cputune::CpuTune;
use crate::domain::device::audio::AudioDirection;
use crate::domain::device::controller::{ControllerDriver, PciExtra};
use crate::domain::device::disk::IoTune;
use crate::domain::device::info::InfoExtra;
use crate::domain::device::interface::{InterfaceBackend, InterfaceDriver};
use crate::domain::idmap::IdMap;
use crate::domain::memory::{MemTune, MemoryBacking};
use crate::domain::numatune::NumaTune;
use crate::domain::os::Init;
use crate::domain::tune::BlkioTune;

/// A part that reads as [`Part::absent`] until something is written to it. A host holds thousands of definitions, of
/// which hardly one limits its disks or pins its vCPUs.
pub struct Rare<T>(Option<Box<T>>);

/// What can be a [`Rare`] part.
pub trait Part: Clone + Default + PartialEq + 'static {
    /// The default value, for all who leave the part out.
    fn absent() -> &'static Self;
}

/// One default value per type, made when it is first asked for.
macro_rules! parts {
    ($($type:ty),+ $(,)?) => {
        $(impl Part for $type {
            fn absent() -> &'static Self {
                static ABSENT: LazyLock<$type> = LazyLock::new(Default::default);
                &ABSENT
            }
        })+
    };
}

parts! {
    AudioDirection, BlkioTune, ControllerDriver, CpuTune, IdMap, InfoExtra, Init, InterfaceBackend, InterfaceDriver, IoTune,
    MemTune, MemoryBacking, NumaTune, PciExtra,
}

impl<T: Part> From<T> for Rare<T> {
    fn from(part: T) -> Self {
        Self((part != *T::absent()).then(|| Box::new(part)))
    }
}

impl<T: Part> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::absent())
    }
}

impl<T: Part> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> Clone for Rare<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Part> PartialEq for Rare<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Part + Eq> Eq for Rare<T> {}

impl<T: Part + fmt::Debug> fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_the_default_until_written() {
        let mut part = Rare::<MemTune>::default();
        assert_eq!(part.hard_limit, None);
        part.hard_limit = Some(7);
        assert_eq!(part.hard_limit, Some(7));
        assert_ne!(part, Rare::default());
        part.hard_limit = None;
        assert_eq!(part, Rare::default(), "a default that was written down is the default");
    }

    #[test]
    fn takes_a_word_when_absent() {
        assert_eq!(size_of::<Rare<CpuTune>>(), size_of::<usize>());
        assert!(Rare::from(MemTune::default()).0.is_none());
        assert!(Rare::from(MemTune { hard_limit: Some(1), ..MemTune::default() }).0.is_some());
    }
}
