//! The schemas of libvirt's documents that are installed on this host, for the flags that ask for validation.
//!
//! A schema is read when it is first needed, and again when one of its files has changed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use model::schema::{Schema, SchemaError};
use model::xml::Element;
use protocol::{ErrorCode, ErrorDomain, Fault};

/// Where libvirt installs its schemas.
pub const INSTALLED: &str = "/usr/share/libvirt/schemas";

/// The largest file of a schema; libvirt's largest has 230 KB.
const MAX_FILE: u64 = 4 << 20;

/// The schemas of one directory.
#[derive(Debug)]
pub struct Schemas {
    dir: PathBuf,
    loaded: Mutex<HashMap<&'static str, Arc<Loaded>>>,
}

/// A schema and the files that it was made of.
#[derive(Debug)]
struct Loaded {
    schema: Schema,
    files: Vec<(PathBuf, Option<SystemTime>)>,
}

impl Schemas {
    /// The schemas below `dir`; nothing is read yet.
    pub fn new(dir: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self { dir: dir.into(), loaded: Mutex::default() })
    }

    /// Whether `document` fits the schema `name` (`domain.rng`). Works on the blocking pool.
    ///
    /// # Errors
    /// `VIR_ERR_XML_INVALID_SCHEMA` when it does not fit, with the schema's path and the part; an internal error
    /// when the schema is not installed or cannot be used.
    pub async fn check(self: &Arc<Self>, name: &'static str, document: Element) -> Result<(), Fault> {
        let schemas = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || schemas.judge(name, &document)).await;
        done.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::XML, error.to_string())))
    }

    fn judge(&self, name: &'static str, document: &Element) -> Result<(), Fault> {
        let path = self.dir.join(name);
        let verdict = self.schema(name).and_then(|loaded| loaded.schema.check(document));
        verdict.map_err(|error| match error {
            SchemaError::Unusable(why) => {
                let detail = format!("cannot validate against {}: {why}", path.display());
                Fault::internal(ErrorDomain::XML, detail)
            }
            SchemaError::Misfit(what) => {
                let detail = format!("Unable to validate doc against {}\n{what}", path.display());
                Fault::new(ErrorDomain::XML, ErrorCode::XML_INVALID_SCHEMA, detail)
            }
        })
    }

    /// The schema, read now if it is new or changed. Callers wait for each other while it is read.
    fn schema(&self, name: &'static str) -> Result<Arc<Loaded>, SchemaError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match loaded.get(name) {
            Some(known) if known.is_current() => Ok(Arc::clone(known)),
            _ => {
                let fresh = Arc::new(Loaded::read(&self.dir, name)?);
                loaded.insert(name, Arc::clone(&fresh));
                Ok(fresh)
            }
        }
    }
}

impl Loaded {
    fn read(dir: &Path, name: &str) -> Result<Self, SchemaError> {
        let files = RefCell::new(Vec::new());
        let schema = Schema::load(name, |file| {
            let path = dir.join(file);
            if !path.exists() {
                return Err(format!("the schema {} is not installed", path.display()));
            }
            // The time first: what changes while we read is read again.
            files.borrow_mut().push((path.clone(), changed(&path)));
            let bytes = host::store::read(&path, MAX_FILE).map_err(|error| error.to_string())?;
            String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
        })?;
        Ok(Self { schema, files: files.into_inner() })
    }

    fn is_current(&self) -> bool {
        self.files.iter().all(|(path, time)| changed(path) == *time)
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::xml::{Limits, parse};

    use super::*;

    fn write(path: &Path, element: &str, time: SystemTime) {
        let text = format!(
            "<element name='{element}' xmlns='http://relaxng.org/ns/structure/1.0'><empty/></element>"
        );
        std::fs::write(path, text).unwrap();
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    async fn check(schemas: &Arc<Schemas>, text: &str) -> Result<(), Fault> {
        schemas.check("a.rng", parse(text, &Limits::document("test")).unwrap()).await
    }

    #[tokio::test]
    async fn read_when_needed_and_when_changed() {
        let dir = tempfile::tempdir().unwrap();
        let schemas = Schemas::new(dir.path());
        let path = dir.path().join("a.rng");
        let absent = check(&schemas, "<a/>").await.unwrap_err();
        assert_eq!(absent.code, ErrorCode::INTERNAL_ERROR);
        assert!(absent.message.contains("a.rng is not installed"), "{}", absent.message);

        let now = SystemTime::now();
        write(&path, "a", now);
        check(&schemas, "<a/>").await.unwrap();
        let misfit = check(&schemas, "<b/>").await.unwrap_err();
        assert_eq!((misfit.code, misfit.domain), (ErrorCode::XML_INVALID_SCHEMA, ErrorDomain::XML));
        assert!(misfit.message.contains(&path.display().to_string()), "{}", misfit.message);

        write(&path, "b", now + Duration::from_secs(1));
        check(&schemas, "<b/>").await.unwrap();
    }
}
