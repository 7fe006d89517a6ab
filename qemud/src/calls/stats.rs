//! Statistics: the bulk call with its groups, and the single calls about memory.

use futures_util::future;
use host::proc;
use protocol::consts::{
    ConnectGetAllDomainStatsFlags as Filter, ConnectListAllDomainsFlags, DomainStatsTypes as Group,
};
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use super::{interfaces, list};
use crate::domain::View;
use crate::driver::{check_flags, named, no_flags};
use crate::service::Virtqemud;

mod block;
mod params;

pub(super) use params::Params;

/// The groups that this daemon has.
const GROUPS: Group = Group::STATE
    .union(Group::CPU_TOTAL)
    .union(Group::BALLOON)
    .union(Group::VCPU)
    .union(Group::INTERFACE)
    .union(Group::BLOCK);

/// How the bulk call collects; all its other flags choose domains and mean the same as those of the list call.
const MANNER: Filter = Filter::NOWAIT.union(Filter::BACKING).union(Filter::ENFORCE_STATS);

impl DomainStats<Call> for Virtqemud {
    async fn connect_get_all_domain_stats(
        &self,
        _call: &Call,
        args: ConnectGetAllDomainStatsArgs,
    ) -> Result<ConnectGetAllDomainStatsRet, Fault> {
        // Readers never wait for a job here, so that NOWAIT asks for what is always done.
        let flags = check_flags("virConnectGetAllDomainStats", args.flags, Filter::all())?;
        let groups = wanted_groups(args.stats, flags.contains(Filter::ENFORCE_STATS))?;
        let chosen = ConnectListAllDomainsFlags::from_bits_retain((flags - MANNER).bits());
        let views = if args.doms.is_empty() {
            list::filtered(&self.driver, chosen)
        } else {
            self.named_views(&args.doms, chosen)
        };
        let wired = groups.contains(Group::INTERFACE);
        let traffic = if wired { interfaces::traffic(&views) } else { host::net::Table::default() };
        let records = future::join_all(views.iter().map(|view| record(view, groups, &traffic))).await;
        // A domain that vanished meanwhile has no record.
        let records: Vec<DomainStatsRecord> = records.into_iter().flatten().collect();
        Ok(ConnectGetAllDomainStatsRet { retStats: records.into() })
    }

    async fn domain_memory_stats(
        &self,
        _call: &Call,
        args: DomainMemoryStatsArgs,
    ) -> Result<DomainMemoryStatsRet, Fault> {
        use protocol::consts::domain_memory_stat_tags as tag;
        no_flags("virDomainMemoryStats", args.flags)?;
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        let mut stats = vec![(tag::ACTUAL_BALLOON, live.balloon_kib)];
        stats.extend(proc::resident_kib(live.process.pid).map(|kib| (tag::RSS, kib)));
        stats.truncate(args.maxStats as usize);
        let stats: Vec<_> = stats.into_iter().map(|(tag, val)| DomainMemoryStat { tag, val }).collect();
        Ok(DomainMemoryStatsRet { stats: stats.into() })
    }

    async fn domain_block_stats(
        &self,
        _call: &Call,
        args: DomainBlockStatsArgs,
    ) -> Result<DomainBlockStatsRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        block::one(&view, &args.path).await
    }

    async fn domain_interface_stats(
        &self,
        _call: &Call,
        args: DomainInterfaceStatsArgs,
    ) -> Result<DomainInterfaceStatsRet, Fault> {
        interfaces::stats(&self.driver.view(&args.dom)?, &args.device)
    }
}

impl Virtqemud {
    /// The domains that the client named, without those that are gone or do not pass the filter.
    fn named_views(&self, doms: &[NonnullDomain], flags: ConnectListAllDomainsFlags) -> Vec<View> {
        let domains = doms.iter().filter_map(|named| self.driver.domain(named).ok());
        let wanted = domains.filter(|domain| list::passes(&domain.lock(), flags));
        wanted.map(|domain| domain.view()).filter(|view| view.definition().is_ok()).collect()
    }
}

/// The groups to collect: all for 0; those that we lack are left out, or refused when the client insists.
fn wanted_groups(stats: u32, enforce: bool) -> Result<Group, Fault> {
    if stats == 0 {
        return Ok(GROUPS);
    }
    let lacking = stats & !GROUPS.bits();
    if enforce && lacking != 0 {
        let detail = format!("Stats types bits 0x{lacking:x} are not supported by this daemon");
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::ARGUMENT_UNSUPPORTED, detail));
    }
    Ok(Group::from_bits_truncate(stats) & GROUPS)
}

/// One domain's record.
async fn record(view: &View, groups: Group, traffic: &host::net::Table) -> Option<DomainStatsRecord> {
    let definition = view.definition().ok()?;
    let mut params = Params::default();
    if groups.contains(Group::STATE) {
        params.int("state.state", view.status.number());
        params.int("state.reason", view.status.reason);
    }
    if groups.contains(Group::CPU_TOTAL) {
        cpu(view, &mut params);
    }
    if groups.contains(Group::BALLOON) {
        balloon(view, definition, &mut params);
    }
    if groups.contains(Group::VCPU) {
        vcpu(view, definition, &mut params);
    }
    if groups.contains(Group::INTERFACE) {
        interfaces::group(view, traffic, &mut params);
    }
    if groups.contains(Group::BLOCK) {
        block::group(view, definition, &mut params).await;
    }
    let dom = named(view).ok()?;
    Some(DomainStatsRecord { dom, params: params.into_list() })
}

fn cpu(view: &View, params: &mut Params) {
    let Some(live) = &view.live else { return };
    let Some(times) = proc::times(live.process.pid) else { return };
    params.ullong("cpu.time", times.user + times.system);
    params.ullong("cpu.user", times.user);
    params.ullong("cpu.system", times.system);
}

fn balloon(view: &View, definition: &model::domain::Domain, params: &mut Params) {
    match &view.live {
        Some(live) => params.ullong("balloon.current", live.balloon_kib),
        None => params.ullong("balloon.current", definition.memory.current_kib),
    }
    params.ullong("balloon.maximum", definition.memory.total_kib);
    if let Some(kib) = view.live.as_ref().and_then(|live| proc::resident_kib(live.process.pid)) {
        params.ullong("balloon.rss", kib);
    }
}

fn vcpu(view: &View, definition: &model::domain::Domain, params: &mut Params) {
    params.uint("vcpu.current", definition.vcpus.current as usize);
    params.uint("vcpu.maximum", definition.vcpus.max as usize);
    let Some(live) = &view.live else { return };
    for (number, thread) in &live.vcpu_threads {
        // A vcpu with a thread is online: running in the words of `virVcpuState`.
        params.int(&format!("vcpu.{number}.state"), 1);
        if let Some(times) = proc::thread_schedule(live.process.pid, thread.cast_signed()) {
            params.ullong(&format!("vcpu.{number}.time"), times.running);
            params.ullong(&format!("vcpu.{number}.delay"), times.waiting);
        }
    }
}
