//! Fine-grained access control: what a client may do with which object, asked of polkit for each call.
//!
//! The rules are those of the procedures' rows ([`Meta::access`]). The daemon's service calls [`Access::check`] before it
//! hands a call to a method, so that no method has to think of it; lists ask for [`Access::shown`], and events pass
//! [`Access::listener`]. Answers are not kept from one call to the next.

mod listener;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;

use host::polkit::{Decision, Polkit, Subject as Process};
use protocol::subject::Subject;
use protocol::{ErrorCode, ErrorDomain, Fault, Meta};
use rpc::{Call, Identity};
use uuid::Uuid;

pub use listener::Listener;

/// Questions of one list that polkit has before it at a time.
const AT_ONCE: usize = 16;

/// What polkit's rules see of an object, by libvirt's names: `domain_name`, `domain_uuid`.
pub type Details = Vec<(&'static str, String)>;

/// The objects of a driver.
pub trait Objects: Send + Sync + 'static {
    /// The details of an object that a client names; none if it names none. A definition is read no further than to its
    /// name and UUID.
    ///
    /// # Errors
    /// There is no such object: the error is the answer to the call.
    fn details(&self, subject: &Subject) -> Result<Details, Fault>;
}

/// The access control of a daemon.
#[derive(Debug, Clone)]
pub struct Access {
    driver: &'static str,
    polkit: Option<Arc<Polkit>>,
}

/// Which objects of a list a client sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// All.
    All,
    /// These alone.
    Only(HashSet<Uuid>),
}

impl Shown {
    /// Whether it sees this one.
    pub fn has(&self, uuid: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(&uuid),
        }
    }
}

impl Access {
    /// `driver` is the name that rules know it by (`connect_driver`); without `polkit` everything is allowed.
    pub fn new(driver: &'static str, polkit: Option<Arc<Polkit>>) -> Self {
        Self { driver, polkit }
    }

    /// Whether clients of this identity have to be asked about. polkit itself lets root do everything.
    fn judge(&self, identity: &Identity) -> Option<&Arc<Polkit>> {
        let free = identity.uid == Some(0) || identity.is_elevated();
        self.polkit.as_ref().filter(|_| !free)
    }

    /// Whether anything may be refused.
    pub fn is_on(&self) -> bool {
        self.polkit.is_some()
    }

    /// Checks the rules of a call, about the object that its encoded arguments name.
    ///
    /// # Errors
    /// Access denied; there is no such object; the arguments do not decode.
    pub async fn check(&self, call: &Call, body: &[u8], objects: &impl Objects) -> Result<(), Fault> {
        let (identity, meta) = (call.identity(), call.meta());
        if self.judge(identity).is_none() || meta.access.is_empty() {
            return Ok(());
        }
        let decoded = |error| {
            tracing::debug!("{}: {error}", meta.name);
            rpc::faults::decode()
        };
        let rules = meta.rules(body).map_err(decoded)?;
        let subject = Subject::of_call(meta, body).map_err(decoded)?;
        let mut details = None;
        for rule in rules {
            let about = match (rule.object, &mut details) {
                ("connect", _) => &Details::new(),
                (_, Some(known)) => &*known,
                (_, unknown) => &*unknown.insert(objects.details(&subject)?),
            };
            self.demand(identity, (rule.object, rule.permission), about).await?;
        }
        Ok(())
    }

    /// Which of these objects the client sees in the answer to a call that lists them, by the filter of its row.
    pub async fn shown(&self, call: &Call, objects: impl FnOnce() -> Vec<(Uuid, Details)>) -> Shown {
        let (identity, meta) = (call.identity(), call.meta());
        let Some(filter) = meta.filter.first().filter(|_| self.judge(identity).is_some()) else {
            return Shown::All;
        };
        let what = (filter.object, filter.permission);
        let mut seen = HashSet::new();
        for some in objects().chunks(AT_ONCE) {
            let mut asked = Vec::with_capacity(some.len());
            for (_, details) in some {
                asked.push(self.allowed(identity, what, details));
            }
            let answers = futures_util::future::join_all(asked).await;
            seen.extend(some.iter().zip(answers).filter(|(_, allowed)| *allowed).map(|((uuid, _), _)| *uuid));
        }
        Shown::Only(seen)
    }

    /// Where this client's events go: through a check of each by the filter of the call that subscribes to them.
    pub fn listener(&self, call: &Call) -> Listener {
        match (self.judge(call.identity()), call.meta().filter.first()) {
            (Some(_), Some(filter)) => Listener::checked(self.clone(), call, *filter),
            _ => Listener::free(call.session().clone()),
        }
    }

    /// Whether polkit allows a permission on an object; no answer is none.
    async fn allowed(
        &self,
        identity: &Identity,
        (object, permission): (&str, &str),
        details: &Details,
    ) -> bool {
        let Some(polkit) = self.judge(identity) else { return true };
        let action = action(object, permission);
        let Some(process) = process(identity) else {
            tracing::warn!("{action} is denied to a client without process and user");
            return false;
        };
        let mut all: HashMap<&str, &str> = HashMap::from([("connect_driver", self.driver)]);
        all.extend(details.iter().map(|(key, value)| (*key, value.as_str())));
        match polkit.check(process, &action, &all).await {
            Ok(decision) => decision == Decision::Allowed,
            Err(error) => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                tracing::error!("{action} is denied: {error}: {cause}");
                false
            }
        }
    }

    async fn demand(&self, identity: &Identity, what: (&str, &str), details: &Details) -> Result<(), Fault> {
        if self.allowed(identity, what, details).await {
            return Ok(());
        }
        let detail = format!("'{}' denied access", self.driver);
        Err(Fault::new(ErrorDomain::ACCESS, ErrorCode::ACCESS_DENIED, detail))
    }
}

/// The polkit action of a permission: `org.libvirt.api.node-device.getattr`.
pub fn action(object: &str, permission: &str) -> String {
    format!("org.libvirt.api.{object}.{permission}").replace('_', "-")
}

/// The details that a handle itself holds.
fn of_handle(subject: &Subject) -> Details {
    match subject {
        Subject::Domain(dom) => domain_details(&dom.name, Uuid::from_bytes(dom.uuid.0)),
        Subject::Secret(secret) => {
            vec![("secret_uuid", Uuid::from_bytes(secret.uuid.0).to_string())]
        }
        _ => Details::new(),
    }
}

/// The details of a domain.
pub fn domain_details(name: &str, uuid: Uuid) -> Details {
    vec![("domain_name", name.to_owned()), ("domain_uuid", uuid.to_string())]
}

/// Name and UUID of a definition, as far as they are there: all that is read of it before its owner is known to be
/// allowed anything. What is wrong with the rest is told later, to those who may.
pub fn identity_of(xml: &str) -> (Option<String>, Option<Uuid>) {
    let Ok(root) = model::xml::parse(xml, &model::xml::Limits::document("definition")) else {
        return (None, None);
    };
    let uuid = root.child_text("uuid").and_then(|text| Uuid::parse_str(&text).ok());
    (root.child_text("name"), uuid)
}

fn process(identity: &Identity) -> Option<Process> {
    let start_time = identity.process_time(host::process::start_time)?;
    Some(Process { pid: u32::try_from(identity.pid?).ok()?, start_time, uid: identity.uid? })
}

/// The permissions that rows ask for, as (object, permission): what a policy has to define.
pub fn permissions<'a>(rows: impl Iterator<Item = &'a Meta>) -> Vec<(&'static str, &'static str)> {
    let of_row = |row: &Meta| {
        let rules = row.access.iter().map(|rule| (rule.object, rule.permission));
        rules.chain(row.filter.iter().map(|filter| (filter.object, filter.permission))).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = rows.flat_map(of_row).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::*;

    fn calls() -> impl Iterator<Item = &'static Meta> {
        let remote = (1..=456).filter_map(protocol::remote::meta);
        let qemu = (1..=20).filter_map(protocol::qemu::meta);
        let lxc = (1..=20).filter_map(protocol::lxc::meta);
        remote.chain(qemu).chain(lxc).filter(|row| !row.event)
    }

    /// What needs no permission: coming in, going, and ending what the client itself has begun.
    #[test]
    fn every_other_procedure_has_a_rule() {
        let free: Vec<&str> = calls().filter(|row| row.access.is_empty()).map(|row| row.name).collect();
        let wrong: Vec<_> = free
            .iter()
            .filter(|name| {
                !(name.starts_with("auth_")
                    || name.contains("deregister")
                    || ["connect_close", "connect_supports_feature", "connect_is_secure"].contains(name)
                    || ["connect_get_lib_version", "connect_get_uri"].contains(name)
                    || name.contains("close_callback"))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert!(free.len() < 40, "{free:?}");
    }

    /// Run with `OXIVIRT_BLESS=1` to write the file anew.
    #[test]
    fn the_policy_has_an_action_for_each_permission() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systemd/polkit/org.libvirt.api.policy");
        let wanted = policy();
        if std::env::var_os("OXIVIRT_BLESS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        assert!(std::fs::read_to_string(path).unwrap() == wanted, "OXIVIRT_BLESS=1 writes {path} anew");
        let actions: BTreeSet<_> = permissions(calls()).into_iter().map(|(o, p)| action(o, p)).collect();
        assert!(actions.iter().all(|action| wanted.contains(&format!("\"{action}\""))));
        assert!(actions.contains("org.libvirt.api.node-device.getattr") && actions.len() > 80);
    }

    /// What libvirt's own policy allows everybody: to look at what is no secret.
    fn for_everybody(object: &str, permission: &str) -> bool {
        permission == "getattr"
            || (permission == "read" && object != "node_device")
            || (object == "connect" && permission.starts_with("search_"))
    }

    fn policy() -> String {
        let mut text = String::from(concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            "<!DOCTYPE policyconfig PUBLIC \"-//freedesktop//DTD polkit Policy Configuration 1.0//EN\"\n",
            "  \"http://www.freedesktop.org/software/polkit/policyconfig-1.dtd\">\n",
            "<!-- What clients may do with which object, where access_drivers = [\"polkit\"] is set. -->\n",
            "<policyconfig>\n  <vendor>Oxivirt</vendor>\n",
        ));
        for (object, permission) in permissions(calls()) {
            let answer = if for_everybody(object, permission) { "yes" } else { "no" };
            let (what, of) = (permission.replace('_', " "), object.replace('_', " "));
            let id = action(object, permission);
            writeln!(text, "  <action id=\"{id}\">").unwrap();
            writeln!(
                text,
                "    <description>Permission \"{what}\" on an object of kind \"{of}\"</description>"
            )
            .unwrap();
            writeln!(
                text,
                "    <message>The policy of this host has to allow \"{what}\" on a {of}</message>"
            )
            .unwrap();
            text.push_str("    <defaults>\n");
            for who in ["any", "inactive", "active"] {
                writeln!(text, "      <allow_{who}>{answer}</allow_{who}>").unwrap();
            }
            text.push_str("    </defaults>\n  </action>\n");
        }
        text + "</policyconfig>\n"
    }
}
