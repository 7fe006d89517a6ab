//! Documents compared as trees: order of attributes and blanks between elements do not count.

use model::xml::{Element, Limits, Node, parse};

/// Lines that differ between two documents, `-` expected, `+` got.
pub(crate) fn diff(expected: &str, got: &str) -> Vec<String> {
    let expected = lines(expected);
    let got = lines(got);
    difference(&expected, &got)
}

fn lines(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    match parse(text, &Limits::document("golden")) {
        Ok(root) => write(&root, 0, &mut out),
        Err(error) => out.push(format!("not a document: {error}")),
    }
    out
}

fn write(element: &Element, depth: usize, out: &mut Vec<String>) {
    let mut attributes: Vec<String> =
        element.attributes.iter().map(|a| format!(" {}='{}'", a.name, a.value)).collect();
    attributes.sort();
    let indent = "  ".repeat(depth);
    let mut text = String::new();
    for node in &element.nodes {
        if let Node::Text(t) | Node::CData(t) = node {
            text.push_str(t);
        }
    }
    out.push(format!("{indent}<{}{}>{}", element.name, attributes.concat(), text.trim()));
    element.elements().for_each(|child| write(child, depth + 1, out));
}

/// Longest common subsequence; documents are a few hundred lines.
fn difference(a: &[String], b: &[String]) -> Vec<String> {
    let mut table = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i][j] =
                if a[i] == b[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            i += 1;
            j += 1;
        } else if j >= b.len() || (i < a.len() && table[i + 1][j] >= table[i][j + 1]) {
            out.push(format!("-{}", a[i]));
            i += 1;
        } else {
            out.push(format!("+{}", b[j]));
            j += 1;
        }
    }
    out
}
