//! Typed parameters of the admin program: which there are, and what is wrong with others.

use protocol::admin::{TypedParam, TypedParamValue};
use protocol::{ErrorCode, ErrorDomain, Fault};

/// Fields of a server's workers (`VIR_THREADPOOL_*`).
pub(super) const MIN_WORKERS: &str = "minWorkers";
pub(super) const MAX_WORKERS: &str = "maxWorkers";
pub(super) const PRIO_WORKERS: &str = "prioWorkers";
pub(super) const WORKERS: &str = "nWorkers";
pub(super) const FREE_WORKERS: &str = "freeWorkers";
pub(super) const QUEUED_CALLS: &str = "jobQueueDepth";

/// Fields of a server's clients (`VIR_SERVER_CLIENTS_*`).
pub(super) const MAX_CLIENTS: &str = "nclients_max";
pub(super) const CLIENTS: &str = "nclients";
pub(super) const MAX_STRANGERS: &str = "nclients_unauth_max";
pub(super) const STRANGERS: &str = "nclients_unauth";

/// What was given for each of `known`, in that order. All of them are unsigned numbers; each may be given once.
pub(super) fn unsigned<const N: usize>(
    params: &[TypedParam],
    known: [&str; N],
) -> Result<[Option<u32>; N], Fault> {
    let mut values = [None; N];
    for TypedParam { field, value } in params {
        let Some((_, place)) = known.iter().zip(&mut values).find(|(name, _)| **name == field) else {
            let detail = format!("parameter '{field}' not supported");
            return Err(Fault::new(ErrorDomain::NONE, ErrorCode::ARGUMENT_UNSUPPORTED, detail));
        };
        let TypedParamValue::Uint(number) = value else {
            let detail =
                format!("invalid type '{}' for parameter '{field}', expected 'uint'", type_name(value));
            return Err(Fault::invalid_arg(ErrorDomain::NONE, detail));
        };
        if place.replace(*number).is_some() {
            let detail = format!("parameter '{field}' occurs multiple times");
            return Err(Fault::invalid_arg(ErrorDomain::NONE, detail));
        }
    }
    Ok(values)
}

fn type_name(value: &TypedParamValue) -> &'static str {
    match value {
        TypedParamValue::Int(_) => "int",
        TypedParamValue::Uint(_) => "uint",
        TypedParamValue::Llong(_) => "llong",
        TypedParamValue::Ullong(_) => "ullong",
        TypedParamValue::Double(_) => "double",
        TypedParamValue::Boolean(_) => "boolean",
        TypedParamValue::String(_) => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_field_may_be_given_once() {
        let one = |field: &str, value: u32| TypedParam::new(field, value);
        let known = [MIN_WORKERS, MAX_WORKERS];
        assert_eq!(unsigned(&[one(MAX_WORKERS, 7)], known).unwrap(), [None, Some(7)]);
        let refused = |params: &[TypedParam]| {
            let fault = unsigned(params, known).unwrap_err();
            (fault.code, fault.message)
        };
        let (code, text) = refused(&[one("bogus", 1)]);
        assert_eq!(code, ErrorCode::ARGUMENT_UNSUPPORTED);
        assert_eq!(text, "argument unsupported: parameter 'bogus' not supported");
        let (code, text) = refused(&[TypedParam::new(MIN_WORKERS, 1_i32)]);
        assert_eq!(code, ErrorCode::INVALID_ARG);
        assert_eq!(text, "invalid argument: invalid type 'int' for parameter 'minWorkers', expected 'uint'");
        let (_, text) = refused(&[one(MIN_WORKERS, 1), one(MIN_WORKERS, 1)]);
        assert_eq!(text, "invalid argument: parameter 'minWorkers' occurs multiple times");
    }
}
