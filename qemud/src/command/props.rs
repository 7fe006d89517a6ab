//! Properties of a `-device`, `-object`, `-blockdev`, `-netdev`, `-audiodev` option in JSON form, in the order
//! they were added.

use serde_json::{Map, Value};

/// An ordered JSON object under construction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Props(Map<String, Value>);

impl Props {
    /// No properties.
    pub fn new() -> Props {
        Props::default()
    }

    /// A device, beginning with its driver.
    pub fn device(driver: &str) -> Props {
        Props::new().str("driver", driver)
    }

    /// An object, beginning with its type and id.
    pub fn object(kind: &str, id: &str) -> Props {
        Props::new().str("qom-type", kind).str("id", id)
    }

    /// Adds any value.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Props {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a string.
    pub fn str(self, key: &str, value: &str) -> Props {
        self.set(key, value)
    }

    /// Adds a string if there is one.
    pub fn opt_str(self, key: &str, value: Option<&str>) -> Props {
        match value {
            Some(text) => self.str(key, text),
            None => self,
        }
    }

    /// Adds a value if there is one.
    pub fn opt(self, key: &str, value: Option<impl Into<Value>>) -> Props {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// Adds `true` if the condition holds.
    pub fn flag(self, key: &str, condition: bool) -> Props {
        if condition { self.set(key, true) } else { self }
    }

    /// Adds a nested object.
    pub fn nest(self, key: &str, value: Props) -> Props {
        self.set(key, Value::Object(value.0))
    }

    /// Adds a nested object unless it is empty.
    pub fn nest_some(self, key: &str, value: Props) -> Props {
        if value.is_empty() { self } else { self.nest(key, value) }
    }

    /// Appends all properties of another object.
    pub fn extend(mut self, other: Props) -> Props {
        self.0.extend(other.0);
        self
    }

    /// Changes the object by a function, for parts that live elsewhere.
    pub fn with(self, change: impl FnOnce(Props) -> Props) -> Props {
        change(self)
    }

    /// Removes a property.
    pub fn remove(&mut self, key: &str) {
        self.0.shift_remove(key);
    }

    /// A property as text, if it is a string.
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON value.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Compact JSON text, as QEMU takes it on the command line.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The classic `driver,key=value` form, for the few options that take no JSON.
    pub fn to_plain(&self, first: &str) -> String {
        let mut text = self.get_str(first).map(super::quote::commas).unwrap_or_default();
        for (key, value) in self.0.iter().filter(|(key, _)| key.as_str() != first) {
            let value = match value {
                Value::Bool(true) => "on".to_owned(),
                Value::Bool(false) => "off".to_owned(),
                Value::String(text) => super::quote::commas(text),
                other => other.to_string(),
            };
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(key);
            text.push('=');
            text.push_str(&value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_escapes_are_kept() {
        let props = Props::device("a").set("z", 1).flag("b", true).opt_str("none", None).str("q", "x\"y");
        assert_eq!(props.to_json(), r#"{"driver":"a","z":1,"b":true,"q":"x\"y"}"#);
        assert_eq!(Props::device("a,b").flag("on", true).to_plain("driver"), "a,,b,on=on");
    }
}
