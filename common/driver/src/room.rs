//! How much of an answer a client has room for: checked against the bounds of the reply before the domain is looked for,
//! as the reference does it. The two forms differ in their code alone.

use protocol::{ErrorCode, ErrorDomain, Fault};

/// Room for entries of one of the older lists: error 39.
pub fn of_list(given: i32, max: usize, what: &str) -> Result<usize, Fault> {
    checked(given, max)
        .map_err(|why| Fault::new(ErrorDomain::RPC, ErrorCode::RPC, format!("{what} {given} {why}")))
}

/// Room for parameters or figures: error 1.
pub fn of_figures(given: i32, max: usize, what: &str) -> Result<usize, Fault> {
    checked(given, max).map_err(|why| Fault::internal(ErrorDomain::RPC, format!("{what} {given} {why}")))
}

fn checked(given: i32, max: usize) -> Result<usize, String> {
    let room = usize::try_from(given).map_err(|_| "must not be negative".to_owned())?;
    if room <= max { Ok(room) } else { Err(format!("is larger than {max}")) }
}
