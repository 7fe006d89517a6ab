//! polkit: who may do what on this host, asked over D-Bus (org.freedesktop.PolicyKit1.Authority).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use zbus::{Connection, Variant, proxy};

/// How long an answer without a user's part in it may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long the user may take to prove who it is.
const PROOF: Duration = Duration::from_secs(120);
/// Flag of a question: an agent may ask the user.
const ALLOW_USER_INTERACTION: u32 = 1;
/// The detail of an answer that tells of a user who has closed the agent's window.
const DISMISSED: &str = "polkit.dismissed";

/// What is asked of polkit.
#[proxy(
    interface = "org.freedesktop.PolicyKit1.Authority",
    default_service = "org.freedesktop.PolicyKit1",
    default_path = "/org/freedesktop/PolicyKit1/Authority"
)]
trait Authority {
    /// Whether the subject is allowed the action: (authorized, to be proved first, details).
    fn check_authorization(
        &self,
        subject: &(&str, HashMap<&str, Variant<'_>>),
        action_id: &str,
        details: &HashMap<&str, &str>,
        flags: u32,
        cancellation_id: &str,
    ) -> zbus::Result<(bool, bool, HashMap<String, String>)>;

    /// Takes a question back.
    fn cancel_check_authorization(&self, cancellation_id: &str) -> zbus::Result<()>;
}

/// A process and its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Number of the process.
    pub pid: u32,
    /// Its start, in clock ticks since boot ([`crate::process::start_time`]).
    pub start_time: u64,
    /// Its user.
    pub uid: u32,
}

/// What polkit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is allowed.
    Allowed,
    /// It is not, whatever the user proves.
    Denied,
    /// The user would have to prove who it is, and there is no agent that could ask it.
    NoAgent,
    /// The user would not prove who it is.
    Dismissed,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PolkitError {
    /// The system bus cannot be reached.
    #[error("cannot reach the system bus")]
    Bus(#[source] zbus::Error),
    /// Nobody answers there for polkit, or with an error.
    #[error("polkit does not answer")]
    Service(#[source] zbus::Error),
    /// The answer did not come in time.
    #[error("polkit has not answered for {} seconds", .0.as_secs())]
    Late(Duration),
}

/// A connection to polkit, made at the first question and again after it was lost.
#[derive(Debug, Default)]
pub struct Polkit {
    connection: Mutex<Option<Connection>>,
    questions: AtomicU64,
}

impl Polkit {
    /// No connection yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks whether the subject may do `action`, about what `details` say.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn check(
        &self,
        subject: Subject,
        action: &str,
        details: &HashMap<&str, &str>,
    ) -> Result<Decision, PolkitError> {
        let question = Question { subject, action, details, flags: 0, cancellation_id: "" };
        timeout(ANSWER, self.ask(&question)).await.map_err(|_| PolkitError::Late(ANSWER))?
    }

    /// As [`Self::check`]; an agent may ask the user to prove who it is, which may take two minutes.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn check_with_user(&self, subject: Subject, action: &str) -> Result<Decision, PolkitError> {
        let id = format!("{}-{}", std::process::id(), self.questions.fetch_add(1, Ordering::Relaxed));
        let (details, flags) = (HashMap::new(), ALLOW_USER_INTERACTION);
        let question = Question { subject, action, details: &details, flags, cancellation_id: &id };
        if let Ok(answer) = timeout(PROOF, self.ask(&question)).await {
            return answer;
        }
        // The agent's window goes away with the question.
        let cancelled = async {
            self.authority().await?.cancel_check_authorization(&id).await.map_err(PolkitError::Service)
        };
        match timeout(ANSWER, cancelled).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(PolkitError::Late(ANSWER)),
        }
        Err(PolkitError::Late(PROOF))
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Decision, PolkitError> {
        match question.put(&self.authority().await?).await {
            // The bus was started anew since the last question.
            Err(PolkitError::Service(zbus::Error::InputOutput(_))) => {
                self.forget();
                question.put(&self.authority().await?).await
            }
            answer => answer,
        }
    }

    async fn authority(&self) -> Result<AuthorityProxy<'static>, PolkitError> {
        let known = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let connection = match known {
            Some(connection) => connection,
            None => {
                let made = Connection::system().await.map_err(PolkitError::Bus)?;
                *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
                made
            }
        };
        AuthorityProxy::new(&connection).await.map_err(PolkitError::Service)
    }

    fn forget(&self) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What is asked.
struct Question<'a> {
    subject: Subject,
    action: &'a str,
    details: &'a HashMap<&'a str, &'a str>,
    flags: u32,
    cancellation_id: &'a str,
}

impl Question<'_> {
    async fn put(&self, authority: &AuthorityProxy<'_>) -> Result<Decision, PolkitError> {
        let Subject { pid, start_time, uid } = self.subject;
        // polkit wants the user as a signed number.
        let uid = i32::from_ne_bytes(uid.to_ne_bytes());
        let process = HashMap::from([
            ("pid", Variant::from(pid)),
            ("start-time", Variant::from(start_time)),
            ("uid", Variant::from(uid)),
        ]);
        let subject = ("unix-process", process);
        let answer = authority.check_authorization(
            &subject,
            self.action,
            self.details,
            self.flags,
            self.cancellation_id,
        );
        let (authorized, challenge, details) = answer.await.map_err(PolkitError::Service)?;
        let dismissed = details.get(DISMISSED).is_some_and(|value| value == "true");
        Ok(match (authorized, challenge) {
            (true, _) => Decision::Allowed,
            (false, _) if dismissed => Decision::Dismissed,
            (false, true) => Decision::NoAgent,
            (false, false) => Decision::Denied,
        })
    }
}
