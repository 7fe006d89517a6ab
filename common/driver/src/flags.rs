//! Flags of a call: from the number on the wire to a typed set, checked as the reference checks them.

use protocol::consts::FlagSet;
use protocol::{ErrorDomain, Fault};

/// The flags that a call got, as a set; bits outside `known` are refused. `api` names the call in the error.
pub fn check<F: FlagSet>(domain: ErrorDomain, api: &str, bits: u32, known: F) -> Result<F, Fault> {
    none_but(domain, api, bits, known.bits()).map(|()| F::from_bits_retain(bits))
}

/// Refuse every bit, for calls whose flags are there for the future only.
pub fn none(domain: ErrorDomain, api: &str, bits: u32) -> Result<(), Fault> {
    none_but(domain, api, bits, 0)
}

/// Refuse two flags that exclude each other.
pub fn exclusive<F: FlagSet>(domain: ErrorDomain, flags: F, one: F, other: F) -> Result<(), Fault> {
    if flags.contains(one) && flags.contains(other) {
        let (one, other) = (one.libvirt_names(), other.libvirt_names());
        let detail = format!("flags '{one}' and '{other}' are mutually exclusive");
        return Err(Fault::invalid_arg(domain, detail));
    }
    Ok(())
}

fn none_but(domain: ErrorDomain, api: &str, bits: u32, known: u32) -> Result<(), Fault> {
    match bits & !known {
        0 => Ok(()),
        unknown => {
            let detail = format!("unsupported flags (0x{unknown:x}) in function {api}");
            Err(Fault::invalid_arg(domain, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::consts::DomainModificationImpact as Affect;

    use super::*;

    #[test]
    fn unknown_bits_are_named() {
        let refused = check(ErrorDomain::QEMU, "f", 0x102, Affect::all()).unwrap_err();
        assert_eq!(refused.code, protocol::ErrorCode::INVALID_ARG);
        assert!(refused.message.contains("unsupported flags (0x100) in function f"), "{}", refused.message);
        assert_eq!(check(ErrorDomain::QEMU, "f", 3, Affect::all()).unwrap(), Affect::LIVE | Affect::CONFIG);
        assert!(none(ErrorDomain::QEMU, "f", 1).is_err());
    }

    #[test]
    fn both_of_two_are_refused_by_name() {
        let both = Affect::LIVE | Affect::CONFIG;
        let refused = exclusive(ErrorDomain::QEMU, both, Affect::LIVE, Affect::CONFIG).unwrap_err();
        assert!(refused.message.contains("'VIR_DOMAIN_AFFECT_LIVE'"), "{}", refused.message);
        assert!(exclusive(ErrorDomain::QEMU, Affect::LIVE, Affect::LIVE, Affect::CONFIG).is_ok());
    }
}
