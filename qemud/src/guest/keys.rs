//! Pressing keys: numbers of libvirt's code sets become those that QEMU's `send-key` takes.

use ::driver::jobs::Job;
use protocol::remote::{DomainInjectNmiArgs, DomainSendKeyArgs};
use protocol::{ErrorDomain, Fault};

use crate::driver::{Driver, no_flags};
use crate::process::control::active_monitor;

/// The sets by number (`virKeycodeSet`). The last one is QEMU's own, also known as "rfb".
const SETS: [&str; 10] =
    ["linux", "xt", "atset1", "atset2", "atset3", "os_x", "xt_kbd", "usb", "win32", "qnum"];
/// The runs of keys of every set but the last; the file says how they are written.
const TABLES: &str = include_str!("keycodes.txt");

/// Press keys together and let them go after the hold time in milliseconds (procedure 226, QMP `send-key`).
pub async fn send(driver: &Driver, args: DomainSendKeyArgs) -> Result<(), Fault> {
    no_flags("virDomainSendKey", args.flags)?;
    let domain = driver.domain(&args.dom)?;
    let set = usize::try_from(args.codeset).ok().and_then(|set| SETS.get(set));
    let set = *set.ok_or_else(|| {
        let detail = format!("Unsupported codeset '{}'", args.codeset);
        Fault::invalid_arg(ErrorDomain::DOMAIN, detail)
    })?;
    if args.keycodes.is_empty() {
        return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, "keycodes must not be empty"));
    }
    let keys = args.keycodes.iter().map(|code| translate(set, *code)).collect::<Result<Vec<_>, _>>()?;
    let _job = domain.begin(Job::Modify, "virDomainSendKey").await?;
    let monitor = active_monitor(&domain)?;
    monitor.send_key(&keys, args.holdtime).await.map_err(Fault::from)
}

/// Send the guest's processors a non-maskable interrupt (procedure 210, QMP `inject-nmi`).
pub async fn inject_nmi(driver: &Driver, args: DomainInjectNmiArgs) -> Result<(), Fault> {
    no_flags("virDomainInjectNMI", args.flags)?;
    let domain = driver.domain(&args.dom)?;
    let _job = domain.begin(Job::Modify, "virDomainInjectNMI").await?;
    let monitor = active_monitor(&domain)?;
    monitor.inject_nmi().await.map_err(Fault::from)
}

fn translate(set: &str, code: u32) -> Result<u32, Fault> {
    number(set, code).ok_or_else(|| {
        let detail = format!("cannot translate keycode {code} of {set} codeset to qnum keycode");
        Fault::internal(ErrorDomain::QEMU, detail)
    })
}

/// QEMU's number of a key; 0 for one that the set knows and a PC's keyboard does not have.
fn number(set: &str, code: u32) -> Option<u32> {
    if set == "qnum" {
        return Some(code);
    }
    let lines = TABLES.lines().filter(|line| !line.starts_with('#'));
    let mut words = lines.flat_map(str::split_ascii_whitespace);
    words.by_ref().find(|word| word.split(',').any(|name| name == set))?;
    // Names begin with a letter, runs with a digit.
    words.take_while(|word| word.starts_with(|c: char| c.is_ascii_digit())).find_map(|run| in_run(run, code))
}

/// The number of the key in one run, if it is there.
fn in_run(run: &str, code: u32) -> Option<u32> {
    let (codes, first_number) = run.split_once(['=', ':'])?;
    let (first, last) = codes.split_once('-').unwrap_or((codes, codes));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    let place = (first..=last).contains(&code).then(|| code - first)?;
    if run.contains(':') { Some(0) } else { Some(first_number.parse::<u32>().ok()? + place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_every_set() {
        // Escape, the right control key, the key with the down arrow.
        let keys = [
            ("linux", [1, 97, 108]),
            ("xt", [1, 0xe01d, 0xe050]),
            ("atset1", [1, 0xe01d, 0xe050]),
            ("atset2", [118, 0xe014, 0xe072]),
            ("atset3", [8, 88, 96]),
            ("os_x", [53, 62, 125]),
            ("xt_kbd", [1, 285, 336]),
            ("usb", [41, 228, 81]),
            ("win32", [27, 163, 40]),
            ("qnum", [1, 157, 208]),
        ];
        for (set, codes) in keys {
            assert_eq!(codes.map(|code| number(set, code)), [Some(1), Some(157), Some(208)], "{set}");
        }
    }

    #[test]
    fn what_is_no_key() {
        assert_eq!(number("linux", 249), Some(0), "a key that no PC keyboard has");
        assert_eq!(number("linux", 70_000), None);
        assert_eq!(number("xt", 0x9d), None);
        assert_eq!(number("usb", 300), None);
        assert_eq!(number("xt_kbd", 128), None);
        assert_eq!(number("qnum", 4711), Some(4711));
        assert_eq!(number("linux", u32::MAX), None);
    }

    #[test]
    fn every_run_is_well_formed() {
        let mut sets = 0;
        for word in TABLES.lines().filter(|l| !l.starts_with('#')).flat_map(str::split_ascii_whitespace) {
            if word.starts_with(|c: char| c.is_ascii_digit()) {
                let first = word.split(['-', '=', ':']).next().unwrap().parse().unwrap();
                assert!(in_run(word, first).is_some_and(|number| number < 256), "{word}");
            } else {
                assert!(word.split(',').all(|name| SETS.contains(&name)), "{word}");
                sets += 1;
            }
        }
        assert_eq!(sets, 8, "xt and atset1 are one, qnum needs none");
    }
}
