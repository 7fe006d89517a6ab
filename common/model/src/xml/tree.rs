//! The element tree: keeps order, comments and namespaces, and knows nothing of meaning.

use std::sync::Arc;

/// One attribute as written, with references resolved. Namespace declarations are attributes too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Qualified name (`type`, `xmlns:qemu`).
    pub name: String,
    /// Value.
    pub value: String,
}

/// One thing inside an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data with references resolved.
    Text(String),
    /// A CDATA section.
    CData(String),
    /// A comment.
    Comment(String),
}

/// An element with its attributes and content in document order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Qualified name as written (`disk`, `qemu:arg`).
    pub name: String,
    /// URI of the namespace the element is in; `None` for libvirt's own elements.
    pub namespace: Option<Arc<str>>,
    /// Attributes in document order.
    pub attributes: Vec<Attribute>,
    /// Content in document order.
    pub nodes: Vec<Node>,
}

impl Element {
    /// An empty element without namespace.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The name without its prefix.
    pub fn local_name(&self) -> &str {
        match (&self.namespace, self.name.split_once(':')) {
            (Some(_), Some((_, local))) => local,
            _ => &self.name,
        }
    }

    /// Is this the element `name` without namespace?
    pub fn is(&self, name: &str) -> bool {
        self.namespace.is_none() && self.name == name
    }

    /// The value of attribute `name` (a qualified name).
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// Sets attribute `name`, replacing a former value.
    pub fn set_attr(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.attributes.iter_mut().find(|a| a.name == name) {
            Some(a) => a.value = value,
            None => self.attributes.push(Attribute { name: name.to_owned(), value }),
        }
    }

    /// All child elements, of any namespace.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|n| match n {
            Node::Element(e) => Some(e),
            _ => None,
        })
    }

    /// The first child element `name` without namespace.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.elements().find(|e| e.is(name))
    }

    /// All child elements `name` without namespace.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |e| e.is(name))
    }

    /// The first child `local` in namespace `uri`.
    pub fn child_in(&self, uri: &str, local: &str) -> Option<&Element> {
        self.elements().find(|e| e.namespace.as_deref() == Some(uri) && e.local_name() == local)
    }

    /// The element reached by going down `path` ("os/type"), first child by first child.
    pub fn find(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |e, name| e.child(name))
    }

    /// All character data inside, those of descendants included, as XPath's `string()`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.collect_text(&mut out);
        out
    }

    /// Text of the element at `path`; `None` when it is absent or empty.
    pub fn child_text(&self, path: &str) -> Option<String> {
        self.find(path).map(Element::text).filter(|t| !t.is_empty())
    }

    /// A copy that stands alone: prefixes that are declared further out (`scope`, outermost first) and used
    /// inside are declared on it.
    #[must_use]
    pub fn detached(&self, scope: &[&Element]) -> Element {
        let mut copy = self.clone();
        let mut missing = Vec::new();
        undeclared(self, &mut Vec::new(), &mut missing);
        for prefix in missing {
            let key = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            if let Some(uri) = scope.iter().rev().find_map(|e| e.attr(&key)) {
                copy.set_attr(&key, uri);
            }
        }
        copy
    }

    fn collect_text(&self, out: &mut String) {
        for node in &self.nodes {
            match node {
                Node::Element(e) => e.collect_text(out),
                Node::Text(t) | Node::CData(t) => out.push_str(t),
                Node::Comment(_) => {}
            }
        }
    }
}

/// Collects the prefixes that `element` uses without a declaration inside of itself. Depth is bounded by the
/// parser.
fn undeclared(element: &Element, declared: &mut Vec<String>, missing: &mut Vec<String>) {
    let before = declared.len();
    for a in &element.attributes {
        if a.name == "xmlns" {
            declared.push(String::new());
        } else if let Some(prefix) = a.name.strip_prefix("xmlns:") {
            declared.push(prefix.to_owned());
        }
    }
    let prefixed = element.attributes.iter().filter_map(|a| a.name.split_once(':').map(|(p, _)| p));
    let own = element.name.split_once(':').map_or("", |(p, _)| p);
    for prefix in prefixed.chain([own]) {
        let known = prefix == "xmlns" || prefix == "xml" || declared.iter().any(|d| d == prefix);
        if !known && !missing.iter().any(|m| m == prefix) {
            missing.push(prefix.to_owned());
        }
    }
    for child in element.elements() {
        undeclared(child, declared, missing);
    }
    declared.truncate(before);
}
