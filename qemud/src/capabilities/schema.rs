//! Questions to QEMU's own description of its protocol (`query-qmp-schema`, docs/devel/qapi-code-gen of QEMU). Pure.

use std::collections::HashMap;

use serde_json::Value;

/// Types may contain themselves; no real question goes deeper.
const MAX_STEPS: usize = 16;

/// The schema, by name of its entities; names of types are numbers without meaning.
pub(super) struct Schema<'a> {
    entities: HashMap<&'a str, &'a Value>,
}

impl<'a> Schema<'a> {
    /// Index the answer of `query-qmp-schema`.
    pub(super) fn new(answer: &'a Value) -> Self {
        let entities = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let named = entities.iter().filter_map(|entity| Some((text(entity, "name")?, entity)));
        Self { entities: named.collect() }
    }

    /// Whether a path exists. It begins with a command or event and which of its types is meant, "screendump:arg" or
    /// "query-block:ret"; then each step is a member ("device"), a branch of a union ("+file") or a value of an
    /// enumeration ("=png"). Arrays stand for their elements.
    pub(super) fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// Whether a command announces a special feature: ("device_add", "json-cli").
    pub(super) fn has_feature(&self, command: &str, feature: &str) -> bool {
        let features = self.entities.get(command).and_then(|entity| entity.get("features")?.as_array());
        features.is_some_and(|features| features.iter().any(|found| found == feature))
    }

    fn find(&self, path: &str) -> Option<()> {
        let (root, steps) = path.split_once('/').unwrap_or((path, ""));
        let (command, side) = root.split_once(':')?;
        let key = if side == "ret" { "ret-type" } else { "arg-type" };
        let mut entity = self.resolve(text(self.entities.get(command)?, key)?)?;
        for step in steps.split('/').filter(|step| !step.is_empty()).take(MAX_STEPS) {
            if let Some(value) = step.strip_prefix('=') {
                return has_value(entity, value).then_some(());
            }
            let next = match step.strip_prefix('+') {
                Some(branch) => named(entity, "variants", "case", branch)?,
                None => named(entity, "members", "name", step)?,
            };
            entity = self.resolve(text(next, "type")?)?;
        }
        Some(())
    }

    /// An entity by name, arrays taken off.
    fn resolve(&self, name: &str) -> Option<&'a Value> {
        let mut entity = *self.entities.get(name)?;
        for _ in 0..MAX_STEPS {
            match text(entity, "element-type") {
                Some(element) => entity = self.entities.get(element)?,
                None => return Some(entity),
            }
        }
        None
    }
}

fn text<'a>(entity: &'a Value, key: &str) -> Option<&'a str> {
    entity.get(key)?.as_str()
}

fn named<'a>(entity: &'a Value, list: &str, key: &str, name: &str) -> Option<&'a Value> {
    entity.get(list)?.as_array()?.iter().find(|item| text(item, key) == Some(name))
}

fn has_value(entity: &Value, value: &str) -> bool {
    // `values` is the older form of `members`; QEMU still sends both.
    let values = entity.get("values").and_then(Value::as_array);
    values.is_some_and(|values| values.iter().any(|found| found == value))
        || named(entity, "members", "name", value).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_followed() {
        let answer = json!([
            {"name": "blockdev-add", "meta-type": "command", "arg-type": "1", "ret-type": "0", "features": ["x"]},
            {"name": "1", "meta-type": "object", "members": [{"name": "driver", "type": "2"}],
             "tag": "driver", "variants": [{"case": "file", "type": "3"}]},
            {"name": "2", "meta-type": "enum", "values": ["file"]},
            {"name": "3", "meta-type": "object", "members": [{"name": "aio", "type": "[4]"}]},
            {"name": "[4]", "meta-type": "array", "element-type": "4"},
            {"name": "4", "meta-type": "enum", "members": [{"name": "native"}]},
            {"name": "loop", "meta-type": "command", "arg-type": "[loop]"},
            {"name": "[loop]", "meta-type": "array", "element-type": "[loop]"},
        ]);
        let schema = Schema::new(&answer);
        for path in
            ["blockdev-add:arg", "blockdev-add:arg/driver/=file", "blockdev-add:arg/+file/aio/=native"]
        {
            assert!(schema.has(path), "{path}");
        }
        for path in [
            "blockdev-del:arg",
            "blockdev-add",
            "blockdev-add:arg/+file/aio/=io_uring",
            "blockdev-add:arg/+nbd",
            "blockdev-add:arg/none",
            "blockdev-add:ret/driver",
            "loop:arg/x",
            "",
        ] {
            assert!(!schema.has(path), "{path}");
        }
        assert!(schema.has_feature("blockdev-add", "x") && !schema.has_feature("blockdev-add", "y"));
    }

    #[test]
    fn anything_is_a_schema_without_entities() {
        for answer in [json!(null), json!({}), json!([1, {"name": 3}, {"name": "a", "arg-type": []}])] {
            assert!(!Schema::new(&answer).has("a:arg"));
        }
    }
}
