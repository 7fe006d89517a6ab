//! What one message from QEMU is. Pure.

use std::borrow::Cow;

use serde_json::Value;

use super::MonitorError;
use super::event::Event;

/// Ids are texts of this form, as libvirt's are: clients see them in answers to passed-through commands.
const ID_PREFIX: &str = "libvirt-";

/// A message from QEMU.
#[derive(Debug)]
pub(super) enum Message {
    /// The first message of a connection.
    Greeting,
    /// Something happened.
    Event(Box<Event>),
    /// The answer to the command of this number; still with its `return` or `error` member.
    Answer(u64, Value),
    /// An error that names no command: QEMU did not understand our bytes.
    Lost(String),
    /// Nothing known: passed over.
    Unknown,
}

/// A command as logs have it: without the arguments of those that tell QEMU secrets.
pub(super) fn shown(command: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(command.trim_ascii_end());
    let secret =
        ["\"password\"", "\"change-vnc-password\"", "\"secret\""].iter().any(|word| text.contains(word));
    match text.split_once("\"arguments\"") {
        Some((name, _)) if secret => Cow::Owned(format!("{name}\"arguments\": (secret)")),
        _ => text,
    }
}

/// The id of a command as it goes over the wire.
pub(super) fn id_text(id: u64) -> String {
    format!("{ID_PREFIX}{id}")
}

/// Read one line.
pub(super) fn parse(line: &[u8]) -> Result<Message, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(members) = &value else { return Err("a message is not an object".to_owned()) };
    if members.contains_key("event") {
        return match Event::parse(value) {
            Some(event) => Ok(Message::Event(Box::new(event))),
            None => Err("an event has no name".to_owned()),
        };
    }
    if members.contains_key("QMP") {
        return Ok(Message::Greeting);
    }
    if !members.contains_key("return") && !members.contains_key("error") {
        return Ok(Message::Unknown);
    }
    let id =
        members.get("id").and_then(Value::as_str).and_then(|id| id.strip_prefix(ID_PREFIX)?.parse().ok());
    match (id, members.get("error")) {
        (Some(id), _) => Ok(Message::Answer(id, value)),
        (None, Some(error)) => Ok(Message::Lost(described(error).1)),
        (None, None) => Ok(Message::Unknown),
    }
}

/// The `return` member of an answer, or its error.
pub(super) fn returned(command: &str, answer: Value) -> Result<Value, MonitorError> {
    let Value::Object(mut members) = answer else {
        return Err(MonitorError::Protocol("an answer is not an object".to_owned()));
    };
    if let Some(error) = members.get("error") {
        let (class, desc) = described(error);
        return Err(MonitorError::Command { command: command.to_owned(), class, desc });
    }
    members.shift_remove("return").ok_or_else(|| MonitorError::Reply {
        command: command.to_owned(),
        what: "neither 'return' nor 'error'".to_owned(),
    })
}

fn described(error: &Value) -> (String, String) {
    let text =
        |key: &str, default: &str| error.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    (text("class", "GenericError"), text("desc", "no reason given"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let plain = b"{\"execute\":\"cont\",\"arguments\":{\"a\":1}}\r\n";
        assert_eq!(shown(plain), "{\"execute\":\"cont\",\"arguments\":{\"a\":1}}");
        for command in [
            r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"sesame"},"id":"libvirt-1"}"#,
            r#"{"execute":"object-add","arguments":{"qom-type":"secret","data":"sesame"}}"#,
        ] {
            let shown = shown(command.as_bytes());
            assert!(shown.contains("execute") && !shown.contains("sesame"), "{shown}");
        }
    }

    #[test]
    fn messages_are_told_apart() {
        let kind = |text: &str| match parse(text.as_bytes()) {
            Ok(Message::Greeting) => "greeting".to_owned(),
            Ok(Message::Event(event)) => event.name,
            Ok(Message::Answer(id, _)) => format!("answer {id}"),
            Ok(Message::Lost(desc)) => format!("lost {desc}"),
            Ok(Message::Unknown) => "unknown".to_owned(),
            Err(_) => "garbage".to_owned(),
        };
        assert_eq!(kind(r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#), "greeting");
        assert_eq!(kind(r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#), "STOP");
        assert_eq!(kind(r#"{"return": {}, "id": "libvirt-7"}"#), "answer 7");
        assert_eq!(kind(r#"{"return": {}, "id": 7}"#), "unknown");
        assert_eq!(
            kind(r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#),
            "lost JSON parse error"
        );
        assert_eq!(kind(r#"{"news": 1}"#), "unknown");
        assert_eq!(kind(r#"{"event": 3}"#), "garbage");
        assert_eq!(kind("[]"), "garbage");
        assert_eq!(kind("qemu: warning"), "garbage");
        assert_eq!(kind(&"[".repeat(100_000)), "garbage");
    }

    #[test]
    fn an_error_becomes_typed() {
        let answer =
            serde_json::json!({"id": "libvirt-1", "error": {"class": "CommandNotFound", "desc": "no such"}});
        let error = returned("nonsense", answer).unwrap_err();
        assert!(error.is_unknown_command());
        assert_eq!(error.to_string(), "unable to execute QEMU command 'nonsense': no such");
        assert!(matches!(returned("x", serde_json::json!({})), Err(MonitorError::Reply { .. })));
    }
}
