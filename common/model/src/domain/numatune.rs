//! `numatune`: host NUMA nodes that guest memory comes from.

use std::collections::BTreeSet;

use crate::Token;
use crate::bitmap::Bitmap;
use crate::xml::{Element, Writer, XmlError};

use super::vcpu::Placement;

tokens! {
    /// How nodes are used.
    #[derive(Default)]
    pub enum NumaMode {
        #[default]
        Strict = "strict",
        Preferred = "preferred",
        Interleave = "interleave",
        Restrictive = "restrictive",
    }
}

/// `numatune`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumaTune {
    /// For the whole guest.
    pub memory: Option<NumaMemory>,
    /// For single guest cells.
    pub nodes: Vec<NumaMemNode>,
}

/// `numatune/memory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumaMemory {
    /// Mode.
    pub mode: NumaMode,
    /// Placement.
    pub placement: Placement,
    /// Host nodes, when placement is static.
    pub nodeset: Option<Bitmap>,
}

/// `numatune/memnode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumaMemNode {
    /// Guest cell.
    pub cell: u32,
    /// Mode.
    pub mode: NumaMode,
    /// Host nodes.
    pub nodeset: Bitmap,
}

impl NumaTune {
    /// Is the choice of nodes left to the host's adviser?
    pub fn is_auto(&self) -> bool {
        self.memory.as_ref().is_some_and(|m| m.placement == Placement::Auto)
    }

    /// `vcpu_auto`: the vCPUs' placement is automatic; `cells`: guest NUMA cells.
    pub(super) fn parse(domain: &Element, vcpu_auto: bool, cells: usize) -> Result<Self, XmlError> {
        if domain.children_named("numatune").nth(1).is_some() {
            return Err(XmlError::xml("only one numatune is supported"));
        }
        let e = domain.child("numatune");
        let node = e.and_then(|e| e.child("memory"));
        let mode = match node {
            Some(n) => tune_mode(n)?,
            None => None,
        };
        let given: Option<Placement> = match node {
            Some(n) => tune_placement(n)?,
            None => None,
        };
        let nodeset = node.and_then(|n| n.attr("nodeset")).map(parse_nodeset).transpose()?;
        let auto = given == Some(Placement::Auto)
            || (given.is_none() && nodeset.is_none() && node.is_some() && vcpu_auto);
        if auto && e.is_some_and(|e| e.child("memnode").is_some()) {
            let text = "Per-node binding is not compatible with automatic NUMA placement.";
            return Err(XmlError::unsupported(text));
        }
        let placement = match given {
            Some(p) => Some(p),
            None if nodeset.is_some() => Some(Placement::Static),
            None if vcpu_auto => Some(Placement::Auto),
            None if node.is_none() || (mode.is_none() && nodeset.is_none()) => None,
            None => Some(Placement::Static),
        };
        if placement == Some(Placement::Static) && nodeset.is_none() {
            let text = "nodeset for NUMA memory tuning must be set if 'placement' is 'static'";
            return Err(XmlError::unsupported(text));
        }
        let nodes = match e {
            Some(e) => parse_nodes(e, cells)?,
            None => Vec::new(),
        };
        let Some(placement) = placement else { return Ok(Self { memory: None, nodes }) };
        let nodeset = nodeset.filter(|_| placement == Placement::Static);
        let restrictive = |mode: NumaMode| mode == NumaMode::Restrictive;
        let whole = restrictive(mode.unwrap_or_default());
        if let Some(node) = nodes.iter().find(|node| restrictive(node.mode) != whole) {
            let (one, other) = if whole { ("memnode", "memory") } else { ("memory", "memnode") };
            return Err(XmlError::xml(format!(
                "'restrictive' mode is required in {one} element when mode is 'restrictive' in {other} element (cell {})",
                node.cell
            )));
        }
        Ok(Self { memory: Some(NumaMemory { mode: mode.unwrap_or_default(), placement, nodeset }), nodes })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("numatune");
        if let Some(memory) = &self.memory {
            w.start("memory").attr("mode", memory.mode);
            match memory.placement {
                Placement::Auto => w.attr("placement", Placement::Auto),
                Placement::Static => w.attr_opt("nodeset", memory.nodeset.as_ref()),
            };
            w.end();
        }
        for n in &self.nodes {
            w.start("memnode").attr("cellid", n.cell).attr("mode", n.mode).attr("nodeset", &n.nodeset).end();
        }
        w.end_or_drop();
    }
}

fn tune_placement(e: &Element) -> Result<Option<Placement>, XmlError> {
    let Some(word) = e.attr("placement") else { return Ok(None) };
    let unknown = || XmlError::unsupported(format!("Unsupported NUMA memory placement mode '{word}'"));
    Placement::from_word(word).map(Some).ok_or_else(unknown)
}

fn tune_mode(e: &Element) -> Result<Option<NumaMode>, XmlError> {
    let Some(word) = e.attr("mode") else { return Ok(None) };
    let unknown = || XmlError::unsupported(format!("Unsupported NUMA memory tuning mode '{word}'"));
    NumaMode::from_word(word).map(Some).ok_or_else(unknown)
}

fn parse_nodes(e: &Element, cells: usize) -> Result<Vec<NumaMemNode>, XmlError> {
    let mut nodes = Vec::new();
    let mut seen = BTreeSet::new();
    for n in e.children_named("memnode") {
        if cells == 0 {
            return Err(XmlError::xml("Element 'memnode' is invalid without any guest NUMA cells"));
        }
        let cell: u32 = n.require_num("cellid")?;
        if cell as usize >= cells {
            let text =
                "Argument 'cellid' in numatune memnode element must correspond to existing guest's NUMA cell";
            return Err(XmlError::xml(text));
        }
        if !seen.insert(cell) {
            return Err(XmlError::xml(format!("Multiple numatune memnode elements with cellid {cell}")));
        }
        let mode = tune_mode(n)?.unwrap_or_default();
        let Some(text) = n.attr("nodeset") else {
            return Err(XmlError::xml("Missing required nodeset attribute in memnode element"));
        };
        nodes.push(NumaMemNode { cell, mode, nodeset: parse_nodeset(text)? });
    }
    nodes.sort_by_key(|n: &NumaMemNode| n.cell);
    Ok(nodes)
}

fn parse_nodeset(text: &str) -> Result<Bitmap, XmlError> {
    let set = Bitmap::parse(text)?;
    if set.is_empty() {
        return Err(XmlError::unsupported(format!("Invalid value of 'nodeset': {text}")));
    }
    Ok(set)
}
