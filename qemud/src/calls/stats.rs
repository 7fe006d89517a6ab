//! Statistics: the bulk call with its groups, and the single calls about memory.

use std::pin::Pin;

use ::driver::room;
use futures_util::future;
use host::proc::Times;
use protocol::consts::{
    ConnectGetAllDomainStatsFlags as Filter, ConnectListAllDomainsFlags, DomainStatsTypes as Group,
    TypedParameterFlags,
};
use protocol::limits::{
    DOMAIN_BLOCK_STATS_PARAMETERS_MAX, DOMAIN_GET_CPU_STATS_MAX, DOMAIN_MEMORY_STATS_MAX, NODE_CPU_STATS_MAX,
};
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use super::{interfaces, list};
use crate::balloon;
use crate::diskinfo::Images;
use crate::domain::{Live, View};
use crate::driver::{check_flags, named, no_flags};
use crate::service::Virtqemud;

mod block;
mod kernel;
mod memory;
mod params;
mod threads;

pub(super) use params::Params;

/// The groups that this daemon has. Of those of events (`perf`) and of memory bandwidth (resctrl) a guest has
/// figures only once they are switched on, which this daemon does not do yet.
const GROUPS: Group = Group::all();

/// How the bulk call collects; all its other flags choose domains and mean the same as those of the list call.
const MANNER: Filter = Filter::NOWAIT.union(Filter::BACKING).union(Filter::ENFORCE_STATS);

impl DomainStats<Call> for Virtqemud {
    async fn connect_get_all_domain_stats(
        &self,
        call: &Call,
        args: ConnectGetAllDomainStatsArgs,
    ) -> Result<ConnectGetAllDomainStatsRet, Fault> {
        // Readers never wait for a job here, so that NOWAIT asks for what is always done.
        let flags = check_flags("virConnectGetAllDomainStats", args.flags, Filter::all())?;
        let groups = wanted_groups(args.stats, flags.contains(Filter::ENFORCE_STATS))?;
        let chosen = ConnectListAllDomainsFlags::from_bits_retain((flags - MANNER).bits());
        let shown = self.shown(call).await;
        let views = if args.doms.is_empty() {
            list::filtered(&self.driver, chosen, &shown)
        } else {
            let named = self.named_views(&args.doms, chosen);
            named.into_iter().filter(|view| shown.has(view.uuid)).collect()
        };
        let backing = flags.contains(Filter::BACKING);
        let wired = groups.contains(Group::INTERFACE);
        let traffic = &if wired { interfaces::traffic(&views) } else { host::net::Table::default() };
        let stored = groups.contains(Group::BLOCK);
        let images = if stored { block::images(&views).await } else { Images::default() };
        let mut records: Vec<_> = views.iter().map(|view| at_rest(view, groups, &images)).collect();
        let running = views.iter().zip(&mut records).filter_map(|(view, record)| {
            let live = view.live.as_ref()?;
            Some(async move { *record = running(view, live, groups, backing, traffic).await })
        });
        future::join_all(running).await;
        // A domain that vanished meanwhile has no record.
        let records: Vec<DomainStatsRecord> = records.into_iter().flatten().collect();
        Ok(ConnectGetAllDomainStatsRet { retStats: records.into() })
    }

    async fn domain_memory_stats(
        &self,
        _call: &Call,
        args: DomainMemoryStatsArgs,
    ) -> Result<DomainMemoryStatsRet, Fault> {
        no_flags("virDomainMemoryStats", args.flags)?;
        let room = i32::try_from(args.maxStats).unwrap_or(i32::MAX);
        room::of_figures(room, DOMAIN_MEMORY_STATS_MAX, "maxStats")?;
        let view = self.driver.view(&args.dom)?;
        let stats = memory::stats(view.active()?, args.maxStats).await;
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

    async fn domain_block_stats_flags(
        &self,
        _call: &Call,
        args: DomainBlockStatsFlagsArgs,
    ) -> Result<DomainBlockStatsFlagsRet, Fault> {
        // Nothing here is a text, so that it does not matter whether the client takes texts.
        let known = TypedParameterFlags::PARAM_STRING_OKAY;
        check_flags("virDomainBlockStatsFlags", args.flags, known)?;
        room::of_figures(args.nparams, DOMAIN_BLOCK_STATS_PARAMETERS_MAX, "nparams")?;
        let view = self.driver.view(&args.dom)?;
        let (params, nparams) = block::by_name(&view, &args.path, args.nparams).await?;
        Ok(DomainBlockStatsFlagsRet { params: params.into(), nparams })
    }

    async fn domain_get_cpu_stats(
        &self,
        _call: &Call,
        args: DomainGetCpuStatsArgs,
    ) -> Result<DomainGetCpuStatsRet, Fault> {
        let known = TypedParameterFlags::PARAM_STRING_OKAY;
        check_flags("virDomainGetCPUStats", args.flags, known)?;
        let most = |given: u32| i32::try_from(given).unwrap_or(i32::MAX);
        room::of_figures(most(args.nparams), NODE_CPU_STATS_MAX, "nparams")?;
        room::of_figures(most(args.ncpus), DOMAIN_GET_CPU_STATS_MAX / NODE_CPU_STATS_MAX, "ncpus")?;
        let asked = kernel::Asked { nparams: args.nparams, start: args.start_cpu, ncpus: args.ncpus };
        let (params, nparams) = kernel::cpu_stats(&self.driver, &self.driver.view(&args.dom)?, asked).await?;
        Ok(DomainGetCpuStatsRet { params: params.into(), nparams })
    }

    async fn domain_set_memory_stats_period(
        &self,
        _call: &Call,
        args: DomainSetMemoryStatsPeriodArgs,
    ) -> Result<(), Fault> {
        balloon::set_period(&self.driver, &args).await
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
        let wanted =
            domains.filter(|domain| list::passes(&domain.lock(), flags, &list::Belongings::default()));
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

/// The record of a domain that does not run. It waits for nothing.
fn at_rest(view: &View, groups: Group, images: &Images) -> Option<DomainStatsRecord> {
    let definition = view.persistent.as_ref().filter(|_| view.live.is_none())?;
    let mut params = Params::default();
    if groups.contains(Group::STATE) {
        state(view, &mut params);
    }
    if groups.contains(Group::CPU_TOTAL) {
        kernel::times(Times::default(), &mut params);
    }
    if groups.contains(Group::BALLOON) {
        memory::sizes(definition.memory.current_kib, definition, &mut params);
    }
    if groups.contains(Group::VCPU) {
        kernel::vcpu_counts(definition, &mut params);
    }
    if groups.contains(Group::BLOCK) {
        block::at_rest(definition, images, &mut params);
    }
    Some(DomainStatsRecord { dom: named(view).ok()?, params: params.into_list() })
}

/// The record of a running guest.
async fn running(
    view: &View,
    live: &Live,
    groups: Group,
    backing: bool,
    traffic: &host::net::Table,
) -> Option<DomainStatsRecord> {
    let mut params = Params::default();
    if groups.contains(Group::STATE) {
        state(view, &mut params);
    }
    // QEMU is asked for all groups at once. Each has a box of its own: a record without it takes nothing for it.
    let counters = kernel::VcpuCounters::default();
    let mut parts: Vec<Pin<Box<dyn Future<Output = Params> + Send + '_>>> = Vec::new();
    if groups.contains(Group::CPU_TOTAL) {
        parts.push(Box::pin(kernel::processor(live, &counters)));
    }
    if groups.contains(Group::BALLOON) {
        parts.push(Box::pin(memory::group(live)));
    }
    if groups.contains(Group::VCPU) {
        parts.push(Box::pin(kernel::vcpus(live, &counters)));
    }
    if groups.contains(Group::INTERFACE) {
        parts.push(Box::pin(future::ready(interfaces::group(live, traffic))));
    }
    if groups.contains(Group::BLOCK) {
        parts.push(Box::pin(block::group(live, backing)));
    }
    if groups.contains(Group::IOTHREAD) {
        parts.push(Box::pin(threads::iothreads(live)));
    }
    if groups.contains(Group::DIRTYRATE) {
        parts.push(Box::pin(threads::dirty_rate(live)));
    }
    if groups.contains(Group::VM) {
        parts.push(Box::pin(kernel::machine(live)));
    }
    for part in future::join_all(parts).await {
        params.append(&part);
    }
    Some(DomainStatsRecord { dom: named(view).ok()?, params: params.into_list() })
}

/// State and reason.
fn state(view: &View, params: &mut Params) {
    params.int("state.state", view.status.number());
    params.int("state.reason", view.status.reason);
}
