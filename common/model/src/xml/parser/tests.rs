use super::*;

const LIMITS: Limits = Limits::document("domain_definition");

fn fault(text: &str) -> String {
    let error = parse(text, &LIMITS).unwrap_err();
    error.message
}

#[test]
fn keeps_order_references_and_namespaces() {
    let root = parse(
        "<?xml version='1.0'?>\n<!-- c --><a x='1&amp;&#10;\n2' xmlns:q='urn:q'>\n <b>t&lt;<![CDATA[<>]]></b>\n <q:c/><b/></a>\n",
        &LIMITS,
    )
    .unwrap();
    assert_eq!(root.attr("x"), Some("1&\n 2"));
    assert_eq!(root.child_text("b").as_deref(), Some("t<<>"));
    assert_eq!(root.children_named("b").count(), 2);
    assert_eq!(root.nodes.len(), 3, "blanks between elements are dropped");
    let c = root.child_in("urn:q", "c").unwrap();
    assert_eq!(c.local_name(), "c");
    assert!(root.child("c").is_none() && root.child("q:c").is_none());
}

#[test]
fn faults_show_line_and_place() {
    assert_eq!(fault(""), "(domain_definition):1: Document is empty\n(null)\n^");
    assert_eq!(fault("hello"), "(domain_definition):1: Start tag expected, '<' not found\nhello\n^");
    assert_eq!(
        fault("<domain type='kvm'><name>x</name>"),
        "(domain_definition):1: Premature end of data in tag domain line 1\n<domain type='kvm'><name>x</name>\n---------------------------------^"
    );
    for (text, part) in [
        ("<a>\n\n<b></c></a>", ":3: Opening and ending tag mismatch: b line 3 and c"),
        ("<a/><b/>", ":1: Extra content at the end of the document"),
        ("<a/> x", ":1: Extra content at the end of the document"),
        ("<a b='1' b='2'/>", ":1: Attribute b redefined"),
        ("<a b=1/>", "AttValue: \" or ' expected"),
        ("<a b='<'/>", "Unescaped '<' not allowed in attributes values"),
        ("<a>&foo;</a>", "Entity 'foo' not defined"),
        ("<a>&#0;</a>", "xmlParseCharRef: invalid xmlChar value 0"),
        ("<a b='&lt'/>", "EntityRef: expecting ';'"),
        ("<a>\u{1}</a>", "PCDATA invalid Char value 1"),
        ("<a><![CDATA[</a>", "CData section not finished"),
        ("<!DOCTYPE a [<!ENTITY e 'x'>]><a/>", "document types are not allowed"),
        ("<?xml version='1.0' encoding='latin1'?><a>\u{e9}</a>", "Unsupported encoding latin1"),
    ] {
        let message = fault(text);
        assert!(message.contains(part), "{text:?}: {message}");
    }
}

#[test]
fn limits_hold() {
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert!(parse(&deep(256), &LIMITS).is_ok());
    assert!(fault(&deep(257)).contains("Excessive depth in document: 256"));
    let wide = |n: usize| {
        let attributes: String = (0..n).map(|i| format!(" a{i}=''")).collect();
        format!("<a{attributes}/>")
    };
    assert!(parse(&wide(256), &LIMITS).is_ok());
    assert!(fault(&wide(257)).contains("more than 256 attributes"));
    let small = Limits { bytes: 10, nodes: 2, ..LIMITS };
    assert!(parse("<a><b/></a>", &small).is_err());
    assert!(parse("<a><b/></a>", &Limits { bytes: 11, ..small.clone() }).is_ok());
    assert!(parse("<a><b/>x</a>", &Limits { bytes: 99, ..small }).is_err());
}

#[test]
fn standalone_copies_declare_their_prefixes() {
    let root = parse("<d xmlns:q='urn:q'><metadata><q:x/></metadata></d>", &LIMITS).unwrap();
    let kept = root.child("metadata").unwrap().detached(&[&root]);
    assert_eq!(kept.attr("xmlns:q"), Some("urn:q"));
}
