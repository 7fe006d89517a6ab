//! The objects of one kind: found by UUID, by name and, while active, by id.
//!
//! Look-ups take a lock for moments; lists are shared slices that are made once per change, so that a list of
//! ten thousand objects costs its reader no lock and no copy.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use uuid::Uuid;

/// Why an object cannot be added or renamed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// Another object has the UUID, under this name.
    #[error("UUID is that of '{name}'")]
    Uuid {
        /// The name of the object that has it.
        name: String,
    },
    /// Another object has the name, with this UUID.
    #[error("name is taken by the object with UUID {uuid}")]
    Name {
        /// The UUID of the object that has it.
        uuid: Uuid,
    },
}

/// Objects of one kind, in the order in which they came.
#[derive(Debug)]
pub struct Registry<T> {
    inner: RwLock<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    by_uuid: HashMap<Uuid, Slot<T>>,
    by_name: HashMap<String, Uuid>,
    by_id: HashMap<i32, Uuid>,
    order: BTreeMap<u64, Uuid>,
    next: u64,
    list: Option<Arc<[Arc<T>]>>,
}

#[derive(Debug)]
struct Slot<T> {
    object: Arc<T>,
    name: String,
    id: Option<i32>,
    place: u64,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self {
            inner: RwLock::new(Inner {
                by_uuid: HashMap::new(),
                by_name: HashMap::new(),
                by_id: HashMap::new(),
                order: BTreeMap::new(),
                next: 0,
                list: None,
            }),
        }
    }
}

impl<T> Registry<T> {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// The object with this UUID.
    pub fn by_uuid(&self, uuid: Uuid) -> Option<Arc<T>> {
        self.read().by_uuid.get(&uuid).map(|slot| Arc::clone(&slot.object))
    }

    /// The object with this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<T>> {
        let inner = self.read();
        let uuid = inner.by_name.get(name)?;
        inner.by_uuid.get(uuid).map(|slot| Arc::clone(&slot.object))
    }

    /// The active object with this id.
    pub fn by_id(&self, id: i32) -> Option<Arc<T>> {
        let inner = self.read();
        let uuid = inner.by_id.get(&id)?;
        inner.by_uuid.get(uuid).map(|slot| Arc::clone(&slot.object))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.read().by_uuid.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All objects as they are now, in the order in which they came.
    pub fn list(&self) -> Arc<[Arc<T>]> {
        if let Some(list) = &self.read().list {
            return Arc::clone(list);
        }
        let mut inner = self.write();
        let list: Arc<[Arc<T>]> = inner
            .order
            .values()
            .filter_map(|uuid| inner.by_uuid.get(uuid))
            .map(|slot| Arc::clone(&slot.object))
            .collect();
        inner.list = Some(Arc::clone(&list));
        list
    }

    /// The object with this UUID and name, or the one that `make` makes when neither is known.
    ///
    /// Returns the object and whether it is new. Fails when UUID and name do not belong together.
    pub fn find_or_insert(
        &self,
        uuid: Uuid,
        name: &str,
        make: impl FnOnce() -> Arc<T>,
    ) -> Result<(Arc<T>, bool), Clash> {
        let mut inner = self.write();
        if let Some(slot) = inner.by_uuid.get(&uuid) {
            if slot.name == name {
                return Ok((Arc::clone(&slot.object), false));
            }
            return Err(Clash::Uuid { name: slot.name.clone() });
        }
        if let Some(uuid) = inner.by_name.get(name) {
            return Err(Clash::Name { uuid: *uuid });
        }
        let object = make();
        let place = inner.next;
        inner.next += 1;
        inner.order.insert(place, uuid);
        inner.by_name.insert(name.to_owned(), uuid);
        let slot = Slot { object: Arc::clone(&object), name: name.to_owned(), id: None, place };
        inner.by_uuid.insert(uuid, slot);
        inner.list = None;
        Ok((object, true))
    }

    /// Whether an object with this UUID and name could be there: the check of
    /// [`find_or_insert`](Self::find_or_insert) alone.
    pub fn check(&self, uuid: Uuid, name: &str) -> Result<Option<Arc<T>>, Clash> {
        let inner = self.read();
        match (inner.by_uuid.get(&uuid), inner.by_name.get(name)) {
            (Some(slot), _) if slot.name == name => Ok(Some(Arc::clone(&slot.object))),
            (Some(slot), _) => Err(Clash::Uuid { name: slot.name.clone() }),
            (None, Some(other)) => Err(Clash::Name { uuid: *other }),
            (None, None) => Ok(None),
        }
    }

    /// Give the object a new name; nothing happens when the UUID is unknown.
    pub fn rename(&self, uuid: Uuid, name: &str) -> Result<(), Clash> {
        let mut inner = self.write();
        match inner.by_name.get(name) {
            Some(other) if *other != uuid => return Err(Clash::Name { uuid: *other }),
            _ => {}
        }
        let Some(slot) = inner.by_uuid.get_mut(&uuid) else { return Ok(()) };
        let old = std::mem::replace(&mut slot.name, name.to_owned());
        inner.by_name.remove(&old);
        inner.by_name.insert(name.to_owned(), uuid);
        Ok(())
    }

    /// Say under which id the object is active, or that it is not active any more.
    pub fn set_id(&self, uuid: Uuid, id: Option<i32>) {
        let mut inner = self.write();
        let Some(slot) = inner.by_uuid.get_mut(&uuid) else { return };
        let old = std::mem::replace(&mut slot.id, id);
        if let Some(old) = old {
            inner.by_id.remove(&old);
        }
        if let Some(id) = id {
            inner.by_id.insert(id, uuid);
        }
    }

    /// Take the object out, if it is this very one.
    pub fn remove(&self, uuid: Uuid, object: &Arc<T>) -> bool {
        let mut inner = self.write();
        if !inner.by_uuid.get(&uuid).is_some_and(|slot| Arc::ptr_eq(&slot.object, object)) {
            return false;
        }
        if let Some(slot) = inner.by_uuid.remove(&uuid) {
            inner.by_name.remove(&slot.name);
            inner.order.remove(&slot.place);
            if let Some(id) = slot.id {
                inner.by_id.remove(&id);
            }
        }
        inner.list = None;
        true
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner<T>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner<T>> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_uuids_belong_together() {
        let registry = Registry::new();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (object, fresh) = registry.find_or_insert(a, "a", || Arc::new(1)).unwrap();
        assert!(fresh && *object == 1);
        assert!(!registry.find_or_insert(a, "a", || Arc::new(2)).unwrap().1);
        assert_eq!(registry.find_or_insert(a, "b", || Arc::new(2)), Err(Clash::Uuid { name: "a".into() }));
        assert_eq!(registry.find_or_insert(b, "a", || Arc::new(2)), Err(Clash::Name { uuid: a }));
        registry.find_or_insert(b, "b", || Arc::new(2)).unwrap();
        assert_eq!(registry.rename(b, "a"), Err(Clash::Name { uuid: a }));
        registry.rename(b, "c").unwrap();
        assert!(registry.by_name("b").is_none());
        assert_eq!(*registry.by_name("c").unwrap(), 2);
    }

    #[test]
    fn lists_are_snapshots_in_order_of_arrival() {
        let registry = Registry::new();
        for n in 0..100u128 {
            registry.find_or_insert(Uuid::from_u128(n), &format!("n{n}"), || Arc::new(n)).unwrap();
        }
        let before = registry.list();
        assert!(before.iter().map(|n| **n).eq(0..100));
        let seven = registry.by_name("n7").unwrap();
        registry.set_id(Uuid::from_u128(7), Some(3));
        assert!(Arc::ptr_eq(&registry.by_id(3).unwrap(), &seven));
        assert!(registry.remove(Uuid::from_u128(7), &seven));
        assert!(!registry.remove(Uuid::from_u128(7), &seven));
        assert!(registry.by_id(3).is_none() && registry.by_name("n7").is_none());
        assert_eq!((before.len(), registry.list().len()), (100, 99));
    }
}
