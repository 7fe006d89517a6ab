//! Rows by number.

use super::Meta;
use crate::{admin, keepalive, lock, log, lxc, qemu, remote};

/// The rows of a program; place 0 is empty, as numbers start at 1.
pub(crate) struct Index<const N: usize>([Option<&'static Meta>; N]);

/// The row of a procedure or event in any of the programs.
pub fn find(program: u32, number: i32) -> Option<&'static Meta> {
    match program {
        remote::PROGRAM => remote::meta(number),
        qemu::PROGRAM => qemu::meta(number),
        lxc::PROGRAM => lxc::meta(number),
        admin::PROGRAM => admin::meta(number),
        keepalive::PROGRAM => keepalive::meta(number),
        log::PROGRAM => log::meta(number),
        lock::PROGRAM => lock::meta(number),
        _ => None,
    }
}

/// Sorts rows by number, while compiling. `N` is the highest number and one; a number that is out of range,
/// doubled or missing fails the build.
pub(crate) const fn index<const N: usize>(lists: &[&[&'static Meta]]) -> Index<N> {
    let mut places = [None; N];
    let mut rows = 0;
    let mut list = 0;
    while list < lists.len() {
        let mut row = 0;
        while row < lists[list].len() {
            let meta = lists[list][row];
            let place = meta.number as usize;
            assert!(place != 0 && places[place].is_none(), "number twice");
            places[place] = Some(meta);
            rows += 1;
            row += 1;
        }
        list += 1;
    }
    assert!(rows == N - 1, "number missing");
    Index(places)
}

impl<const N: usize> Index<N> {
    /// The row of this number.
    pub(crate) fn get(&self, number: i32) -> Option<&'static Meta> {
        *self.0.get(usize::try_from(number).ok()?)?
    }
}
