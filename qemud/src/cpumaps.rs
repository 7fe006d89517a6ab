//! Sets of host CPUs as clients get them: one bit per CPU, the first in the lowest bit of the first byte.

use model::bitmap::Bitmap;
use model::domain::Domain as Definition;
use protocol::limits::{CPUMAPS_MAX, VCPUINFO_MAX};
use protocol::{ErrorDomain, Fault};

/// Room that a client has for maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How many maps.
    pub maps: usize,
    /// Bytes of each.
    pub bytes: usize,
}

impl Room {
    /// What a client says it has, within the bounds of a reply.
    pub fn checked(maps: i32, bytes: i32) -> Result<Self, Fault> {
        let (maps_given, bytes_given) = (maps, bytes);
        let room = usize::try_from(maps).ok().zip(usize::try_from(bytes).ok());
        let fits = |(maps, bytes): &(usize, usize)| {
            *maps <= VCPUINFO_MAX && maps.checked_mul(*bytes).is_some_and(|all| all <= CPUMAPS_MAX)
        };
        let (maps, bytes) = room.filter(fits).ok_or_else(|| {
            let detail = format!("{maps_given} CPU maps of {bytes_given} bytes are too many");
            Fault::internal(ErrorDomain::RPC, detail)
        })?;
        Ok(Self { maps, bytes })
    }
}

/// A set as a map of so many bytes; CPUs beyond it are left out.
pub fn map(cpus: impl IntoIterator<Item = u32>, bytes: usize) -> Vec<u8> {
    let mut map = vec![0u8; bytes];
    for cpu in cpus {
        if let Some(byte) = map.get_mut(cpu as usize / 8) {
            *byte |= 1 << (cpu % 8);
        }
    }
    map
}

/// The CPUs that a definition gives a thread which has this pin: its own, else those of all vCPUs, else all.
pub fn pinned<'d>(definition: &'d Definition, pin: Option<&'d Bitmap>, all: &[u32]) -> Vec<u32> {
    let chosen = pin.or(definition.vcpus.cpuset.as_ref());
    chosen.map_or_else(|| all.to_vec(), |set| set.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_bounds() {
        assert_eq!(map([0, 9, 100], 2), [1, 2]);
        assert!(map([0], 0).is_empty());
        assert_eq!(Room::checked(2, 1).unwrap(), Room { maps: 2, bytes: 1 });
        for (maps, bytes) in [(-1, 1), (1, -1), (i32::MAX, 1), (16_384, 4_096)] {
            assert!(Room::checked(maps, bytes).is_err(), "{maps} {bytes}");
        }
    }
}
