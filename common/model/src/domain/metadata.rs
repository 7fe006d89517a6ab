//! `metadata`: elements of other programs, one for each namespace.

use std::collections::BTreeSet;

use crate::xml::{Element, Node, Writer};

/// The element as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(Element);

impl Metadata {
    /// Without any element.
    pub fn empty() -> Self {
        Self(Element::new("metadata"))
    }

    /// The first element of each namespace; what has none is dropped, as the reference does.
    pub(super) fn parse(domain: &Element) -> Option<Self> {
        let mut kept = domain.child("metadata")?.detached(&[domain]);
        let mut seen = BTreeSet::new();
        kept.nodes.retain(|node| match node {
            Node::Element(Element { namespace: Some(uri), .. }) => seen.insert(uri.clone()),
            _ => false,
        });
        Some(Self(kept))
    }

    /// The element of namespace `uri`.
    pub fn get(&self, uri: &str) -> Option<&Element> {
        self.0.elements().find(|e| e.namespace.as_deref() == Some(uri))
    }

    /// Puts `element` in the place of the one of its namespace.
    pub fn set(&mut self, element: Element) {
        let Some(uri) = element.namespace.clone() else { return };
        self.remove(&uri);
        self.0.nodes.push(Node::Element(element));
    }

    /// Takes away the element of namespace `uri`; tells whether there was one.
    pub fn remove(&mut self, uri: &str) -> bool {
        let before = self.0.nodes.len();
        self.0.nodes.retain(|n| !matches!(n, Node::Element(e) if e.namespace.as_deref() == Some(uri)));
        self.0.nodes.len() != before
    }

    /// Is no element left?
    pub fn is_empty(&self) -> bool {
        self.0.nodes.is_empty()
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.tree(&self.0);
    }
}
