//! What people and other programs note about a domain: title, description, and one element for each namespace.

use std::sync::Arc;

use ::driver::flags;
use ::driver::jobs::Job;
use model::domain::Domain as Definition;
use model::domain::metadata::Metadata;
use model::xml::{self, Attribute, Element, Node, Writer};
use protocol::consts::{DomainModificationImpact as Affect, domain_metadata_type as kind};
use protocol::remote::{DomainGetMetadataArgs, DomainSetMetadataArgs};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::driver::{Driver, check_flags};
use crate::impact;

/// Read one of them (procedure 265).
pub fn read(driver: &Driver, args: &DomainGetMetadataArgs) -> Result<String, Fault> {
    let flags = flags::check(ErrorDomain::DOMAIN, "virDomainGetMetadata", args.flags, Affect::all())?;
    let view = driver.view(&args.dom)?;
    let definition = impact::one(&view, flags)?;
    let text = match args.r#type {
        kind::DESCRIPTION => definition.description.clone(),
        kind::TITLE => definition.title.clone(),
        kind::ELEMENT => {
            let uri = args.uri.as_deref().ok_or_else(|| missing("a namespace"))?;
            definition.metadata.as_ref().and_then(|all| all.get(uri)).map(|found| alone(found, uri))
        }
        other => return Err(unknown_kind(other)),
    };
    text.ok_or_else(|| {
        let detail = "the requested metadata element is not present";
        Fault::new(ErrorDomain::DOMAIN, ErrorCode::NO_DOMAIN_METADATA, detail)
    })
}

/// Set, replace or remove one of them (procedure 264).
pub async fn write(driver: &Driver, args: DomainSetMetadataArgs) -> Result<(), Fault> {
    let flags = check_flags("virDomainSetMetadata", args.flags, Affect::all())?;
    check_arguments(&args)?;
    let domain = driver.domain(&args.dom)?;
    let job = domain.begin(Job::Modify, "virDomainSetMetadata").await?;
    let told = Arc::clone(&domain);
    let tell = |state: &_| driver.tell_metadata(&told, state, args.r#type, args.uri.as_deref());
    impact::change(driver, &domain, &job, flags, |definition| apply(definition, &args), tell).await
}

/// What must hold whatever the domain is.
fn check_arguments(args: &DomainSetMetadataArgs) -> Result<(), Fault> {
    match args.r#type {
        kind::TITLE if args.metadata.as_deref().is_some_and(|title| title.contains('\n')) => {
            Err(Fault::invalid_arg(ErrorDomain::DOMAIN, "metadata title can't contain newlines"))
        }
        kind::TITLE | kind::DESCRIPTION if args.uri.is_some() || args.key.is_some() => {
            let detail = "title and description have neither a namespace nor a key";
            Err(Fault::invalid_arg(ErrorDomain::DOMAIN, detail))
        }
        kind::ELEMENT if args.uri.is_none() => Err(missing("a namespace")),
        kind::ELEMENT if args.metadata.is_some() && args.key.is_none() => Err(missing("a key")),
        _ => Ok(()),
    }
}

fn apply(definition: &mut Definition, args: &DomainSetMetadataArgs) -> Result<(), Fault> {
    let text = || args.metadata.clone().filter(|text| !text.is_empty());
    match args.r#type {
        kind::DESCRIPTION => definition.description = text(),
        kind::TITLE => definition.title = text(),
        kind::ELEMENT => {
            let uri = args.uri.as_deref().ok_or_else(|| missing("a namespace"))?;
            let fresh = match (&args.metadata, &args.key) {
                (Some(text), Some(key)) => Some(namespaced(text, key, uri)?),
                _ => None,
            };
            let kept = definition.metadata.get_or_insert_with(|| Box::new(Metadata::empty()));
            kept.remove(uri);
            if let Some(element) = fresh {
                kept.set(element);
            }
            if kept.is_empty() {
                definition.metadata = None;
            }
        }
        other => return Err(unknown_kind(other)),
    }
    Ok(())
}

/// A client's element, put into its namespace by the prefix `key` wherever it has none of its own.
fn namespaced(text: &str, key: &str, uri: &str) -> Result<Element, Fault> {
    if !is_prefix(key) {
        let detail = format!("key '{key}' cannot be the prefix of a namespace");
        return Err(Fault::internal(ErrorDomain::XML, detail));
    }
    if !xml::is_text(uri) {
        let detail = "the namespace has characters that no document can hold";
        return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, detail));
    }
    let parsed = xml::parse(text, &xml::Limits::document("metadata_xml"));
    let mut element = parsed.map_err(::driver::fault::xml)?;
    let declaration = format!("xmlns:{key}");
    match element.attr(&declaration) {
        Some(other) if other != uri => {
            let detail = format!("the element declares '{key}' as prefix of '{other}', not of '{uri}'");
            return Err(Fault::new(ErrorDomain::DOMAIN, ErrorCode::XML_ERROR, detail));
        }
        Some(_) => {}
        None => {
            let declared = element.attributes.iter().take_while(|a| a.name.starts_with("xmlns")).count();
            element.attributes.insert(declared, Attribute { name: declaration, value: uri.to_owned() });
        }
    }
    prefix(&mut element, key, &Arc::from(uri));
    Ok(element)
}

/// Put elements without a namespace into one. Depth is bounded by the parser.
fn prefix(element: &mut Element, key: &str, uri: &Arc<str>) {
    if element.namespace.is_none() {
        element.name = format!("{key}:{}", element.name);
        element.namespace = Some(Arc::clone(uri));
    }
    for node in &mut element.nodes {
        if let Node::Element(child) = node {
            prefix(child, key, uri);
        }
    }
}

/// The element as its program gave it: without the namespace that stands for the program.
fn alone(element: &Element, uri: &str) -> String {
    let mut copy = element.clone();
    copy.attributes.retain(|a| !(a.name.starts_with("xmlns:") && a.value == uri));
    strip(&mut copy, uri);
    let mut w = Writer::new();
    w.tree(&copy);
    w.finish().trim_end().to_owned()
}

fn strip(element: &mut Element, uri: &str) {
    if element.namespace.as_deref() == Some(uri) {
        element.name = element.local_name().to_owned();
        element.namespace = None;
    }
    for node in &mut element.nodes {
        if let Node::Element(child) = node {
            strip(child, uri);
        }
    }
}

/// A name without colon, as XML's namespaces have them; beyond ASCII, XML's own parser judges.
fn is_prefix(key: &str) -> bool {
    let begins = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || !c.is_ascii();
    begins && key.chars().all(inside) && xml::is_text(key) && !key.eq_ignore_ascii_case("xmlns")
}

fn missing(what: &str) -> Fault {
    Fault::invalid_arg(ErrorDomain::DOMAIN, format!("metadata elements need {what}"))
}

fn unknown_kind(kind: i32) -> Fault {
    Fault::invalid_arg(ErrorDomain::DOMAIN, format!("unknown metadata type '{kind}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_comes_and_goes() {
        let element = namespaced("<x a='1'><y/><o:z xmlns:o='urn:o'/></x>", "k", "urn:x").unwrap();
        let mut w = Writer::new();
        w.tree(&element);
        let stored = w.finish();
        assert!(stored.starts_with("<k:x xmlns:k=\"urn:x\" a=\"1\">\n  <k:y/>\n"), "{stored}");
        let back = alone(&element, "urn:x");
        assert_eq!(back, "<x a=\"1\">\n  <y/>\n  <o:z xmlns:o=\"urn:o\"/>\n</x>");
    }

    #[test]
    fn keys_that_are_no_prefixes() {
        for bad in ["", "a:b", "1", "a b", "<", "xmlns"] {
            assert_eq!(namespaced("<x/>", bad, "u").unwrap_err().code, ErrorCode::INTERNAL_ERROR, "{bad}");
        }
        assert_eq!(namespaced("no xml", "k", "u").unwrap_err().code, ErrorCode::XML_DETAIL);
        let taken = namespaced("<x xmlns:k='other'/>", "k", "u").unwrap_err();
        assert_eq!(taken.code, ErrorCode::XML_ERROR);
    }
}
