//! What a guest asks of this host before anything else.

use model::bitmap::Bitmap;
use model::domain::Domain;
use model::domain::numatune::NumaMode;
use model::domain::vcpu::Placement;

use super::PlanError;
use crate::defaults::Part;
use crate::defaults::facts::HostFacts;

/// Refuses what the host does not have.
pub(super) fn check(domain: &Domain, host: &HostFacts) -> Result<(), PlanError> {
    let memory = domain.numatune.memory.as_ref();
    // The nodes of the vCPUs follow from those of the memory, if these are known.
    let automatic = match memory {
        Some(memory) => memory.placement == Placement::Auto && memory.nodeset.is_none(),
        None => domain.vcpus.placement == Placement::Auto && domain.vcpus.cpuset.is_none(),
    };
    if automatic {
        return Err(PlanError::internal("Advice from numad is needed in case of automatic numa placement")
            .by(Part::Domain));
    }
    if let Some(keywrap) = domain.keywrap
        && (keywrap.aes.is_some() || keywrap.dea.is_some())
    {
        let cipher = if keywrap.aes.is_some() { "aes" } else { "dea" };
        return Err(PlanError::unsupported(format!(
            "{cipher}-key-wrap is not available with this QEMU binary"
        )));
    }
    let strict = memory.filter(|memory| memory.mode != NumaMode::Restrictive);
    let whole = strict.and_then(|memory| memory.nodeset.as_ref());
    let cells = domain.numatune.nodes.iter().map(|node| &node.nodeset);
    whole.into_iter().chain(cells).try_for_each(|nodes| known(nodes, host))
}

/// Whether the host has these NUMA nodes.
fn known(nodes: &Bitmap, host: &HostFacts) -> Result<(), PlanError> {
    if host.numa_nodes.is_empty() {
        return Ok(());
    }
    match nodes.iter().find(|node| !host.numa_nodes.contains(node)) {
        Some(node) => Err(PlanError::unsupported(format!("NUMA node {node} is unavailable")).by(Part::None)),
        None => Ok(()),
    }
}
