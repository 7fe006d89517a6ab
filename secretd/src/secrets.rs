//! All secrets: found by UUID and by what they are for.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driver::registry::Registry;
use model::secret::{Secret as Definition, Usage, UsageType};
use protocol::{ErrorDomain, Fault};
use uuid::Uuid;

use crate::secret::Secret;

/// The secrets of the daemon.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Their only names are their UUIDs.
    known: Registry<Secret>,
    /// Those with a use; locked before any secret's state. It is nearly always one: a redefinition may change the kind of use, but nothing else.
    by_usage: Mutex<HashMap<Usage, BTreeSet<Uuid>>>,
}

impl Secrets {
    /// The secret with this UUID.
    pub fn by_uuid(&self, uuid: Uuid) -> Option<Arc<Secret>> {
        self.known.by_uuid(uuid)
    }

    /// The secret that is for this.
    pub fn by_usage(&self, usage: &Usage) -> Option<(Arc<Secret>, Arc<Definition>)> {
        let uuids: Vec<Uuid> = self.usages().get(usage)?.iter().copied().collect();
        let secrets = uuids.into_iter().filter_map(|uuid| self.known.by_uuid(uuid));
        let mut defined = secrets.filter_map(|secret| {
            let definition = secret.lock().definition.clone()?;
            Some((secret, definition))
        });
        defined.next()
    }

    /// All that are defined, in the order in which they came, as long as `wanted` says so.
    pub fn list(&self, wanted: impl Fn(&Definition) -> bool) -> Vec<(Uuid, Arc<Definition>)> {
        let all = self.known.list();
        let defined = all.iter().filter_map(|secret| Some((secret.uuid, secret.lock().definition.clone()?)));
        defined.filter(|(_, definition)| wanted(definition)).collect()
    }

    /// The secret with this UUID, which is new if nobody has it; a new one is for `usage` from now on. Whoever gets it
    /// waits for its job, and calls [`forget_if_empty`](Self::forget_if_empty) if it is not defined after all.
    ///
    /// # Errors
    /// Another secret is for this already.
    pub fn find_or_insert(&self, uuid: Uuid, usage: &Usage) -> Result<Arc<Secret>, Fault> {
        let mut usages = self.usages();
        if let Some(known) = self.known.by_uuid(uuid) {
            return Ok(known);
        }
        if usage.kind != UsageType::None
            && let Some(other) = usages.get(usage).and_then(BTreeSet::first)
        {
            let detail = format!("a secret with UUID {other} already defined for use with {}", usage.id);
            return Err(Fault::internal(ErrorDomain::SECRET, detail));
        }
        let inserted = self.known.find_or_insert(uuid, &uuid.to_string(), || Secret::new(uuid));
        let (secret, _) =
            inserted.map_err(|clash| Fault::internal(ErrorDomain::SECRET, clash.to_string()))?;
        note(&mut usages, uuid, usage);
        Ok(secret)
    }

    /// Whether this secret is still among them.
    pub fn holds(&self, secret: &Arc<Secret>) -> bool {
        self.known.by_uuid(secret.uuid).is_some_and(|known| Arc::ptr_eq(&known, secret))
    }

    /// A secret is for something else now. To be called under its job.
    pub fn change_usage(&self, uuid: Uuid, from: &Usage, to: &Usage) {
        let mut usages = self.usages();
        strike(&mut usages, uuid, from);
        note(&mut usages, uuid, to);
    }

    /// Take a secret out that has no definition, or none any more; `usage` is what it was for. To be called under its job.
    pub fn forget_if_empty(&self, secret: &Arc<Secret>, usage: &Usage) {
        let mut usages = self.usages();
        if secret.lock().definition.is_none() && self.known.remove(secret.uuid, secret) {
            strike(&mut usages, secret.uuid, usage);
        }
    }

    fn usages(&self) -> MutexGuard<'_, HashMap<Usage, BTreeSet<Uuid>>> {
        self.by_usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(usages: &mut HashMap<Usage, BTreeSet<Uuid>>, uuid: Uuid, usage: &Usage) {
    if usage.kind != UsageType::None {
        usages.entry(usage.clone()).or_default().insert(uuid);
    }
}

fn strike(usages: &mut HashMap<Usage, BTreeSet<Uuid>>, uuid: Uuid, usage: &Usage) {
    if let Some(uuids) = usages.get_mut(usage) {
        uuids.remove(&uuid);
        if uuids.is_empty() {
            usages.remove(usage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn usage(kind: UsageType, id: &str) -> Usage {
        Usage { kind, id: id.to_owned() }
    }

    fn define(secrets: &Secrets, uuid: Uuid, usage: &Usage) -> Arc<Secret> {
        let secret = secrets.find_or_insert(uuid, usage).unwrap();
        let definition = Definition { uuid: Some(uuid), usage: usage.clone(), ..Definition::default() };
        secret.lock().definition = Some(Arc::new(definition));
        secret
    }

    #[test]
    fn uses_are_taken_once() {
        let secrets = Secrets::default();
        let volume = usage(UsageType::Volume, "/a");
        let first = define(&secrets, A, &volume);
        let taken = secrets.find_or_insert(B, &volume).unwrap_err();
        assert!(taken.message.contains(&A.to_string()) && taken.message.contains("/a"), "{}", taken.message);
        assert!(Arc::ptr_eq(&secrets.find_or_insert(A, &volume).unwrap(), &first));
        define(&secrets, B, &usage(UsageType::Ceph, "/a"));
        assert_eq!(secrets.by_usage(&volume).unwrap().0.uuid, A);
        secrets.change_usage(A, &volume, &usage(UsageType::Tls, "/a"));
        assert!(secrets.by_usage(&volume).is_none());
        assert_eq!(secrets.by_usage(&usage(UsageType::Tls, "/a")).unwrap().0.uuid, A);
    }

    #[test]
    fn secrets_without_use_are_many() {
        let secrets = Secrets::default();
        define(&secrets, A, &Usage::default());
        define(&secrets, B, &Usage::default());
        assert_eq!(secrets.list(|_| true).len(), 2);
        assert!(secrets.by_usage(&Usage::default()).is_none());
    }

    #[test]
    fn what_is_not_defined_is_not_seen_and_what_is_forgotten_frees_its_use() {
        let secrets = Secrets::default();
        let volume = usage(UsageType::Volume, "/a");
        let secret = secrets.find_or_insert(A, &volume).unwrap();
        assert!(secrets.by_usage(&volume).is_none() && secrets.list(|_| true).is_empty());
        secrets.forget_if_empty(&secret, &volume);
        let other = define(&secrets, B, &volume);
        secrets.forget_if_empty(&other, &volume);
        assert_eq!(secrets.list(|_| true).len(), 1);
        other.lock().definition = None;
        secrets.forget_if_empty(&other, &volume);
        assert!(secrets.by_uuid(B).is_none());
        define(&secrets, A, &volume);
    }
}
