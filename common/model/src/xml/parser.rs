//! From text to the element tree. quick-xml is the tokenizer and is used in this file only; well-formedness,
//! namespaces, references and limits are checked here.

use std::borrow::Cow;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::errors::{Error as TokenError, IllFormedError, SyntaxError};
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesDecl, BytesStart, Event};

use super::{Attribute, Element, Node, XmlError};

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Bounds of a document from outside.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Name of the document in errors ("domain_definition").
    pub document: &'static str,
    /// Bytes in all.
    pub bytes: usize,
    /// Elements inside each other.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Elements, texts and comments in all: bounds the memory of the tree.
    pub nodes: usize,
}

impl Limits {
    /// The usual bounds: a string of the protocol (4 MiB), libxml2's depth.
    pub const fn document(document: &'static str) -> Self {
        Self { document, bytes: 4 << 20, depth: 256, attributes: 256, nodes: 100_000 }
    }
}

/// Reads a document of one root element. Comments and declarations outside of the root are left out.
///
/// No document type, no entities but the five of XML and character references. Blanks between elements are
/// dropped as libxml2 drops them. Fails with `VIR_ERR_XML_DETAIL` and a text that shows line and place.
pub fn parse(text: &str, limits: &Limits) -> Result<Element, XmlError> {
    let mut builder =
        Builder { text, limits, stack: Vec::new(), root: None, nodes: 0, pending: Pending::new() };
    builder.run().map_err(|fault| fault.into_error(text, limits))
}

/// What is wrong, and at which byte.
struct Fault {
    at: usize,
    message: String,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// "(document):LINE: message", the line, and a mark below the place, as libvirt shows libxml2's errors.
    fn into_error(self, text: &str, limits: &Limits) -> XmlError {
        if text.trim().is_empty() {
            return XmlError::detail(format!("({}):1: Document is empty\n(null)\n^", limits.document));
        }
        let mut at = self.at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let line: String = text[start..].lines().next().unwrap_or_default().chars().take(200).collect();
        let number = before.matches('\n').count() + 1;
        let mark = "-".repeat(before[start..].chars().count().min(200));
        XmlError::detail(format!("({}):{number}: {}\n{line}\n{mark}^", limits.document, self.message))
    }
}

/// Character data not yet added: text and references between two pieces of markup are one node.
struct Pending {
    text: String,
    /// Holds a reference, and so is never dropped as blank.
    reference: bool,
}

impl Pending {
    fn new() -> Self {
        Self { text: String::new(), reference: false }
    }
}

struct Open {
    element: Element,
    /// Byte of the start tag, for the error when it is not closed.
    at: usize,
}

struct Builder<'t> {
    text: &'t str,
    limits: &'t Limits,
    stack: Vec<Open>,
    root: Option<Element>,
    nodes: usize,
    pending: Pending,
}

impl<'t> Builder<'t> {
    fn run(&mut self) -> Result<Element, Fault> {
        if self.text.len() > self.limits.bytes {
            return Err(Fault::new(0, format!("document is longer than {} bytes", self.limits.bytes)));
        }
        // Only a control character, or the first byte of U+FFFE and U+FFFF, calls for a closer look.
        let suspect = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0xef;
        if self.text.bytes().any(suspect)
            && let Some((at, c)) = self.text.char_indices().find(|(_, c)| !is_xml_char(*c))
        {
            return Err(Fault::new(at, format!("PCDATA invalid Char value {}", c as u32)));
        }
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().check_end_names = true;
        reader.config_mut().check_comments = true;
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = match reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(event) => event,
                Err(e) => {
                    let place = usize::try_from(reader.error_position()).unwrap_or(at);
                    return Err(self.token_fault(&e, place));
                }
            };
            self.event(event, at)?;
        }
        self.finish()
    }

    fn event(&mut self, event: Event<'t>, at: usize) -> Result<(), Fault> {
        match event {
            Event::Start(tag) => self.open(&tag, at),
            Event::Empty(tag) => {
                self.open(&tag, at)?;
                self.close(at)
            }
            Event::End(_) => {
                self.flush(true)?;
                self.close(at)
            }
            Event::Text(text) => self.characters(text.as_ref(), at),
            Event::GeneralRef(name) => {
                if self.stack.is_empty() {
                    return Err(self.outside(at));
                }
                let c = reference(name.as_ref()).map_err(|m| Fault::new(at, m))?;
                self.pending.text.push(c);
                self.pending.reference = true;
                Ok(())
            }
            Event::CData(data) => {
                if self.stack.is_empty() {
                    return Err(self.outside(at));
                }
                self.flush(false)?;
                let text = normalize_lines(data.as_ref()).into_owned();
                self.add(Node::CData(text), at)
            }
            Event::Comment(comment) => {
                if self.stack.is_empty() {
                    return Ok(());
                }
                self.flush(false)?;
                let text = normalize_lines(comment.as_ref()).into_owned();
                self.add(Node::Comment(text), at)
            }
            Event::Decl(decl) => self.declaration(&decl, at),
            Event::PI(_) => self.flush(false),
            Event::DocType(_) => Err(Fault::new(at, "document types are not allowed")),
            Event::Eof => Ok(()),
        }
    }

    fn declaration(&self, decl: &BytesDecl<'_>, at: usize) -> Result<(), Fault> {
        if at != 0 {
            return Err(Fault::new(at, "XML declaration allowed only at the start of the document"));
        }
        let Some(encoding) = decl.encoding() else { return Ok(()) };
        let name = encoding.map_err(|_| Fault::new(at, "malformed XML declaration"))?;
        if name.eq_ignore_ascii_case("utf-8") || self.text.is_ascii() {
            return Ok(());
        }
        Err(Fault::new(at, format!("Unsupported encoding {name}")))
    }

    fn characters(&mut self, text: &str, at: usize) -> Result<(), Fault> {
        if self.stack.is_empty() {
            let blank = text.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']).is_empty();
            return if blank { Ok(()) } else { Err(self.outside(at)) };
        }
        if let Some(i) = text.find("]]>") {
            return Err(Fault::new(at + i, "Sequence ']]>' not allowed in content"));
        }
        self.pending.text.push_str(&normalize_lines(text));
        Ok(())
    }

    fn open(&mut self, tag: &BytesStart<'_>, at: usize) -> Result<(), Fault> {
        self.flush(false)?;
        if self.root.is_some() {
            return Err(self.outside(at));
        }
        if self.stack.len() >= self.limits.depth {
            return Err(Fault::new(at, format!("Excessive depth in document: {}", self.limits.depth)));
        }
        let mut element = Element::new(checked_name(tag.name().as_ref(), at)?);
        for attribute in tag.attributes() {
            if element.attributes.len() >= self.limits.attributes {
                return Err(Fault::new(at, format!("more than {} attributes", self.limits.attributes)));
            }
            let attribute = attribute.map_err(|e| attribute_fault(&e, tag, at))?;
            let name = checked_name(attribute.key.as_ref(), at)?;
            let value = attribute_value(attribute.value.as_ref()).map_err(|m| Fault::new(at, m))?;
            element.attributes.push(Attribute { name, value });
        }
        element.namespace = self.namespace_of(&element);
        self.count(at)?;
        self.stack.push(Open { element, at });
        Ok(())
    }

    fn close(&mut self, at: usize) -> Result<(), Fault> {
        let Some(open) = self.stack.pop() else {
            return Err(Fault::new(at, "end tag without start tag"));
        };
        match self.stack.last_mut() {
            Some(parent) => parent.element.nodes.push(Node::Element(open.element)),
            None => self.root = Some(open.element),
        }
        Ok(())
    }

    /// Adds the character data read so far, unless it is blank between elements.
    fn flush(&mut self, at_end_tag: bool) -> Result<(), Fault> {
        if self.pending.text.is_empty() {
            return Ok(());
        }
        let pending = std::mem::replace(&mut self.pending, Pending::new());
        let Some(open) = self.stack.last() else { return Ok(()) };
        let blank = !pending.reference && pending.text.chars().all(char::is_whitespace);
        if blank && !keeps_blank(&open.element, at_end_tag) {
            return Ok(());
        }
        let at = open.at;
        self.add(Node::Text(pending.text), at)
    }

    fn add(&mut self, node: Node, at: usize) -> Result<(), Fault> {
        self.count(at)?;
        if let Some(open) = self.stack.last_mut() {
            open.element.nodes.push(node);
        }
        Ok(())
    }

    fn count(&mut self, at: usize) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(Fault::new(at, format!("more than {} parts in the document", self.limits.nodes)));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Element, Fault> {
        if let Some(open) = self.stack.last() {
            return Err(self.unclosed(&open.element.name, open.at));
        }
        match self.root.take() {
            Some(root) => Ok(root),
            None => Err(Fault::new(0, "Start tag expected, '<' not found")),
        }
    }

    /// The namespace that the element's prefix is bound to; `None` also for a prefix that nobody declares.
    fn namespace_of(&self, element: &Element) -> Option<Arc<str>> {
        let prefix = element.name.split_once(':').map(|(p, _)| p);
        if prefix == Some("xml") {
            return Some(XML_NAMESPACE.into());
        }
        let declares = |a: &&Attribute| match prefix {
            None => a.name == "xmlns",
            Some(p) => a.name.strip_prefix("xmlns:") == Some(p),
        };
        // Children mostly use their parent's namespace: share its string.
        if let Some(a) = element.attributes.iter().find(declares) {
            return (!a.value.is_empty()).then(|| a.value.as_str().into());
        }
        for open in self.stack.iter().rev() {
            if open.element.name.split_once(':').map(|(p, _)| p) == prefix {
                return open.element.namespace.clone();
            }
            if let Some(a) = open.element.attributes.iter().find(declares) {
                return (!a.value.is_empty()).then(|| a.value.as_str().into());
            }
        }
        None
    }

    fn outside(&self, at: usize) -> Fault {
        match self.root {
            Some(_) => Fault::new(at, "Extra content at the end of the document"),
            None => Fault::new(at, "Start tag expected, '<' not found"),
        }
    }

    fn unclosed(&self, name: &str, at: usize) -> Fault {
        let line = line_of(self.text, at);
        Fault::new(self.text.len(), format!("Premature end of data in tag {name} line {line}"))
    }

    fn token_fault(&self, error: &TokenError, at: usize) -> Fault {
        match error {
            TokenError::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                let line = line_of(self.text, self.stack.last().map_or(0, |o| o.at));
                Fault::new(at, format!("Opening and ending tag mismatch: {expected} line {line} and {found}"))
            }
            TokenError::IllFormed(IllFormedError::UnmatchedEndTag(_)) => self.outside(at),
            TokenError::IllFormed(IllFormedError::UnclosedReference) => {
                Fault::new(at, "EntityRef: expecting ';'")
            }
            TokenError::IllFormed(IllFormedError::DoubleHyphenInComment) => {
                Fault::new(at, "Double hyphen within comment")
            }
            TokenError::Syntax(SyntaxError::UnclosedCData) => Fault::new(at, "CData section not finished"),
            TokenError::Syntax(SyntaxError::UnclosedComment) => Fault::new(at, "Comment not terminated"),
            other => Fault::new(at, other.to_string()),
        }
    }
}

/// libxml2's rule for a blank text in `parent`: kept when it is all there is, or beside other text.
fn keeps_blank(parent: &Element, at_end_tag: bool) -> bool {
    let is_text = |n: &Node| matches!(n, Node::Text(_) | Node::CData(_));
    match (parent.nodes.first(), parent.nodes.last()) {
        (Some(first), Some(last)) => is_text(first) || is_text(last),
        _ => at_end_tag,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

/// Whether an XML document can hold all of the text.
pub fn is_text(text: &str) -> bool {
    text.chars().all(is_xml_char)
}

pub(super) fn is_xml_char(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn checked_name(name: &str, at: usize) -> Result<String, Fault> {
    // All that is not ASCII passes: no reader asks for such names.
    let starts = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':' || !b.is_ascii();
    let inside = |b: u8| starts(b) || b.is_ascii_digit() || b == b'-' || b == b'.';
    if name.bytes().next().is_some_and(starts) && name.bytes().all(inside) {
        Ok(name.to_owned())
    } else {
        Err(Fault::new(at, "invalid element or attribute name"))
    }
}

fn attribute_fault(error: &AttrError, tag: &BytesStart<'_>, at: usize) -> Fault {
    let message = match error {
        AttrError::Duplicated(new, _) => {
            let raw: &str = tag;
            let rest = raw.get(*new..).unwrap_or_default();
            let name = rest.split(|c: char| c == '=' || c.is_whitespace()).next().unwrap_or_default();
            format!("Attribute {name} redefined")
        }
        AttrError::UnquotedValue(_) | AttrError::ExpectedValue(_) => "AttValue: \" or ' expected".to_owned(),
        AttrError::ExpectedEq(_) => "Specification mandates value for attribute".to_owned(),
        AttrError::ExpectedQuote(..) => "AttValue: ' expected".to_owned(),
    };
    Fault::new(at, message)
}

/// Resolves references and turns each line end, tab and blank into a blank.
fn attribute_value(raw: &str) -> Result<String, String> {
    if raw.contains('<') {
        return Err("Unescaped '<' not allowed in attributes values".to_owned());
    }
    if !raw.contains(['&', '\n', '\t', '\r']) {
        return Ok(raw.to_owned());
    }
    let raw = normalize_lines(raw);
    let mut out = String::with_capacity(raw.len());
    let mut rest: &str = &raw;
    while let Some(i) = rest.find(['&', '\n', '\t', '\r']) {
        out.push_str(&rest[..i]);
        if rest.as_bytes()[i] != b'&' {
            out.push(' ');
            rest = &rest[i + 1..];
            continue;
        }
        let (name, after) = rest[i + 1..].split_once(';').ok_or("EntityRef: expecting ';'")?;
        out.push(reference(name)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The character that `&name;` stands for.
fn reference(name: &str) -> Result<char, String> {
    let code = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => match name.strip_prefix('#') {
            None if checked_name(name, 0).is_err() => return Err("EntityRef: expecting ';'".to_owned()),
            None => return Err(format!("Entity '{name}' not defined")),
            Some(code) => code,
        },
    };
    let number = match code.strip_prefix('x') {
        Some(hex) if hex.chars().all(|c| c.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
        None if code.chars().all(|c| c.is_ascii_digit()) => code.parse().ok(),
        _ => None,
    };
    number
        .and_then(char::from_u32)
        .filter(|c| is_xml_char(*c))
        .ok_or_else(|| format!("xmlParseCharRef: invalid xmlChar value {}", number.unwrap_or_default()))
}

/// Line ends become a single line feed.
fn normalize_lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
