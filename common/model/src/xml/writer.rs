//! Text in libvirt's layout: two blanks per level, single quotes, empty elements closed at once.

use std::fmt::{self, Display, Write as _};
use std::ops::Range;

use super::parser::is_xml_char;
use super::{Element, Node};
use crate::Token;

/// Room for most definitions, so that the text does not move while it grows.
const USUAL_SIZE: usize = 8 << 10;

/// Indentation of all but the deepest elements.
const BLANKS: &str = "                                ";

/// Bytes that are escaped or left out.
static SPECIAL: [bool; 256] = special();

/// Writes elements in order. Attributes follow [`Writer::start`]; every `start` is answered by an `end`.
///
/// ```
/// let mut w = model::xml::Writer::new();
/// w.start("disk").attr("type", "file");
/// w.start("target").attr("dev", "vda").attr_opt("bus", None::<&str>).end();
/// w.end();
/// assert_eq!(w.finish(), "<disk type='file'>\n  <target dev='vda'/>\n</disk>\n");
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
    frames: Vec<Frame>,
    base_indent: usize,
}

#[derive(Debug)]
struct Frame {
    /// Where the name stands in the text: the end tag copies it from there.
    name: Range<usize>,
    /// Length of the text before this element, to take it back.
    start: usize,
    state: State,
    parent_was_open: bool,
    attributes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// The start tag awaits attributes.
    Tag,
    /// Children follow, each on a line.
    Children,
    /// Text follows, on the same line.
    Text,
}

impl Writer {
    /// A writer at the left margin.
    pub fn new() -> Self {
        Self { out: String::with_capacity(USUAL_SIZE), ..Self::default() }
    }

    /// A writer whose outermost elements are `levels` deep.
    pub fn indented(levels: usize) -> Self {
        Self { base_indent: levels, ..Self::new() }
    }

    /// Begins an element.
    pub fn start(&mut self, name: &str) -> &mut Self {
        let start = self.out.len();
        let parent_was_open = self.children_begin();
        self.indent(self.frames.len());
        self.out.push('<');
        self.out.push_str(name);
        let name = self.out.len() - name.len()..self.out.len();
        let frame = Frame { name, start, state: State::Tag, parent_was_open, attributes: 0 };
        self.frames.push(frame);
        self
    }

    /// Adds an attribute to the element just begun; after its first child or text there is none to add to.
    pub fn attr(&mut self, name: &str, value: impl Display) -> &mut Self {
        let Some(frame) = self.frames.last_mut().filter(|f| f.state == State::Tag) else {
            debug_assert!(false, "attribute {name} after content");
            return self;
        };
        frame.attributes += 1;
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("='");
        self.escaped(value);
        self.out.push('\'');
        self
    }

    /// Adds an attribute when there is a value.
    pub fn attr_opt<T: Display>(&mut self, name: &str, value: Option<T>) -> &mut Self {
        match value {
            Some(v) => self.attr(name, v),
            None => self,
        }
    }

    /// Adds `yes` or `no` when there is a value.
    pub fn attr_yes_no(&mut self, name: &str, value: Option<bool>) -> &mut Self {
        self.attr_opt(name, value.map(|v| if v { "yes" } else { "no" }))
    }

    /// Adds `on` or `off` when there is a value.
    pub fn attr_on_off(&mut self, name: &str, value: Option<bool>) -> &mut Self {
        self.attr_opt(name, value.map(|v| if v { "on" } else { "off" }))
    }

    /// Adds an attribute when the value is not the default word.
    pub fn attr_unless<T: Token>(&mut self, name: &str, value: T, default: T) -> &mut Self {
        if value == default { self } else { self.attr(name, value) }
    }

    /// Writes text inside the element.
    pub fn text(&mut self, value: impl Display) -> &mut Self {
        if let Some(frame) = self.frames.last_mut() {
            if frame.state == State::Tag {
                self.out.push('>');
            }
            frame.state = State::Text;
        }
        self.escaped(value);
        self
    }

    /// Ends the element begun last.
    pub fn end(&mut self) -> &mut Self {
        let Some(frame) = self.frames.pop() else {
            debug_assert!(false, "end without start");
            return self;
        };
        match frame.state {
            State::Tag => self.out.push_str("/>\n"),
            state => {
                if state == State::Children {
                    self.indent(self.frames.len());
                }
                self.out.push_str("</");
                self.out.extend_from_within(frame.name);
                self.out.push_str(">\n");
            }
        }
        self
    }

    /// Ends the element begun last, or takes it back when it has neither attributes nor content.
    pub fn end_or_drop(&mut self) -> &mut Self {
        let empty = |f: &Frame| f.state == State::Tag && f.attributes == 0;
        if !self.frames.last().is_some_and(empty) {
            return self.end();
        }
        if let Some(frame) = self.frames.pop() {
            self.out.truncate(frame.start);
            if frame.parent_was_open
                && let Some(parent) = self.frames.last_mut()
            {
                parent.state = State::Tag;
            }
        }
        self
    }

    /// Writes the end tag on a line of its own even if nothing comes in between.
    pub fn force_content(&mut self) -> &mut Self {
        self.children_begin();
        self
    }

    /// Leaves a line empty, as libvirt does between the parts of its capabilities.
    pub fn blank_line(&mut self) -> &mut Self {
        self.children_begin();
        self.out.push('\n');
        self
    }

    /// `<name/>`.
    pub fn empty(&mut self, name: &str) -> &mut Self {
        self.start(name).end()
    }

    /// `<name>value</name>`.
    pub fn text_element(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.start(name).text(value).end()
    }

    /// `<name>value</name>` when there is a value.
    pub fn text_element_opt<T: Display>(&mut self, name: &str, value: Option<T>) -> &mut Self {
        match value {
            Some(v) => self.text_element(name, v),
            None => self,
        }
    }

    /// Writes a kept tree as libxml2 does: double quotes, and no line breaks where text is mixed in.
    pub fn tree(&mut self, element: &Element) -> &mut Self {
        self.children_begin();
        let depth = self.frames.len();
        self.indent(depth);
        self.node(element, Some(depth));
        self.out.push('\n');
        self
    }

    /// The text written. Elements still open are left so.
    pub fn finish(self) -> String {
        self.out
    }

    /// Makes the open element one that has children; tells whether its tag was still open.
    fn children_begin(&mut self) -> bool {
        match self.frames.last_mut() {
            Some(frame) if frame.state == State::Tag => {
                frame.state = State::Children;
                self.out.push_str(">\n");
                true
            }
            _ => false,
        }
    }

    fn indent(&mut self, depth: usize) {
        let mut blanks = 2 * (self.base_indent + depth);
        while blanks > 0 {
            let some = BLANKS.get(..blanks).unwrap_or(BLANKS);
            self.out.push_str(some);
            blanks -= some.len();
        }
    }

    fn escaped(&mut self, value: impl Display) {
        // Writing to a String cannot fail; a Display that does has nothing to add.
        let _ = write!(Escape { out: &mut self.out }, "{value}");
    }

    /// `depth`: the level when laid out on lines; none inside mixed content. Recursion is bounded by the
    /// parser's depth.
    fn node(&mut self, element: &Element, depth: Option<usize>) {
        self.out.push('<');
        self.out.push_str(&element.name);
        // libxml2 keeps namespace declarations apart from attributes and writes them first.
        let (spaces, plain): (Vec<_>, Vec<_>) =
            element.attributes.iter().partition(|a| a.name == "xmlns" || a.name.starts_with("xmlns:"));
        for a in spaces.into_iter().chain(plain) {
            self.out.push(' ');
            self.out.push_str(&a.name);
            self.out.push_str("=\"");
            escape_libxml(&mut self.out, &a.value, true);
            self.out.push('"');
        }
        if element.nodes.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        let mixed = element.nodes.iter().any(|n| matches!(n, Node::Text(_) | Node::CData(_)));
        let inner = depth.filter(|_| !mixed).map(|d| d + 1);
        for node in &element.nodes {
            self.line(inner);
            match node {
                Node::Element(e) => self.node(e, inner),
                Node::Text(t) => escape_libxml(&mut self.out, t, false),
                Node::CData(t) => _ = write!(self.out, "<![CDATA[{t}]]>"),
                Node::Comment(t) => _ = write!(self.out, "<!--{t}-->"),
            }
        }
        self.line(inner.map(|d| d - 1));
        self.out.push_str("</");
        self.out.push_str(&element.name);
        self.out.push('>');
    }

    fn line(&mut self, depth: Option<usize>) {
        if let Some(d) = depth {
            self.out.push('\n');
            self.indent(d);
        }
    }
}

/// Escapes what libvirt escapes and leaves out what no document can hold, such as control characters.
struct Escape<'a> {
    out: &'a mut String,
}

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if !s.bytes().any(|byte| SPECIAL[usize::from(byte)]) {
            self.out.push_str(s);
            return Ok(());
        }
        for c in s.chars() {
            match c {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '\'' => self.out.push_str("&apos;"),
                '"' => self.out.push_str("&quot;"),
                '\t' | '\n' | '\r' => self.out.push(c),
                c if !is_xml_char(c) => {}
                c => self.out.push(c),
            }
        }
        Ok(())
    }
}

const fn special() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x80u8 {
        table[byte as usize] = matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'"') || byte < 0x20;
        byte += 1;
    }
    // Where U+FFFE and U+FFFF begin.
    table[0xef] = true;
    table
}

fn escape_libxml(out: &mut String, text: &str, attribute: bool) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\r' => out.push_str("&#13;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, parse};

    #[test]
    fn layout_and_escapes() {
        let mut w = Writer::new();
        w.start("a").attr("x", "<>&'\"\u{1}\né");
        w.start("dropped").end_or_drop();
        w.start("kept").attr_yes_no("k", Some(true)).end_or_drop();
        w.text_element("t", 5);
        w.end();
        assert_eq!(w.finish(), "<a x='&lt;&gt;&amp;&apos;&quot;\né'>\n  <kept k='yes'/>\n  <t>5</t>\n</a>\n");
    }

    #[test]
    fn dropping_the_only_child_leaves_the_parent_empty() {
        let mut w = Writer::new();
        w.start("a");
        w.start("b");
        w.start("c").end_or_drop();
        w.end_or_drop().end_or_drop();
        assert_eq!(w.finish(), "");
    }

    #[test]
    fn kept_trees_look_as_libxml2_writes_them() {
        let text = "<metadata><a:x q='1&amp;\"' xmlns:a='urn:a' ><!-- c --><a:y/><![CDATA[ab<c]]>  text </a:x><b:z xmlns:b='urn:b'><b:k>é &amp; \"</b:k>\n\n<b:m><b:n/></b:m></b:z></metadata>";
        let root = parse(text, &Limits::document("test")).unwrap();
        let mut w = Writer::indented(1);
        w.tree(&root);
        assert_eq!(
            w.finish(),
            "  <metadata>\n    <a:x xmlns:a=\"urn:a\" q=\"1&amp;&quot;\"><!-- c --><a:y/><![CDATA[ab<c]]>  text </a:x>\n    <b:z xmlns:b=\"urn:b\">\n      <b:k>é &amp; \"</b:k>\n      <b:m>\n        <b:n/>\n      </b:m>\n    </b:z>\n  </metadata>\n"
        );
    }
}
