//! Proof of the tables and the codec against what was recorded from the reference (`tests/data`), and against
//! bytes that lie.

mod codec;
mod constants;
mod dispatch;
mod golden;
mod hostile;
mod support;
mod tables;
