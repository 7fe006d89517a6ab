//! The user database: names, numbers and groups. Lookups may ask the network (NSS): blocking.

use std::ffi::CString;
use std::path::PathBuf;

use nix::unistd::{Gid, Group, Uid, User as Record, getgrouplist};

use crate::{Error, Result};

/// An entry of the user database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Number of the user.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// Home directory.
    pub home: PathBuf,
}

/// The user with this number.
pub fn by_uid(uid: u32) -> Result<Option<User>> {
    Record::from_uid(Uid::from_raw(uid)).map(convert).map_err(failed)
}

/// The user with this name.
pub fn by_name(name: &str) -> Result<Option<User>> {
    Record::from_name(name).map(convert).map_err(failed)
}

/// Name of the group with this number.
pub fn group_by_gid(gid: u32) -> Result<Option<String>> {
    Group::from_gid(Gid::from_raw(gid)).map(|group| group.map(|group| group.name)).map_err(failed)
}

/// Number of the group with this name.
pub fn group_by_name(name: &str) -> Result<Option<u32>> {
    Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())).map_err(failed)
}

/// All groups of the user with this number: its own, those it is a member of, and `gid`; only `gid` for a user
/// without an entry.
pub fn groups_of(uid: u32, gid: u32) -> Result<Vec<u32>> {
    let Some(user) = by_uid(uid)? else { return Ok(vec![gid]) };
    let name = CString::new(user.name).map_err(|error| Error::system("look up groups")(error.into()))?;
    let groups = getgrouplist(&name, Gid::from_raw(user.gid)).map_err(failed)?;
    let mut groups: Vec<u32> = groups.into_iter().map(Gid::as_raw).collect();
    if !groups.contains(&gid) {
        groups.push(gid);
    }
    Ok(groups)
}

/// Number of a user given by name or number; "+107" is always a number (qemu.conf, DAC labels).
/// None where a name is not known.
pub fn resolve(text: &str) -> Result<Option<u32>> {
    numbered(text, |name| Ok(by_name(name)?.map(|user| user.uid)))
}

/// Number of a group given by name or number, as [`resolve`].
pub fn resolve_group(text: &str) -> Result<Option<u32>> {
    numbered(text, group_by_name)
}

fn numbered(text: &str, lookup: impl Fn(&str) -> Result<Option<u32>>) -> Result<Option<u32>> {
    if let Some(digits) = text.strip_prefix('+') {
        return Ok(digits.parse().ok());
    }
    // A name of digits is a name first.
    Ok(lookup(text)?.or_else(|| text.parse().ok()))
}

fn convert(record: Option<Record>) -> Option<User> {
    record.map(|r| User { name: r.name, uid: r.uid.as_raw(), gid: r.gid.as_raw(), home: r.dir })
}

fn failed(errno: nix::Error) -> Error {
    Error::system("read the user database")(errno.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_both_ways() {
        let root = by_uid(0).unwrap().unwrap();
        assert_eq!(by_name(&root.name).unwrap().unwrap(), root);
        assert_eq!(group_by_name(&group_by_gid(0).unwrap().unwrap()).unwrap(), Some(0));
        assert!(groups_of(0, 0).unwrap().contains(&0));
        assert!(
            groups_of(0, 4711).unwrap().starts_with(&[0]) && groups_of(0, 4711).unwrap().ends_with(&[4711])
        );
    }

    #[test]
    fn unknown_users_are_none_not_errors() {
        assert_eq!(by_name("no-such-user-here").unwrap(), None);
        assert_eq!(resolve("no-such-user-here").unwrap(), None);
        assert_eq!(groups_of(3_999_999_999, 7).unwrap(), [7]);
    }

    #[test]
    fn plus_forces_a_number() {
        assert_eq!(resolve("+64055").unwrap(), Some(64055));
        assert_eq!(resolve("64056000").unwrap(), Some(64_056_000));
        assert_eq!(resolve("+root").unwrap(), None);
        assert_eq!(resolve("root").unwrap(), Some(0));
    }
}
