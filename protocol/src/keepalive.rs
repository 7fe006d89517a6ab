//! Keepalive: either side asks whether the other is alive. Messages of kind `Message` with serial 0 and no
//! body, allowed once the client asked for feature 10; the answer comes at once and waits for no worker.

use crate::Meta;
use crate::procedure::{Family, Index, index};

/// Number of the program.
pub const PROGRAM: u32 = 0x6b65_6570;
/// Version of the program.
pub const VERSION: u32 = 1;
/// Serial of every message.
pub const SERIAL: u32 = 0;

static TABLE: Index<3> = index(&[EVENTS]);

/// Both rows.
pub static EVENTS: &[&Meta] = &[&rows::ping, &rows::pong];

/// The row of a message.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

/// What is known about each message, under its name.
#[expect(non_upper_case_globals, reason = "named as the messages are")]
pub mod rows {
    use super::{Family, Meta, PROGRAM};

    /// Asks.
    pub static ping: Meta = Meta::row(PROGRAM, Family::Keepalive, 1, "ping", "").event().before_auth();
    /// Answers.
    pub static pong: Meta = Meta::row(PROGRAM, Family::Keepalive, 2, "pong", "").event().before_auth();
}
