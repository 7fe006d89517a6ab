//! Whether a document fits a RELAX NG schema, as clients ask with the VALIDATE flags. No I/O: a closure gives the
//! schema's texts.

use relax_ng::{
    Content, DatatypeRegistry, Element as SchemaElement, ExpandedName, ResolveError, SchemaResolver,
    SchemaSource, SchemaSyntax, ValidationError, ValidationErrorKind,
};
use thiserror::Error;

use crate::xml::{Attribute, Element, Node};

/// A schema with all that it includes.
#[derive(Debug)]
pub struct Schema {
    compiled: relax_ng::Schema,
}

/// Why there is no verdict, or what does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// The schema itself cannot be used.
    #[error("the schema cannot be used: {0}")]
    Unusable(String),
    /// The document does not fit: which element, and what is wrong with it.
    #[error("{0}")]
    Misfit(String),
}

impl Schema {
    /// Reads the schema `name` (XML syntax) and what it includes. `read` gives a file's text by its name, or says
    /// why it cannot.
    ///
    /// # Errors
    /// [`SchemaError::Unusable`] when a file is missing or is no schema.
    pub fn load(name: &str, read: impl Fn(&str) -> Result<String, String>) -> Result<Self, SchemaError> {
        let files = Files(read);
        let unusable = |error: &dyn std::fmt::Display| SchemaError::Unusable(error.to_string());
        let source = files.resolve(name, "").map_err(|error| unusable(&error))?;
        let compiled = relax_ng::Schema::compile(&source, &files).map_err(|error| unusable(&error))?;
        Ok(Self { compiled })
    }

    /// Judges a document. The work grows with the document alone, which the parser bounds.
    ///
    /// # Errors
    /// [`SchemaError::Misfit`] with the first part that does not fit; [`SchemaError::Unusable`] when the schema
    /// asks for a type of values that is unknown here.
    pub fn check(&self, root: &Element) -> Result<(), SchemaError> {
        let found = self.compiled.validate(&DatatypeRegistry::new(), &View(root));
        let found = found.map_err(|error| SchemaError::Unusable(error.to_string()))?;
        found.first().map_or(Ok(()), |first| Err(SchemaError::Misfit(describe(first))))
    }
}

fn describe(error: &ValidationError<String>) -> String {
    let place: Vec<&str> = error.path().iter().map(|name| name.local.as_str()).collect();
    let place = if place.is_empty() { "document".to_owned() } else { format!("element {}", place.join("/")) };
    match error.kind() {
        ValidationErrorKind::UnexpectedElement(name) => {
            format!("{place}: element {} does not fit here", name.local)
        }
        ValidationErrorKind::UnexpectedText => format!("{place}: the text does not fit"),
        ValidationErrorKind::UnexpectedAttribute(name) => {
            format!("{place}: attribute {} is not known", name.local)
        }
        ValidationErrorKind::InvalidAttributeValue(name, value) => {
            let value: String = value.chars().take(LONGEST_VALUE).collect();
            format!("{place}: attribute {} cannot be '{value}'", name.local)
        }
        ValidationErrorKind::MissingContent => format!("{place}: an attribute or an element is missing"),
    }
}

/// Characters of a value in an error.
const LONGEST_VALUE: usize = 200;

/// The schema's files, asked for by name.
struct Files<R>(R);

impl<R: Fn(&str) -> Result<String, String>> SchemaResolver for Files<R> {
    fn resolve(&self, href: &str, _base: &str) -> Result<SchemaSource, ResolveError> {
        let text = (self.0)(href).map_err(ResolveError::new)?;
        Ok(SchemaSource::new(text, href, SchemaSyntax::Xml))
    }
}

/// Our element as the validator sees it.
struct View<'a>(&'a Element);

impl<'a> SchemaElement for View<'a> {
    type Location = String;

    fn name(&self) -> ExpandedName {
        ExpandedName::new(self.0.namespace.as_deref(), self.0.local_name())
    }

    fn attributes(&self) -> impl Iterator<Item = (ExpandedName, String)> {
        let declares =
            |attribute: &&Attribute| attribute.name == "xmlns" || attribute.name.starts_with("xmlns:");
        let attributes = self.0.attributes.iter().filter(move |attribute| !declares(attribute));
        attributes.map(|attribute| {
            // libvirt's schemas name no attribute of a namespace: the prefix stands for "some namespace".
            let name = match attribute.name.split_once(':') {
                Some((prefix, local)) => ExpandedName::new(Some(prefix), local),
                None => ExpandedName::new(None::<&str>, attribute.name.as_str()),
            };
            (name, attribute.value.clone())
        })
    }

    fn children(&self) -> impl Iterator<Item = Content<View<'a>>> {
        let mut children: Vec<Content<View<'a>>> = Vec::new();
        for node in &self.0.nodes {
            match node {
                Node::Element(element) => children.push(Content::Element(View(element))),
                Node::Text(text) | Node::CData(text) => match children.last_mut() {
                    // Texts on both sides of a comment are one.
                    Some(Content::Text(before)) => before.push_str(text),
                    _ if text.is_empty() => {}
                    _ => children.push(Content::Text(text.clone())),
                },
                Node::Comment(_) => {}
            }
        }
        children.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, parse};

    const MAIN: &str = "<grammar xmlns='http://relaxng.org/ns/structure/1.0'
        datatypeLibrary='http://www.w3.org/2001/XMLSchema-datatypes'>
        <include href='types.rng'/>
        <start><element name='box'><interleave>
          <element name='size'><ref name='size'/></element>
          <optional><element name='note'><text/></element></optional>
          <optional><element name='any'><zeroOrMore><ref name='foreign'/></zeroOrMore></element></optional>
        </interleave><attribute name='kind'><choice><value>a</value><value>b</value></choice></attribute></element></start>
        <define name='foreign'><element><anyName/><zeroOrMore><choice>
          <attribute><anyName/></attribute><text/><ref name='foreign'/></choice></zeroOrMore></element></define>
      </grammar>";
    const TYPES: &str = "<grammar xmlns='http://relaxng.org/ns/structure/1.0'
        datatypeLibrary='http://www.w3.org/2001/XMLSchema-datatypes'>
        <define name='size'><data type='unsignedInt'><param name='pattern'>[0-9]+</param>
        <param name='minInclusive'>1</param></data></define></grammar>";

    fn read(name: &str) -> Result<String, String> {
        match name {
            "main.rng" => Ok(MAIN.to_owned()),
            "types.rng" => Ok(TYPES.to_owned()),
            _ => Err(format!("no file {name}")),
        }
    }

    fn verdict(text: &str) -> Result<(), SchemaError> {
        let schema = Schema::load("main.rng", read).unwrap();
        schema.check(&parse(text, &Limits::document("test")).unwrap())
    }

    #[test]
    fn what_fits_in_any_order() {
        for text in [
            "<box kind='a'><size>5</size></box>",
            "<box kind='b'><note>x<!-- y -->z</note><size> 7 </size></box>",
            "<box kind='a'><size>1</size><any><f:x xmlns:f='urn:f' f:a='1' b='2'>t<f:y/></f:x></any></box>",
        ] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, words) in [
            ("<box kind='c'><size>5</size></box>", "element box: attribute kind cannot be 'c'"),
            ("<box kind='a' more='1'><size>5</size></box>", "element box: attribute more is not known"),
            ("<box kind='a'><size>5</size><lid/></box>", "element box: element lid does not fit here"),
            ("<box kind='a'><size>0</size></box>", "element box/size: the text does not fit"),
            ("<box kind='a'/>", "element box: an attribute or an element is missing"),
            ("<crate/>", "document: element crate does not fit here"),
        ] {
            assert_eq!(verdict(text), Err(SchemaError::Misfit(words.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_told() {
        let error = Schema::load("other.rng", read).unwrap_err();
        assert_eq!(error, SchemaError::Unusable("no file other.rng".to_owned()));
    }

    #[test]
    fn deep_documents_are_judged() {
        let deep = format!(
            "<box kind='a'><size>1</size><any>{}{}</any></box>",
            "<f>".repeat(250),
            "</f>".repeat(250)
        );
        assert_eq!(verdict(&deep), Ok(()));
    }
}
