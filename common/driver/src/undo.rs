//! Undoing the steps of a compound operation that failed half-way.
//!
//! Every step that leaves something behind pushes how to take it back. When a later step fails, all are run,
//! last first; one that fails does not stop the rest and does not hide the first cause.

use std::future::Future;
use std::pin::Pin;

type Step = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send>;

/// The way back of an operation in progress. Dropping it undoes nothing: say [`disarm`](Self::disarm) when the
/// operation has succeeded, [`run`](Self::run) when it has not.
#[derive(Default)]
#[must_use]
pub struct Undo {
    steps: Vec<(&'static str, Step)>,
}

impl Undo {
    /// Nothing to undo yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remember how to take back what was just done; `what` names it for the log.
    pub fn push<F, Fut>(&mut self, what: &'static str, step: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.steps.push((what, Box::new(move || Box::pin(step()))));
    }

    /// The operation has succeeded: forget the way back.
    pub fn disarm(mut self) {
        self.steps.clear();
    }

    /// Take everything back, last step first. Returns what could not be undone, a line each.
    pub async fn run(self) -> Vec<String> {
        let mut left_behind = Vec::new();
        for (what, step) in self.steps.into_iter().rev() {
            if let Err(error) = step().await {
                left_behind.push(format!("{what}: {error}"));
            }
        }
        left_behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[tokio::test]
    async fn last_first_and_on_after_an_error() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut undo = Undo::new();
        for n in 0..3 {
            let seen = Arc::clone(&seen);
            undo.push("step", move || async move {
                seen.lock().unwrap().push(n);
                if n == 1 { Err("no".to_owned()) } else { Ok(()) }
            });
        }
        assert_eq!(undo.run().await, ["step: no"]);
        assert_eq!(*seen.lock().unwrap(), [2, 1, 0]);
    }
}
